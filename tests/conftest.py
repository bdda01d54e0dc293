"""What several areas share: a small generated document set, and a configuration that trains on it in seconds."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share two cores
os.environ["WANDB_MODE"] = "offline"
_CACHE = tempfile.TemporaryDirectory(prefix="munseo-cache-")  # the user's own stays as it is
os.environ["MUNSEO_CACHE"] = _CACHE.name
os.environ["HF_HUB_OFFLINE"] = "1"

TINY = {
    "model_name": "test_efficientnet.r160_in1k",
    "pretrained": "false",
    "image_size": "64",
    "batch_size": "16",
    "epochs": "2",
    "val_split_ratio": "0.25",
    "device": "cpu",
    "num_threads": "1",
    "lr": "0.003",
    "robustness_pages": "4",
}


@pytest.fixture(scope="session")
def documents(tmp_path_factory) -> Path:
    """The generated set, 4 to 5 pages a class; do not write into it."""
    from munseo import _synth as specimens

    folder = tmp_path_factory.mktemp("documents") / "data"
    return specimens.generate(folder, num_train=72, num_test=17, longest_side_px=128, num_workers=1)


@pytest.fixture
def own_documents(documents, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(documents, tmp_path / "data"))


@pytest.fixture
def overrides(documents, tmp_path):
    """Make override words for a tiny run; keyword arguments change single keys."""

    def make(**changes) -> list[str]:
        values = {"data_dir": documents, "runs_dir": tmp_path / "runs", **TINY, **changes}
        return [f"{key.replace('__', '.')}={value}" for key, value in values.items()]

    return make


@pytest.fixture
def plain_config(tmp_path) -> Path:
    """A configuration file without any key: every default."""
    file = tmp_path / "plain.yaml"
    file.write_text("{}\n", encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def finished(documents, tmp_path_factory):
    """A finished run of the reference's own configuration, made tiny; tests only read it."""
    from munseo import train
    from munseo._run import open_run

    runs = tmp_path_factory.mktemp("finished") / "runs"
    changes = {**TINY, "data_dir": documents, "runs_dir": runs, "class_imbalance.max_samples": 6, "batch_size": 16}
    return open_run(train("efficientnet_b4", [f"{key}={value}" for key, value in changes.items()], quiet=True))


@pytest.fixture(scope="session")
def kfold_run(documents, tmp_path_factory):
    """A finished run of two folds, with one page of each class held out of both; tests only read it."""
    from munseo import train
    from munseo._run import open_run

    runs = tmp_path_factory.mktemp("kfold_run") / "runs"
    changes = {**TINY, "data_dir": documents, "runs_dir": runs, "n_folds": 2, "class_imbalance": "null"}
    changes |= {"robustness_pages": 2, "shifted_draws": 2}
    return open_run(train("efficientnet_b4", [f"{key}={value}" for key, value in changes.items()], quiet=True))


@pytest.fixture(scope="session")
def exports(finished, tmp_path_factory):
    """The finished run with every export, in full precision and in INT8 (whatever INT8 costs so small a model)."""
    from munseo import export
    from munseo._engines import ENGINES
    from munseo._run import open_run

    run = tmp_path_factory.mktemp("exports") / finished.name
    shutil.copytree(finished.path, run)
    for engine in ENGINES:
        export(run, engine, quiet=True)
        export(run, engine, int8=True, max_loss=1.0, quiet=True)
    return open_run(run)


@pytest.fixture
def own_exports(exports, tmp_path):
    """A copy of the exported run that a test may damage."""
    from munseo._run import open_run

    return open_run(shutil.copytree(exports.path, tmp_path / "runs" / exports.name))
