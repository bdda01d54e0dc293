"""An interrupted run goes on only as the run that it was: whatever was edited since is named, all in one message."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from munseo import UserError
from munseo._config import Config, load_config
from munseo._config.key import OnResume, keys_of
from munseo._console import quietly
from munseo._run import open_run
from munseo._run.atomic import write_json
from munseo._training.resume import reopen_run
from munseo._training.training_run import start_run

FREE = {
    "data_dir", "image_dir", "test_dir", "runs_dir", "on_bad_image", "save_every_minutes", "language", "cache",
    "follow_links", "num_workers", "wandb", "mlflow", "tensorboard", "text_keep",
}  # fmt: skip
"""Where things are, and what is told to whom: pages are compared one by one, wherever they are now."""
ROUNDED = {"device", "num_threads", "channels_last", "val_batch_size"}
"""How sums are computed. With another number of threads or another device they are added in another order."""
REFUSED = {
    "model_name", "pretrained", "fine_tuning", "image_size", "trainable_patterns", "drop_rate", "drop_path_rate",
    "activation", "head_hidden", "norm_mean", "norm_std",  # the model
    "train_table", "val_table", "id_column", "target_column", "val_split_ratio", "stratify", "group_column",
    "split_by_likeness", "n_folds", "held_out_ratio", "fold", "random_seed",  # the pages, and their split
    "augmentation_level", "online_augmentation", "augmentation", "augmentation_probability", "augmentation_params",
    "mix_probability", "dynamic_augmentation", "class_policies", "progressive_resizing", "class_imbalance",
    "weighted_sampler",  # what is drawn in an epoch
    "class_weighting", "loss", "label_smoothing", "focal_gamma", "logit_adjustment",  # the loss
    "optimizer_name", "optimizer_params", "lr", "weight_decay", "scheduler_name", "scheduler_params", "warmup_epochs",
    "batch_size", "batch_size_multiplier", "accumulate_batches", "gradient_clip_norm", "mixed_precision",
    "layer_decay", "ema_decay", "snapshot_epochs", "compile", "devices", "num_nodes",  # the steps
    "epochs", "patience", "early_stopping_min_delta", "monitor",  # which epochs, and the best of them
    "shift", "shifted_draws", "judging", "robustness_pages",  # what is measured
    "TTA", "tta_views", "tta_space", "second_look", "orientation",
    "text", "text_column", "ocr_languages", "text_min_pages",  # the words, and the model of them
}  # fmt: skip
"""What is trained, for how long, and how it is judged; folds that are done were judged by the settings at the start."""


def test_every_key_is_classified_on_purpose():
    """A new key fails here until somebody has decided what its change means for a run that goes on."""
    groups = {OnResume.FREE: FREE, OnResume.ROUNDED: ROUNDED, OnResume.REFUSED: REFUSED}
    keys = keys_of(Config)
    assert set(keys) == FREE | ROUNDED | REFUSED
    assert {rule: {name for name, key in keys.items() if key.on_resume == rule} for rule in OnResume} == groups


CLASSES = ("card", "form", "letter")


def draw(file, kind, seed):
    """A page with a few lines of its kind."""
    rng = np.random.default_rng([kind, seed])
    page = 255 - rng.integers(0, 20, (64, 48), dtype=np.uint8)
    page[8 :: 6 + 4 * kind, 6 : int(rng.integers(20, 42))] = 30
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(page).save(file)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A run that has just begun, and its data: three classes of six pages, and three test pages."""
    folder = tmp_path_factory.mktemp("started")
    rows = []
    for kind, name in enumerate(CLASSES):
        for number in range(6):
            draw(folder / "data" / "train" / f"{name}{number}.png", kind, number)
            rows.append((f"{name}{number}.png", name))
        draw(folder / "data" / "test" / f"t{kind}.png", kind, 99)
    pd.DataFrame(rows, columns=["ID", "target"]).to_csv(folder / "data" / "train.csv", index=False)
    values = {
        "model_name": "test_efficientnet.r160_in1k", "pretrained": "false", "image_size": 64, "epochs": 3, "lr": 0.003,
        "val_split_ratio": 0.34, "device": "cpu", "num_threads": 1, "cache": "off", "robustness_pages": 0,
        "data_dir": folder / "data", "runs_dir": folder / "runs", "split_by_likeness": "none", "num_workers": 0,
    }  # fmt: skip
    (folder / "plain.yaml").write_text("{}\n")
    with quietly(True):
        config = load_config(folder / "plain.yaml", [f"{key}={value}" for key, value in values.items()])
        start_run(config, ["a", "test"])
    return folder


@pytest.fixture
def run(started, tmp_path):
    """A copy of the run whose data are a copy, too."""
    (folder,) = (started / "runs").iterdir()
    shutil.copytree(started / "data", tmp_path / "data")
    return open_run(shutil.copytree(folder, tmp_path / "run"))


def reopen(run):
    with quietly(True):
        return reopen_run(run, run.path.parent / "data")


def refused(run):
    before = {file: file.read_bytes() for file in run.path.iterdir()}
    with pytest.raises(UserError, match="settings or data are not those that this run started with") as caught:
        reopen(run)
    assert {file: file.read_bytes() for file in run.path.iterdir()} == before, "a refusal changes nothing"
    return caught.value.problems


def edit(run, **changes):
    values = yaml.safe_load(run.config_file.read_text())
    assert not [key for key in changes if values[key] == changes[key]]
    run.config_file.write_text(yaml.safe_dump({**values, **changes}))


def test_a_run_that_is_as_it_was_goes_on(run):
    training = reopen(run)
    pages = pd.read_parquet(run.pages_file)
    assert [page.id for page in training.splits[0].val] == pages.loc[pages["part"] == "val", "ID"].tolist()


SEEN = [
    ("random_seed", 7), ("val_split_ratio", 0.5), ("lr", 9.0), ("image_size", 96), ("batch_size", 3), ("epochs", 30),
    ("monitor", "val_macro_f1"), ("patience", 1), ("stratify", False), ("shift", "none"), ("ema_decay", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), SEEN)
def test_a_setting_of_the_result_is_refused(run, key, value):
    edit(run, **{key: value})
    before = json.dumps(run.read_manifest()["start"]["settings"][key])
    (problem,) = refused(run)
    assert problem.startswith(f"{key}: {before} at the start, {json.dumps(getattr(run.read_config(), key))} in config")


def test_settings_of_the_machine_may_change(run, capsys):
    edit(run, num_workers=2, language="ko", save_every_minutes=1, num_threads=2, val_batch_size=3)
    edit(run, mlflow={"log": True, "experiment": "other"}, data_dir="/nowhere")
    config = reopen_run(run, run.path.parent / "data").config
    assert (config.num_workers, config.language, config.num_threads, config.mlflow.log) == (2, "ko", 2, True)
    told = capsys.readouterr().err
    assert "num_threads: 1 at the start, 2 from now on; sums are rounded differently" in told
    assert "val_batch_size: 50 at the start, 3 from now on; sums are rounded differently" in told
    assert "language" not in told


def test_added_classes_and_tables_are_refused(run):
    data = run.path.parent / "data"
    (data / "meta.csv").write_text("target,class_name\nletter,letter\ncard,card\nform,form\n")
    sample = "".join(f"t{number}.png,card\n" for number in (1, 0))
    (data / "sample_submission.csv").write_text(f"ID,target\n{sample}")
    problems = refused(run)
    assert problems[:3] == [
        "meta.csv: was not there at the start",
        "sample_submission.csv: was not there at the start",
        'classes: ["card", "form", "letter"] at the start, ["letter", "card", "form"] now',
    ]
    assert "test/t2.png: gone" in problems


def test_all_that_changed_stands_in_one_message(run):
    edit(run, lr=1.0, random_seed=43)
    data = run.path.parent / "data"
    table = (data / "train.csv").read_text().replace("form3.png,form", "form3.png,card")
    (data / "train.csv").write_text(table.replace("letter5.png,letter\n", ""))
    draw(data / "train" / "card2.png", 0, 77)
    draw(data / "test" / "t1.png", 1, 77)
    draw(data / "test" / "t3.png", 1, 77)
    problems = refused(run)
    assert [problem.partition(" at the start")[0] for problem in problems[:2]] == ["lr: 0.003", "random_seed: 42"]
    assert problems[2] == "train.csv: changed"
    assert {
        "train/letter5.png: gone", "test/t3.png: was not there at the start", "train/card2.png: the image has changed",
        "test/t1.png: the image has changed", "form3.png: label form at the start, card now",
    } <= set(problems)  # fmt: skip


def test_without_the_settings_of_the_start_pages_and_classes_are_compared(run):
    """Runs of earlier versions have neither ``start`` nor a copy of the settings."""
    write_json(run.manifest_file, {key: value for key, value in run.read_manifest().items() if key != "start"})
    edit(run, random_seed=7)
    moved = {problem.partition(":")[2] for problem in refused(run)}
    assert moved == {" train page at the start, val page now", " val page at the start, train page now"}


def test_files_that_the_run_wrote_at_its_start_are_compared(run):
    run.shift_file.write_text(run.shift_file.read_text() + "\n# edited\n")
    assert refused(run) == ["shift.yaml: not the file that the run wrote at its start"]


def test_a_model_card_of_other_classes_is_refused(run):
    card = reopen(run).card.to_dict()
    write_json(run.model_file, {**card, "class_names": ["form", "card", "letter"], "image_size": 32})
    assert refused(run) == [
        'class_names: ["form", "card", "letter"] in model.json, ["card", "form", "letter"] now',
        "image_size: 32 in model.json, 64 now",
    ]


def test_data_that_cannot_be_read_any_more_stand_with_the_settings(run):
    edit(run, lr=1.0)
    (run.path.parent / "data" / "train" / "card2.png").write_bytes(b"cut off")
    problems = refused(run)
    assert problems[0].startswith("lr: ")
    assert any("card2.png" in problem for problem in problems[1:])
