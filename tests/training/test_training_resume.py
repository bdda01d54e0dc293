"""Training is cut off in the middle of an epoch, in many ways; the resumed run ends as the one that was not."""

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from munseo import Interrupted, UserError
from munseo._config import load_config
from munseo._console import quietly
from munseo._run import open_run
from munseo._training import checkpoint as saving
from munseo._training import module
from munseo._training.checkpoint import read_state
from munseo._training.resume import reopen_run
from munseo._training.signals import noting_signals, resumable
from munseo._training.training_run import fit, start_run

SHORT = {
    "model_name": "test_efficientnet.r160_in1k", "pretrained": "false", "image_size": 64, "val_split_ratio": 0.25,
    "device": "cpu", "num_threads": 1, "lr": 0.003,
    "shift": "none", "batch_size": 4, "epochs": 2, "save_every_minutes": 0, "drop_path_rate": 0.1,
    "ema_decay": 0.9, "augmentation__mixup": "true", "warmup_epochs": 1,
}  # fmt: skip
"""14 steps an epoch."""
EVERY_STEP = 0.00001


class PowerCutError(Exception):
    """Stands for a kill: nothing is done after it."""


@pytest.fixture
def begin(overrides, plain_config):
    """Start a run; the folder is there before its training is cut off."""

    def start(**changes):
        with quietly(True):
            words = overrides(**{**SHORT, **changes})
            return start_run(load_config(plain_config, words), ["a", "test"])

    return start


@pytest.fixture(scope="module")
def whole(documents, tmp_path_factory):
    """The run that nothing cut off."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "plain.yaml").write_text("{}\n")
    values = {"data_dir": documents, "runs_dir": folder / "runs", **SHORT}
    words = [f"{key.replace('__', '.')}={value}" for key, value in values.items()]
    with quietly(True):
        training = start_run(load_config(folder / "plain.yaml", words), ["a", "test"])
        go(training)
    return training.folder


def go(training):
    with quietly(True), resumable(training.folder):
        fit(training.folder, training.config, training.card, training.splits[0], [])


def go_on(path, **changes):
    with quietly(True):
        training = reopen_run(open_run(path), **changes)
    # Where steps were saved until the cut, those after it need not be: that takes most of the time.
    go(replace(training, config=training.config.model_copy(update={"save_every_minutes": 0})))
    return training.folder


def assert_same(one, other):
    assert one.metrics_file.read_bytes() == other.metrics_file.read_bytes()
    first, second = load_file(one.weights_file), load_file(other.weights_file)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def after_saves(monkeypatch, moment, number, act):
    """Do something right after the ``number``-th state of that moment is on the disk."""
    save, seen = saving.save_state, []

    def saved(trainer, run, now):
        save(trainer, run, now)
        seen.append(now)
        if now == moment and seen.count(moment) == number:
            act()

    monkeypatch.setattr(saving, "save_state", saved)


def at_step(monkeypatch, number, act):
    """Do something within the ``number``-th training step."""
    step, steps = module.PageClassifier.training_step, []

    def stepping(self, batch, batch_idx):
        steps.append(batch_idx)
        if len(steps) == number:
            act()
        return step(self, batch, batch_idx)

    monkeypatch.setattr(module.PageClassifier, "training_step", stepping)
    return steps


def cut():
    raise PowerCutError


@pytest.mark.parametrize(
    ("moment", "number", "workers_before", "workers_after"),
    [("step", 5, 0, 2), ("step", 18, 2, 0), ("validation", 1, 0, 0)],
)
def test_cut_off_within_an_epoch(begin, whole, monkeypatch, moment, number, workers_before, workers_after):
    training = begin(num_workers=workers_before, save_every_minutes=EVERY_STEP)
    after_saves(monkeypatch, moment, number, cut)
    with pytest.raises(PowerCutError):
        go(training)
    monkeypatch.undo()
    steps = at_step(monkeypatch, 1, lambda: None)
    run = go_on(training.folder.path, num_workers=workers_after)
    # Of 28 steps those before the cut are not done again: it came where the next state is written.
    assert len(steps) == 28 - {("step", 5): 5, ("step", 18): 19, ("validation", 1): 14}[moment, number]
    assert_same(whole, run)


def test_cut_off_and_moved_to_another_place(begin, whole, monkeypatch, tmp_path):
    training = begin(save_every_minutes=EVERY_STEP)
    after_saves(monkeypatch, "step", 3, cut)
    with pytest.raises(PowerCutError):
        go(training)
    monkeypatch.undo()
    moved = shutil.move(training.folder.path, tmp_path / "elsewhere of another name")
    monkeypatch.chdir(tmp_path)
    run = go_on("elsewhere of another name")
    assert run.path == moved
    assert not training.folder.path.exists()
    assert_same(whole, run)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_waits_for_the_step(begin, whole, monkeypatch, number):
    training = begin()
    steps = at_step(monkeypatch, 17, lambda: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as stopped:
        go(training)
    assert signal.getsignal(number) == before
    assert stopped.value.signum == number
    assert str(stopped.value) == (
        "stopped in epoch 2 of 2, after step 3 of 14; the state is saved. "
        f"Go on with: munseo resume {training.folder.path}"
    )
    assert not training.folder.lock_file.exists()
    assert len(steps) == 17
    run = go_on(training.folder.path)
    assert len(steps) == 28
    assert_same(whole, run)


def test_a_forked_loader_worker_leaves_signals_to_the_main_process(capfd):
    with noting_signals() as signals:
        worker = os.fork()
        if worker == 0:
            os.kill(os.getpid(), signal.SIGINT)
            os._exit(signals.signum)
        assert os.waitpid(worker, 0)[1] == 0
        assert capfd.readouterr().err == ""
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.signum == signal.SIGINT
    assert "saving the state after this step" in capfd.readouterr().err


def test_a_loader_worker_is_killed(begin, whole, monkeypatch):
    training = begin(num_workers=2)

    def kill_one():
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    at_step(monkeypatch, 2, kill_one)
    with pytest.raises(UserError) as caught:
        go(training)
    told = str(caught.value)
    assert "A loader worker (process " in told
    assert "was killed in epoch 1 of 2, after step " in told
    assert "; the state is saved. " in told
    assert told.endswith(f"munseo resume {training.folder.path} --num-workers 1")
    monkeypatch.undo()
    steps = at_step(monkeypatch, 1, lambda: None)
    run = go_on(training.folder.path, num_workers=1)
    assert len(steps) < 28
    assert_same(whole, run)


@contextmanager
def full_disk(folder, kind):
    """Nothing of some size can be written to the folder."""
    if kind == "tmpfs":
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(65536)):
                pass
        yield
        filler.unlink()
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture(params=["tmpfs", "limit of file sizes"])
def small_disk(request, tmp_path):
    """A folder on a disk of 32 MB; or any folder, whose process will have a limit."""
    if request.param != "tmpfs":
        yield tmp_path, "limit"
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own may not be mounted here")
    yield disk, "tmpfs"
    subprocess.run(["umount", str(disk)], check=True)


def test_the_disk_is_full_while_the_state_is_written(begin, whole, monkeypatch, small_disk):
    folder, kind = small_disk
    training = begin(runs_dir=folder / "runs", save_every_minutes=EVERY_STEP)
    run, save, count = training.folder, saving.save_state, []

    def saved(*where):
        count.append(where)
        if len(count) != 6:
            return save(*where)
        before = run.state_file.read_bytes()
        with full_disk(folder, kind):
            with pytest.raises(OSError, match="could not be written") as error:
                save(*where)
            assert error.value.errno in (errno.ENOSPC, errno.EFBIG)
            assert run.state_file.read_bytes() == before, "the last good state stays"
        assert not list(run.path.glob(".*.tmp")), "nothing half written is left"
        raise error.value

    monkeypatch.setattr(saving, "save_state", saved)
    with pytest.raises(UserError) as caught:
        go(training)
    told = str(caught.value)
    assert told.startswith(f"{run.state_file}: could not be written (")
    assert "MB are needed, " in told
    assert "What was saved before is still whole." in told
    assert told.endswith(f"then: munseo resume {run.path}")
    assert read_state(run)["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["completed"] == 5
    assert run.read_manifest()["status"] == "running"
    monkeypatch.undo()
    assert_same(whole, go_on(run.path))
