"""Trackers: the real libraries, offline."""

import importlib.metadata
import importlib.util
import os
import pkgutil
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys

import pytest
from wandb.proto import wandb_internal_pb2

import munseo
from munseo import Interrupted, UserError, resume, train
from munseo._config import Config
from munseo._config.key import KeyGroup, keys_of
from munseo._run import open_run
from munseo._training import module
from munseo._training.trackers import TRACKERS, EpochLog, TrackerRecord, shortened

EXTRAS = ("wandb", "mlflow", "tensorboard", "onnx", "onnxruntime", "openvino", "fastapi", "uvicorn")


def test_the_core_needs_no_extra():
    """Every module of the package is imported where importing an extra fails."""
    code = (
        "import importlib, pkgutil, sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS}))\n"
        "import munseo\n"
        "found = [m.name for m in pkgutil.walk_packages(munseo.__path__, 'munseo.')]\n"
        "others = ('munseo.__main__', 'munseo._service.', 'munseo._ui.')\n"
        "names = [n for n in found if not n.startswith(others)]\n"
        "[importlib.import_module(name) for name in names]\n"
        "print(len(names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


def test_no_room_has_the_name_of_a_command():
    """Once it is imported it would take the function's place."""
    assert not {room.name for room in pkgutil.iter_modules(munseo.__path__)} & set(munseo.__all__)


def test_every_tracker_has_a_key_and_an_extra():
    keys = {name for name, known in keys_of(Config).items() if known.group == KeyGroup.TRACKING}
    assert keys == set(TRACKERS)
    extras = importlib.metadata.metadata("munseo").get_all("Provides-Extra")
    assert keys <= set(extras)


def read_wandb(folder):
    """Return the records of an offline run: the log of LevelDB, in blocks of 32 KiB."""
    content, records, place, parts = next(folder.glob("run-*.wandb")).read_bytes(), [], 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            records.append(record)
            parts = b""
    return records


def wandb_values(folders, name):
    """Return the values of a metric in the order of the folders."""
    values = []
    for record in (record for folder in folders for record in read_wandb(folder)):
        for item in record.history.item:
            if name in (item.key, ".".join(item.nested_key)):
                values.append(float(item.value_json))
    return values


@pytest.fixture(scope="module")
def interrupted_and_longer(documents, tmp_path_factory):
    """A run that every tracker follows: stopped in its second epoch, resumed, and then trained one epoch longer.

    Returns the run, and the status that MLflow had after each of the three.
    """
    folder = tmp_path_factory.mktemp("tracked")
    (folder / "plain.yaml").write_text("{}\n")
    values = {
        "model_name": "test_efficientnet.r160_in1k", "pretrained": "false", "image_size": 64, "batch_size": 16,
        "epochs": 2, "val_split_ratio": 0.25, "device": "cpu", "num_threads": 1, "num_workers": 0, "lr": 0.003,
        "robustness_pages": 0, "shift": "none", "scheduler_name": "none", "data_dir": documents,
        "runs_dir": folder / "runs", "mlflow.log": "true", "tensorboard.log": "true", "wandb.log": "true",
        "wandb.project": "tiny",
    }  # fmt: skip
    step, steps, states = module.PageClassifier.training_step, [], []

    def stepping(self, batch, batch_idx):
        steps.append(batch_idx)
        if len(steps) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, batch_idx)

    def note():
        with sqlite3.connect(folder / "runs" / "mlflow.db") as database:
            states.append(database.execute("select status from runs").fetchall())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.PageClassifier, "training_step", stepping)
        with pytest.raises(Interrupted):
            train(folder / "plain.yaml", [f"{key}={value}" for key, value in values.items()], quiet=True)
        note()
        (path,) = [path for path in (folder / "runs").iterdir() if path.is_dir()]
        resume(path, quiet=True)
        note()
        resume(path, ["epochs=3"], quiet=True)
        note()
    return open_run(path), states


def test_mlflow_has_one_run_with_every_epoch(interrupted_and_longer):
    run, states = interrupted_and_longer
    assert states == [[("KILLED",)], [("FINISHED",)], [("FINISHED",)]]
    with sqlite3.connect(run.path.parent / "mlflow.db") as database:
        ((name, number),) = database.execute("select name, run_uuid from runs").fetchall()
        rows = database.execute("select key, step, value from metrics order by timestamp, step").fetchall()
        tags = dict(database.execute("select key, value from tags"))
    assert name == run.name
    assert number == run.read_manifest()["trackers"]["mlflow"]["id"]
    metrics = run.read_metrics()
    for key in ("train_loss", "val_loss", "val_macro_f1"):
        sent = [(step, value) for known, step, value in rows if known == key]
        assert [step for step, _ in sent] == sorted({step for step, _ in sent}), "no step twice"
        assert [value for _, value in sent] == pytest.approx(metrics[key].tolist())
    assert len([key for key, _, _ in rows if key == "final_macro_f1"]) == 2, "one for each end"
    assert tags["epochs"] == "3"


def test_wandb_has_one_run_in_three_offline_folders(interrupted_and_longer):
    run, _ = interrupted_and_longer
    folders = sorted((run.path / "wandb").glob("offline-run-*"))
    assert len(folders) == 3
    number = run.read_manifest()["trackers"]["wandb"]["id"]
    assert {folder.name.rpartition("-")[2] for folder in folders} == {number}
    begun = [record.run for folder in folders for record in read_wandb(folder) if record.run.run_id]
    assert {record.run_id for record in begun} == {number}
    assert {len(record.display_name) <= 128 for record in begun} == {True}
    assert wandb_values(folders, "val_loss") == pytest.approx(run.read_metrics()["val_loss"].tolist())
    pictures = {path.name for folder in folders[1:] for path in (folder / "files" / "media" / "images").iterdir()}
    assert {name.split("_plot")[0] for name in pictures} >= {"loss", "accuracy", "f1"}
    assert any(name.startswith("val_confusion_matrix") for name in pictures)


def test_tensorboard_has_no_step_twice(interrupted_and_longer):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, _ = interrupted_and_longer
    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    sent = events.Scalars("val_loss")
    assert len({event.step for event in sent}) == len(sent) == 3
    assert [event.value for event in sent] == pytest.approx(run.read_metrics()["val_loss"].tolist())


class FakeLogger:
    """Keeps what it is sent."""

    name, version = "fake", "1"

    def __init__(self):
        self.sent = []

    def log_metrics(self, metrics, step):
        self.sent.append(step)

    def save(self):
        pass


def test_an_epoch_that_is_done_again_is_not_sent_again(own_run):
    logger, record = FakeLogger(), TrackerRecord(own_run, "fake")
    for step in (0, 4):
        EpochLog(logger, record).log_metrics({"val_loss": 1.0}, step)
    # Killed before the state was saved: the process that goes on does the second epoch again.
    again = EpochLog(logger, TrackerRecord(own_run, "fake"))
    for step in (0, 4, 8):
        again.log_metrics({"val_loss": 1.0}, step)
    assert logger.sent == [0, 4, 8]
    assert record.read("step") == 8


def test_every_fold_is_a_run_of_its_own(own_run):
    records = [TrackerRecord(own_run.fold(number), "wandb") for number in (0, 1)]
    for number, record in enumerate(records):
        own_run.fold(number).path.mkdir()
        own_run.fold(number).update_manifest(status="running")
        record.write(id=f"of fold {number}")
    assert [record.read("id") for record in records] == ["of fold 0", "of fold 1"]
    assert TrackerRecord(own_run, "wandb").read("id") is None


def test_long_names_keep_their_id_and_their_fold():
    name = f"2507051934-{'efficientnet' * 12}"
    assert shortened(name[:128]) == name[:128]
    assert shortened(name) == f"{name[:127]}…"
    fold = shortened(f"{name}/fold3")
    assert len(fold) == 128
    assert fold == f"{name[:121]}…/fold3"


@pytest.fixture
def own_run(finished, tmp_path):
    return open_run(shutil.copytree(finished.path, tmp_path / finished.name))


def test_a_tracker_that_is_not_installed_says_how_to_get_it(overrides, plain_config, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else find(name, *rest))
    with pytest.raises(UserError, match=r"pip install 'munseo\[wandb\]'"):
        train(plain_config, overrides(wandb__log="true"), quiet=True)
