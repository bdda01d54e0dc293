"""More epochs than planned: what was trained stays, what was measured is measured again, and nothing is stale."""

import json
import shutil

import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping

from munseo import Predictor, UserError, resume
from munseo._config import load_config
from munseo._config.training_settings import OptimizerSettings
from munseo._console import quietly
from munseo._run import open_run
from munseo._training import resume as resuming
from munseo._training.continuation import (
    problems_of_continuation,
    record_continuation,
    remove_old_results,
    spread_continuations,
)
from munseo._training.optimizer import SCHEDULERS, build_optimizer, build_schedule, replan
from munseo._training.resume import reopen_run
from munseo._training.stop_rules import EpochRule, let_stopped_rules_go_on
from munseo._training.training_run import fit, start_run

STEPS = 5
"""Steps of an epoch."""


def schedule_of(name, epochs, **values):
    config = OptimizerSettings(scheduler_name=name, epochs=epochs, lr=0.01, **values)
    optimizer = build_optimizer(config, torch.nn.Linear(2, 2), "cpu")
    return optimizer, build_schedule(config, optimizer, STEPS)


def step(optimizer, schedule, times):
    """Return what the scheduler sets at each step."""
    seen = []
    for _ in range(times):
        group = optimizer.param_groups[0]
        seen.append((group["lr"], group["betas"]))
        optimizer.step()
        if schedule.scheduler is not None:
            schedule.scheduler.step()
    return seen


@pytest.mark.parametrize("warmup", [0, 1.5])
@pytest.mark.parametrize("name", [name for name, entry in SCHEDULERS.items() if entry.each_step])
def test_later_steps_have_the_rate_of_a_run_that_planned_all_epochs_from_its_start(name, warmup):
    if name == "OneCycleLR":
        warmup = 0  # It warms up by itself.
    short, long = schedule_of(name, 3, warmup_epochs=warmup), schedule_of(name, 7, warmup_epochs=warmup)
    whole = step(*long, 7 * STEPS)
    done = 3 * STEPS - 2
    step(*short, done)
    saved = json.loads(json.dumps(short[0].state_dict()["param_groups"]))
    state = short[1].scheduler.state_dict()
    replan(state, saved, *schedule_of(name, 7, warmup_epochs=warmup))
    resumed = schedule_of(name, 7, warmup_epochs=warmup)
    resumed[0].load_state_dict({**resumed[0].state_dict(), "param_groups": saved})
    resumed[1].scheduler.load_state_dict(state)
    rest = [(rate, tuple(betas)) for rate, betas in step(*resumed, 7 * STEPS - done)]
    assert rest == whole[done:], "bit by bit"
    if name in ("CosineAnnealingLR", "OneCycleLR"):
        assert rest[0][0] > 1.5 * step(*short, 1)[0][0], "the old curve was almost at its end"


def test_a_rule_that_ended_training_waits_anew_and_one_that_did_not_goes_on_waiting():
    class Rule(EpochRule):
        pass

    ended, waiting, own = EarlyStopping("val_loss"), EarlyStopping("val_macro_f1", mode="max"), Rule()
    states = {
        ended.state_key: {"wait_count": 4, "stopped_epoch": 9, "best_score": torch.tensor(0.3), "patience": 4},
        waiting.state_key: {"wait_count": 2, "stopped_epoch": 0, "best_score": torch.tensor(0.5), "patience": 4},
        own.state_key: {"stopped_epoch": 9},
    }
    let_stopped_rules_go_on([ended, waiting, own, EarlyStopping("other")], states)
    assert (states[ended.state_key]["wait_count"], states[ended.state_key]["stopped_epoch"]) == (0, 0)
    assert states[ended.state_key]["best_score"] == 0.3
    assert states[waiting.state_key]["wait_count"] == 2
    assert states[own.state_key] == {"stopped_epoch": None}


SHORT = {"shift": "none", "drop_path_rate": 0.1, "scheduler_name": "none", "num_workers": 0, "snapshot_epochs": 1}


def go(training):
    with quietly(True):
        fit(training.folder, training.config, training.card, training.splits[0], [])


@pytest.fixture
def begin(overrides, plain_config):
    def start(**changes):
        with quietly(True):
            return start_run(load_config(plain_config, overrides(**{**SHORT, **changes})), ["a", "test"])

    return start


def longer(run, epochs):
    """What ``munseo resume RUN epochs=N`` does before it trains."""
    with quietly(True):
        training = reopen_run(run, epochs=epochs)
    record_continuation(run, epochs)
    spread_continuations(run)
    return training


def test_two_epochs_and_two_more_are_four(begin):
    """The schedule has no length here, so that the first two epochs are the same. The snapshot is of the last one."""
    whole, parts = begin(epochs=4), begin(epochs=2, snapshot_epochs=0)
    go(whole)
    go(parts)
    assert parts.folder.read_course().epochs_done == 2
    go(longer(parts.folder, 3))
    go(longer(parts.folder, 4))
    with quietly(True):
        reopened = reopen_run(parts.folder)
    assert reopened.config.epochs == 4
    first, second = whole.folder.read_metrics(), parts.folder.read_metrics()
    trained = [name for name in first if not name.startswith("val_")]
    assert first[trained].equals(second[trained])
    assert first[:3].equals(second[:3])
    asked = [(entry.epochs, entry.planned, entry.epochs_done) for entry in parts.folder.read_continuations()]
    assert asked == [(3, 2, 2), (4, 3, 3)]
    assert parts.folder.read_config().epochs == 4
    assert parts.folder.read_course().epochs_planned == 4


@pytest.fixture
def ended(finished, tmp_path):
    """A copy of a finished run, with a server's score, and an export as another process would have left it."""
    run = open_run(shutil.copytree(finished.path, tmp_path / finished.name))
    run.scores_file.write_text('{"public": 0.5}')
    return run


def test_nothing_that_was_measured_stays_behind(ended):
    """A file that a run has begun to write since is named here, or is removed before training goes on."""
    (ended.path / "measured").mkdir()
    (ended.evaluation_dir("others")).mkdir(parents=True)
    record_continuation(ended, 3)
    remove_old_results(ended)
    kept = {
        "config.yaml", "manifest.json", "pages.parquet", "shift.yaml", "augmentation_samples.png", "model.json",
        "metrics.csv", "timing.csv", "epoch_predictions.parquet", "state.ckpt", "weights.safetensors",
        "evaluations-after-2-epochs",
    }  # fmt: skip
    assert {path.name for path in ended.path.iterdir()} == kept


def test_a_finished_run_is_trained_longer_and_nothing_of_before_stays(ended, monkeypatch, capsys):
    before, rows, best = ended.read_results(), ended.read_metrics(), ended.read_course().best_epoch
    stale = ended.gallery_dir / "059.jpg"
    stale.write_bytes(b"a picture of a page that is right by now")
    made = [
        ended.results_file, ended.val_predictions_file, ended.shifted_predictions_file, ended.submission_file,
        ended.gallery_dir / "pages.json", ended.path / "loss_plot.png", ended.path / "report.ko.md",
    ]  # fmt: skip
    written = [file.stat().st_mtime_ns for file in made]
    monkeypatch.setattr(resuming, "spread_continuations", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        resume(ended.path, ["epochs=3"], quiet=True)
    monkeypatch.undo()
    assert ended.read_config().epochs == 2, "killed between the manifest and the configuration file"
    with pytest.raises(UserError, match="epochs: 2 is less than the 3 that the run plans"):
        resume(ended.path, ["epochs=2"], quiet=True)
    resume(ended.path, quiet=True)
    manifest = ended.read_manifest()
    assert (manifest["status"], manifest["course"]["epochs_done"], ended.read_config().epochs) == ("finished", 3, 3)
    assert ended.read_metrics()[:2].equals(rows)
    assert [*manifest["continuations"][0].items()][:4] == [
        ("epochs", 3), ("planned", 2), ("epochs_done", 2), ("best_epoch", best)
    ]  # fmt: skip
    assert manifest["continuations"][0]["macro_f1"] == before.val.macro_f1
    assert manifest["continuations"][0]["public"] == 0.5
    assert not ended.scores_file.exists(), "it was of another submission"
    assert not stale.exists()
    assert [file for file, time in zip(made, written, strict=True) if file.stat().st_mtime_ns == time] == []
    assert ended.read_results("expected").expected is not None
    report = (ended.path / "report.md").read_text()
    assert "| 2 of 2 | 3 |" in report
    assert f"munseo train {ended.path}/config.yaml epochs=2\nmunseo resume RUN epochs=3" in report
    Predictor.load(ended)  # the fingerprints are those of the new weights
    with pytest.raises(UserError, match="this run is finished"):
        resume(ended.path)


def test_what_cannot_be_asked_for(ended):
    before = ended.manifest_file.read_bytes()
    asked = {
        "epochs=2": "the run has trained its 2 epochs; give more",
        "epochs=1": "epochs: 1 is less than the 2 that the run plans; give more",
        "lr=1": "lr=1: only epochs=N can be given",
        "epochs=many": "epochs=many: should be a whole number",
        "epochs=0": "epochs: 0 is less than",
    }
    for word, told in asked.items():
        with pytest.raises(UserError, match=told):
            resume(ended.path, [word])
    course = ended.read_manifest()["course"]
    ended.update_manifest(course={**course, "epochs_done": 1, "stopped": "patience"})
    assert problems_of_continuation(ended, 2) == [], "early stopping ended it before"
    ended.update_manifest(course=course)
    ended.state_file.unlink()
    with pytest.raises(UserError, match=r"state\.ckpt: missing; without it no epoch can follow"):
        resume(ended.path, ["epochs=3"])
    assert ended.manifest_file.read_bytes() == before
    ended.update_manifest(ensemble={"method": "mean"})
    with pytest.raises(UserError, match="an ensemble is not trained itself"):
        resume(ended.path, ["epochs=3"])


def test_a_harmless_key_may_be_edited_after_the_end_and_the_weights_may_not(ended):
    ended.config_file.write_text(ended.config_file.read_text().replace("language: en", "language: ko"))
    assert problems_of_continuation(ended, 3) == []
    ended.weights_file.write_bytes(ended.weights_file.read_bytes() + b"0")
    with pytest.raises(UserError, match=r"weights\.safetensors: changed since the run ended"):
        resume(ended.path, ["epochs=3"])
