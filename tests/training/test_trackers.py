"""Trackers: the real libraries, offline."""

import importlib.metadata
import importlib.util
import pkgutil
import sqlite3
import subprocess
import sys

import pytest

import munseo
from munseo import UserError, train
from munseo._config import Config
from munseo._config.key import KeyGroup, keys_of
from munseo._run import open_run
from munseo._training.trackers import TRACKERS

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


def test_wandb_offline_gets_curves_and_the_four_plots(overrides, plain_config):
    run = open_run(train(plain_config, overrides(wandb__log="true", wandb__project="tiny"), quiet=True))
    folder = next((run.path / "wandb").glob("offline-run-*"))
    names = {path.name.split("_plot")[0] for path in (folder / "files" / "media" / "images").iterdir()}
    assert {"loss", "accuracy", "f1"} <= names
    assert any(
        path.name.startswith("val_confusion_matrix") for path in (folder / "files" / "media" / "images").iterdir()
    )
    assert next(folder.glob("run-*.wandb")).stat().st_size > 1000


def test_mlflow_and_tensorboard(overrides, plain_config, tmp_path):
    words = overrides(mlflow__log="true", tensorboard__log="true", epochs=1)
    run = open_run(train(plain_config, words, quiet=True))
    with sqlite3.connect(tmp_path / "runs" / "mlflow.db") as database:
        metrics = {name for (name,) in database.execute("select distinct key from metrics")}
        (name,) = database.execute("select name from runs").fetchone()
    assert {"train_loss", "val_macro_f1", "lr", "final_macro_f1"} <= metrics
    assert name == run.name
    assert list((run.path / "tensorboard").glob("events.out.*"))


def test_a_tracker_that_is_not_installed_says_how_to_get_it(overrides, plain_config, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else find(name, *rest))
    with pytest.raises(UserError, match=r"pip install 'munseo\[wandb\]'"):
        train(plain_config, overrides(wandb__log="true"), quiet=True)
