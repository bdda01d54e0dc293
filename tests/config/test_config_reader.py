"""Configuration files: what is valid, and what the user is told when they are not."""

import json
import re
from pathlib import Path

import pytest

from munseo import _config as configuration
from munseo._config import load_config
from munseo._errors import UserError

TEMPLATES = sorted(configuration.templates())
REFERENCE_BLOCKS = """
```yaml
model_name: efficientnet_b4.ra2_in1k
pretrained: true
fine_tuning: full  # 전체 파라미터 재학습
image_size: 320    # 고해상도 설정
```
```yaml
# 옵티마이저
optimizer_name: AdamW
lr: 0.0001
weight_decay: 0.00001

# 스케줄러
scheduler_name: CosineAnnealingLR

# 배치 설정
batch_size: 20
val_batch_size: 50
batch_size_multiplier: 0.8

# 학습 제어
epochs: 1000
patience: 20
early_stopping_min_delta: 0.000001
```
```yaml
norm_mean: [0.5, 0.5, 0.5]
norm_std: [0.5, 0.5, 0.5]
val_split_ratio: 0.15
stratify: true
```
```yaml
augmentation_level: minimal
online_augmentation: true
augmentation:
  eda: true          # EDA 증강만 활성화
  dilation: false    # 팽창 비활성화
  erosion: false     # 침식 비활성화
  mixup: false       # MixUp 비활성화
  cutmix: false      # CutMix 비활성화
```
```yaml
class_imbalance:
  aug_class: [1, 13, 14]  # 특정 클래스 증강
  max_samples: 78
```
```yaml
TTA: false              # Test Time Augmentation 비활성화
mixed_precision: false  # Mixed Precision 비활성화
```
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "run.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_reference_blocks_pasted_are_a_configuration(tmp_path):
    pasted = "\n".join(re.findall(r"```yaml\n(.*?)```", REFERENCE_BLOCKS, re.DOTALL))
    config = load_config(write(tmp_path, pasted))
    assert (config.model_name, config.lr, config.epochs) == ("efficientnet_b4.ra2_in1k", 1e-4, 1000)
    assert config.class_imbalance is not None
    assert config.class_imbalance.aug_class == [1, 13, 14]
    assert config == load_config("efficientnet_b4"), "the shipped template is these blocks"


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_parses_and_says_what_it_is_for(name):
    load_config(name)
    assert len(configuration.templates()[name]) > 20


def test_all_problems_are_told_at_once_with_line_value_and_allowed(tmp_path):
    text = "lr: -1\naugmentaton_level: minimal\nbatch_size: many\naugmentation:\n  edda: true\n  eda: maybe\n"
    with pytest.raises(UserError) as caught:
        load_config(write(tmp_path, text), ["epochs=x", "wandb.lg=true"])
    told = "\n".join(caught.value.problems)
    assert "lr (line 1): -1 is not allowed; should be greater than 0" in told
    assert "augmentaton_level (line 2): unknown key; did you mean augmentation_level?" in told
    assert "batch_size (line 3): 'many' is not allowed; should be a valid integer or 'auto'" in told
    assert "augmentation.edda (line 5): unknown key; did you mean eda?" in told
    assert "augmentation.eda (line 6): 'maybe' is not allowed; should be a valid boolean" in told
    assert "epochs: 'x' is not allowed" in told
    assert "wandb.lg: unknown key; did you mean log?" in told
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("n_folds: 1", "n_folds: 1 is not allowed"),
        ("n_folds: 5\nfold: 5", "fold: 5 is not allowed; less than n_folds (5)"),
        ("fine_tuning: custom", "trainable_patterns: needed with fine_tuning: custom"),
        ("norm_mean: model", "norm_mean, norm_std: either both"),
        ("norm_std: [0, 1, 1]", "every value greater than 0"),
        ("scheduler_name: OneCycleLR\nwarmup_epochs: 1", "OneCycleLR warms up by itself"),
        ("class_weighting: true\nweighted_sampler: true", "choose one"),
        ("class_weighting: true\nlogit_adjustment: 1", "class_weighting, logit_adjustment: each balances"),
        ("snapshot_epochs: 3\nema_decay: 0.9", "snapshot_epochs, ema_decay: both average the weights"),
        ("snapshot_epochs: 9\nepochs: 8", "snapshot_epochs: 9 is not allowed; at most epochs (8)"),
        ("layer_decay: 0", "layer_decay (line 1): 0 is not allowed"),
        ("progressive_resizing: [{from_epoch: 0, image_size: 640}]", "image_size: 640 is not allowed; at most"),
        (
            "progressive_resizing: [{from_epoch: 2, image_size: 96}, {from_epoch: 2, image_size: 128}]",
            "progressive_resizing.1.from_epoch: 2 is not after the one before",
        ),
        ("class_policies: [{classes: []}]", "class_policies.0.classes (line 1): [] is not allowed"),
        ("class_policies: [{classes: [1]}]\nonline_augmentation: false", "class_policies: needs online_augmentation"),
        (
            "class_policies: [{classes: [1], augmentation: {mixup: true}}]",
            "class_policies.0.augmentation.mixup: mixes whole batches",
        ),
        ("shift: none\naugmentation: {matched: true}", "augmentation.matched: draws damage from the recipe of shift"),
        (
            "shift: none\nclass_policies: [{classes: [1], augmentation: {matched: true}}]",
            "augmentation.matched: draws damage from the recipe of shift",
        ),
        ("lr: 1\nlr: 2", "lr (line 2): given twice"),
        ("- a\n- b", "should hold 'key: value' lines"),
        ("lr: [", "not valid YAML"),
        ("class_imbalance: {aug_class: [1]}", "class_imbalance.max_samples: missing"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, text, told):
    with pytest.raises(UserError, match=re.escape(told)):
        load_config(write(tmp_path, text))


def test_numbers_in_exponent_form_are_numbers(tmp_path):
    config = load_config(write(tmp_path, "lr: 1e-4\nweight_decay: 5E-2\nepochs: 30"))
    assert (config.lr, config.weight_decay, config.epochs) == (1e-4, 0.05, 30)


def test_overrides_win_and_reach_into_sections(tmp_path):
    config = load_config(write(tmp_path, "lr: 1.0e-4"), ["lr=0.01", "wandb.log=true", "scheduler_params={T_0: 3}"])
    assert config.lr == 0.01
    assert config.wandb.log
    assert config.scheduler_params == {"T_0": 3}


def test_an_override_without_equals_sign_is_named(tmp_path):
    with pytest.raises(UserError, match="should be key=value"):
        load_config(write(tmp_path, "lr: 1"), ["epochs"])


def test_aliases_that_explode_are_refused(tmp_path):
    text = "b0: &b0 [x]\n" + "".join(f"b{n + 1}: &b{n + 1} [*b{n}, *b{n}]\n" for n in range(24))
    with pytest.raises(UserError, match="YAML aliases"):
        load_config(write(tmp_path, text))


def test_a_missing_file_names_the_templates():
    with pytest.raises(UserError, match=r"efficientnet_b4.*rvl5"):
        load_config("nowhere.yaml")


def test_what_is_shown_can_be_read_back(tmp_path):
    shown = configuration.show("rvl5", ["lr=0.5"])
    assert load_config(write(tmp_path, shown)) == load_config("rvl5", ["lr=0.5"])


def test_the_schema_is_json_and_knows_every_key():
    schema = json.loads(configuration.schema())
    assert {"model_name", "TTA", "class_imbalance"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
