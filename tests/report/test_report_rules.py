"""Each sentence follows from numbers, and each proposed command is a valid configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_run import ENGLISH, change, write_folds, write_run

from munseo._config import Config, load_config
from munseo._config.key import keys_of
from munseo._locale import LANGUAGES, Texts
from munseo._report import record_score
from munseo._report.content.analysis import sentence
from munseo._report.experiments import ensemble_members, experiments
from munseo._report.facts import gather
from munseo._report.rules import analyse
from munseo._run import RunFolder


def findings(run: RunFolder) -> dict[str, dict[str, Any]]:
    return {finding.rule: finding.numbers for finding in analyse(gather(run))}


def test_reference_run(korean_run: RunFolder):
    record_score(korean_run, public=0.8619)
    found = findings(korean_run)
    assert found["gap_large"]["gap"] == pytest.approx(0.0688)
    assert found["interval_width"]["half"] == pytest.approx(0.03425)
    assert found["server_below"]["distance"] == pytest.approx(0.8812 - 0.8619)
    assert found["long_horizon"]["share"] == pytest.approx(0.998, abs=0.001)
    assert found["overconfident"]["epoch"] == 8
    assert found["weakest"]["classes"][0].name == "입퇴원 확인서"
    assert found["main_pairs"]["num_pairs"] == 3
    assert found["main_pairs"]["share"] == pytest.approx(12 / 19)
    assert found["skipped"]["count"] == 1
    assert not found.keys() & {"still_improving", "first_epoch_best", "gap_small", "few_val_pages", "rate_disagrees"}


@pytest.mark.parametrize(("public", "rule"), [(0.8, "server_below"), (0.9, "server_inside"), (0.97, "server_above")])
def test_server_score_against_the_interval(english_run: RunFolder, public: float, rule: str):
    record_score(english_run, public=public)
    assert [name for name in findings(english_run) if name.startswith("server")] == [rule]


@pytest.mark.parametrize(
    ("train", "rule"), [(0.97, "gap_large"), (0.93, "gap_small"), (0.90, "gap_negative"), (0.95, None)]
)
def test_gap(english_run: RunFolder, train: float, rule: str | None):
    change(english_run.results_file, "train", "macro_f1", value=train)
    assert [name for name in findings(english_run) if name.startswith("gap")] == ([rule] if rule else [])


def test_blended_pages_say_nothing_about_overfitting(english_run: RunFolder):
    change(english_run.manifest_file, "effective", "mixes", value=["mixup"])
    assert not any(name.startswith("gap") for name in findings(english_run))


def test_epochs_ran_out(english_run: RunFolder):
    change(english_run.manifest_file, "course", "stopped", value="epochs")
    assert "still_improving" not in findings(english_run)
    change(english_run.manifest_file, "course", "best_epoch", value=27)
    assert findings(english_run)["still_improving"] == {"monitor": "val_loss", "best": 28, "done": 28}


def test_first_epoch_was_best(english_run: RunFolder):
    change(english_run.manifest_file, "course", "best_epoch", value=0)
    assert findings(english_run)["first_epoch_best"]["rate"] == 1e-4


def test_small_support(tmp_path: Path):
    run = write_run(tmp_path / "run")
    per_class = [{"class": "진단서", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4}]
    change(run.results_file, "val", "per_class", value=per_class)
    change(run.results_file, "val", "confusion", value=[[4]])
    found = findings(run)
    assert found["small_support"]["classes"] == ("진단서",)
    assert found["few_val_pages"]["smallest"] == 4


def test_imbalance_is_of_the_pages_that_train(english_run: RunFolder):
    counts = [{"class": "a", "before": 20, "added": 0, "after": 20, "val": 4},
              {"class": "b", "before": 90, "added": 0, "after": 90, "val": 9}]  # fmt: skip
    change(english_run.manifest_file, "data", "class_counts", value=counts)
    assert findings(english_run)["imbalance"]["ratio"] == 4.5
    facts = gather(english_run)
    for key in (name for name, known in keys_of(Config).items() if known.balances):
        balanced = replace(facts, config=facts.config.model_copy(update={key: 1}))
        assert "imbalance" not in {finding.rule for finding in analyse(balanced)}, key
    counts[0].update(added=70, after=90)
    change(english_run.manifest_file, "data", "class_counts", value=counts)
    assert "imbalance" not in findings(english_run)


def test_lost_values_raise_no_alarm(english_run: RunFolder):
    metrics = english_run.read_metrics()
    english_run.write_table(english_run.metrics_file, metrics.assign(val_loss=float("nan")))
    assert "overconfident" not in findings(english_run)


def test_every_rule_has_a_sentence_in_both_languages(korean_run: RunFolder, tmp_path: Path):
    record_score(korean_run, public=0.8619)
    for run in (korean_run, write_folds(tmp_path / "folds")):
        for finding in analyse(gather(run)):
            for language in LANGUAGES:
                assert "{" not in sentence(finding, Texts(language, "report"))


CONFIGS = [
    {},
    {"scheduler_name": "OneCycleLR", "scheduler_params": {"pct_start": 0.2}},
    {"scheduler_name": "StepLR", "scheduler_params": {"step_size": 3}, "warmup_epochs": 1},
    {"model_name": "vit_base_patch16_224.augreg2_in21k_ft_in1k", "image_size": 224, "fine_tuning": "custom",
     "trainable_patterns": ["blocks.11*"], "pretrained": "weights.safetensors"},
    {"model_name": "resnet50.a1_in1k", "norm_mean": "model", "norm_std": "model", "augmentation_level": "strong"},
    {"model_name": "tf_efficientnet_lite0.in1k", "image_size": 512, "val_table": "val.csv", "monitor": "val_macro_f1"},
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
def test_every_command_is_a_valid_configuration_and_changes_it(tmp_path: Path, config: dict[str, Any]):
    run = write_run(tmp_path / "run", ENGLISH, config)
    record_score(run, public=0.7)
    change(run.manifest_file, "effective", "lr_max", value=4e-4)
    facts = gather(run)
    tried = [*experiments(facts, analyse(facts)), *ensemble_members(facts)]
    assert len(tried) >= 4
    before = facts.config.model_dump()
    for experiment in tried:
        after = load_config(run.config_file, experiment.overrides).model_dump()
        assert after != before, experiment
        assert Texts("en", "report").name("try", experiment.reason) != experiment.reason.replace("_", " ")


def test_findings_choose_the_experiments(korean_run: RunFolder):
    def words() -> set[str]:
        facts = gather(korean_run)
        return {word for experiment in experiments(facts, analyse(facts)) for word in experiment.overrides}

    assert {
        "image_size=384",
        "epochs=30",
        "scheduler_name=OneCycleLR",
        "norm_mean=model",
        "label_smoothing=0.1",
    } <= words()
    assert "lr=0.0004" not in words()
    change(korean_run.manifest_file, "effective", "lr_max", value=4e-4)
    assert "lr=0.0004" in words()


def test_short_runs_are_judged_too(english_run: RunFolder):
    metrics = pd.DataFrame(english_run.read_metrics().head(1))
    english_run.write_table(english_run.metrics_file, metrics)
    change(english_run.manifest_file, "course", "epochs_done", value=1)
    change(english_run.manifest_file, "course", "best_epoch", value=0)
    assert "first_epoch_best" not in findings(english_run)
