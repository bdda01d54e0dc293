"""Training switches in runs that end with their training: each changes what it should and leaves the rest."""

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from munseo import UserError
from munseo._config import load_config
from munseo._console import quietly
from munseo._run import open_run
from munseo._training import checkpoint as saving
from munseo._training.resume import reopen_run
from munseo._training.training_run import fit, start_run

QUICK = {"shift": "none", "drop_path_rate": 0.1}
EVERY = {
    "epochs": 4, "shift": "competition", "shifted_draws": 1, "logit_adjustment": 1.0, "snapshot_epochs": 3,
    "layer_decay": 0.7, "warmup_epochs": 1, "augmentation__matched": "true",
    "progressive_resizing": "[{from_epoch: 0, image_size: 32}, {from_epoch: 2, image_size: 64}]",
    "class_policies": "[{classes: [3, passport], augmentation: {dilation: true}}]",
}  # fmt: skip


@pytest.fixture
def run_of(overrides, plain_config):
    """Train a tiny run; keyword arguments change single keys."""

    def train(**changes):
        with quietly(True):
            training = start_run(load_config(plain_config, overrides(**{**QUICK, **changes})), ["a", "test"])
            fit(training.folder, training.config, training.card, training.splits[0], [])
        return training.folder

    return train


def columns(run, prefix):
    return run.read_metrics().filter(like=prefix)


def test_snapshots_change_what_is_validated_and_not_what_is_trained(run_of):
    plain, averaged = run_of(epochs=3), run_of(epochs=3, snapshot_epochs=2)
    pd.testing.assert_frame_equal(columns(plain, "train_"), columns(averaged, "train_"), check_exact=True)
    before, after = columns(plain, "val_"), columns(averaged, "val_")
    pd.testing.assert_frame_equal(before[:2], after[:2], check_exact=True)
    assert before["val_loss"][2] != after["val_loss"][2], "the mean of two"
    best = averaged.read_manifest()["course"]["best_epoch"]
    assert averaged.read_manifest()["effective"]["snapshots"] == max(0, best)


def test_logit_adjustment_is_in_the_training_loss_alone(run_of, finished):
    still = {"lr": 1e-9, "epochs": 1, "pretrained": finished.weights_file}
    plain, adjusted = (run_of(**still, logit_adjustment=tau) for tau in (0, 5))
    assert columns(plain, "train_loss").iloc[0, 0] != columns(adjusted, "train_loss").iloc[0, 0]
    for name in ("train_accuracy", "val_loss", "val_accuracy"):
        assert columns(plain, name).iloc[0, 0] == pytest.approx(columns(adjusted, name).iloc[0, 0], rel=1e-4)


def test_layers_learn_slower_and_the_rate_of_the_head_is_reported(run_of, finished):
    before = load_file(finished.weights_file)
    values = {"pretrained": finished.weights_file, "epochs": 1, "scheduler_name": "none", "weight_decay": 0}
    moved = {}
    for decay in ("null", 0.2):
        run = run_of(**values, layer_decay=decay)
        assert run.read_manifest()["effective"]["lr_max"] == 0.003
        after = load_file(run.weights_file)
        moved[decay] = {
            name: (after[name] - before[name]).abs().mean().item() for name in ("conv_stem.weight", "classifier.weight")
        }
    assert moved[0.2]["conv_stem.weight"] < 0.01 * moved["null"]["conv_stem.weight"]
    assert moved[0.2]["classifier.weight"] > 0.5 * moved["null"]["classifier.weight"]


def test_one_size_models_cannot_resize(run_of):
    stages = "[{from_epoch: 0, image_size: 32}]"
    with pytest.raises(UserError, match="progressive_resizing: vit_tiny_patch16_224 takes pages of one size only"):
        run_of(model_name="vit_tiny_patch16_224", progressive_resizing=stages)


def test_pages_of_groups_are_counted_by_policy(run_of):
    groups = "[{classes: [3, passport], augmentation: {eda: false, dilation: true}}]"
    run = run_of(class_policies=groups, augmentation_probability=1.0, epochs=1)
    counted, table = run.read_manifest()["course"]["augmented_pages"], run.read_manifest()["data"]["class_counts"]
    of_groups = sum(row["after"] for place, row in enumerate(table) if place == 3 or row["class"] == "passport")
    assert counted == {"clean": 0, "dilation": of_groups, "eda": sum(row["after"] for row in table) - of_groups}
    assert "dilation" in run.name


class PowerCutError(Exception):
    """Stands for a kill after an epoch."""


def test_workers_and_interruptions_change_no_bit_of_a_run_with_every_switch(run_of, monkeypatch):
    whole, of_workers = run_of(**EVERY), run_of(**EVERY, num_workers=2)
    save = saving.save_state

    def save_and_stop(trainer, *where):
        save(trainer, *where)
        if trainer.current_epoch == 2:  # one snapshot is taken
            raise PowerCutError

    monkeypatch.setattr(saving, "save_state", save_and_stop)
    with pytest.raises(PowerCutError):
        run_of(**EVERY)
    monkeypatch.undo()
    (path,) = set(whole.path.parent.iterdir()) - {whole.path, of_workers.path}
    interrupted = open_run(path)
    assert len(interrupted.read_metrics()) == 2
    with quietly(True):
        training = reopen_run(interrupted)
        fit(training.folder, training.config, training.card, training.splits[0], [])
    first = load_file(whole.weights_file)
    for other in (of_workers, interrupted):
        assert whole.metrics_file.read_bytes() == other.metrics_file.read_bytes()
        second = load_file(other.weights_file)
        assert all(torch.equal(first[name], second[name]) for name in first)
