"""What several areas share: a small generated document set, and a configuration that trains on it in seconds."""

import os
import shutil
import tempfile
from collections.abc import Callable
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
LONGEST_FILES = (
    "tests/commands/test_train.py",
    "tests/commands/test_resume.py",
    "tests/training/test_start_checks.py",
    "tests/training/test_trackers.py",
    "tests/benchmarks/test_bench_scripts.py",
    "tests/ui/test_ui_browser.py",
    "tests/ui/test_web_app.py",
    "tests/training/test_joined_folds.py",
    "tests/training/test_shifted_runs.py",
    "tests/engines/test_engine_backends.py",
    "tests/export/test_exporter.py",
)
"""The files that take longest. They have few tests, so that xdist would start them last, and one process would wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first; ``--no-loadscope-reorder`` keeps this order when files go to several processes."""
    places = {name: index for index, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all test processes: the first one that needs it makes it, the others wait for it."""
    from munseo._run.run_lock import lock

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / f"shared-{name}", shared / f"shared-{name}.done"
        with (shared / f"shared-{name}.lock").open("wb") as file:
            lock(file, wait=True)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # the rest of an attempt that failed in another process
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def run_made_once(made_once, tmp_path_factory):
    """Make a run once for all test processes, and open a copy of it: what one process does to it, no other one sees."""
    from munseo._run import open_run

    def make_once(name: str, make: Callable[[Path], object]):
        # Hidden folders beside it belong to the program.
        (run,) = (path for path in made_once(name, make).iterdir() if path.is_dir() and path.name[0] != ".")
        return open_run(shutil.copytree(run, tmp_path_factory.mktemp(name) / "runs" / run.name))

    return make_once


@pytest.fixture(scope="session")
def documents(made_once) -> Path:
    """The generated set, 4 to 5 pages a class; do not write into it."""
    from munseo import _synth as specimens

    def make(folder: Path) -> None:
        specimens.generate(folder / "data", num_train=72, num_test=17, longest_side_px=128, num_workers=1)

    return made_once("documents", make) / "data"


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
def finished(documents, run_made_once):
    """A finished run of the reference's own configuration, made tiny; tests only read it."""
    from munseo import train

    def make(folder: Path) -> None:
        changes = {**TINY, "data_dir": documents, "runs_dir": folder, "class_imbalance.max_samples": 6}
        train("efficientnet_b4", [f"{key}={value}" for key, value in changes.items()], quiet=True)

    return run_made_once("finished", make)


@pytest.fixture(scope="session")
def kfold_run(documents, run_made_once):
    """A finished run of two folds, with one page of each class held out of both; tests only read it."""
    from munseo import train

    def make(folder: Path) -> None:
        changes = {**TINY, "data_dir": documents, "runs_dir": folder, "n_folds": 2, "class_imbalance": "null"}
        changes |= {"robustness_pages": 2, "shifted_draws": 2}
        train("efficientnet_b4", [f"{key}={value}" for key, value in changes.items()], quiet=True)

    return run_made_once("kfold_run", make)


@pytest.fixture(scope="session")
def exports(finished, run_made_once):
    """The finished run with every export, in full precision and in INT8 (whatever INT8 costs so small a model)."""
    from munseo import export
    from munseo._engines import ENGINES

    def make(folder: Path) -> None:
        run = shutil.copytree(finished.path, folder / finished.name)
        for engine in ENGINES:
            export(run, engine, quiet=True)
            export(run, engine, int8=True, max_loss=1.0, quiet=True)

    return run_made_once("exports", make)


@pytest.fixture
def own_exports(exports, tmp_path):
    """A copy of the exported run that a test may damage."""
    from munseo._run import open_run

    return open_run(shutil.copytree(exports.path, tmp_path / "runs" / exports.name))
