"""Ctrl-C and SIGTERM as a terminal or a system sends them, to real processes; and a small torture by SIGKILL."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from munseo import Interrupted, UserError, resume, train
from munseo._console import quietly
from munseo._run import claim, open_run
from munseo._training import module, validation
from munseo._training.continuation import remove_old_results
from munseo._training.resume import reopen_run
from munseo._training.training_run import finish_run

TORTURE = Path(__file__).parents[2] / "benchmarks" / "torture_training.py"
SHORT = {
    "model_name": "test_efficientnet.r160_in1k", "pretrained": "false", "image_size": 64, "val_split_ratio": 0.25,
    "device": "cpu", "num_threads": 1, "lr": 0.003,
    "shift": "none", "batch_size": 6, "epochs": 2, "num_workers": 1, "robustness_pages": 0,
}  # fmt: skip
SIGNALLED = """
import os, signal, sys
from munseo._commands.app import main
from munseo._console import quietly
from munseo._training import module, validation
from munseo._training.continuation import remove_old_results
from munseo._training.resume import reopen_run
from munseo._training.training_run import finish_run
number, at = int(sys.argv.pop(1)), int(sys.argv.pop(1))
step, steps = module.PageClassifier.training_step, []
def stepping(self, batch, batch_idx):
    steps.append(batch_idx)
    if len(steps) == at:
        os.killpg(0, number)  # to loader workers, too, as a terminal does
    return step(self, batch, batch_idx)
module.PageClassifier.training_step = stepping
main()
"""


def differences(one, other):
    """What the torture compares, bit by bit."""
    specification = importlib.util.spec_from_file_location("torture_training", TORTURE)
    torture = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(torture)
    return torture.differences(one, other)


@pytest.fixture(scope="module")
def whole(documents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    (folder / "plain.yaml").write_text("{}\n")
    values = {"data_dir": documents, "runs_dir": folder / "runs", **SHORT}
    return open_run(train(folder / "plain.yaml", [f"{key}={value}" for key, value in values.items()], quiet=True))


def stop(number, step, *words):
    """Run Munseo in a process of its own, and send a signal to its group within a step, counted by the process."""
    return subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(int(number)), str(step), *map(str, words)],
        capture_output=True, text=True, start_new_session=True, check=False,
    )  # fmt: skip


def test_stopped_twice_it_says_how_to_go_on_and_ends_the_same(overrides, plain_config, whole, tmp_path):
    first = stop(signal.SIGTERM, 4, "train", plain_config, *overrides(**SHORT))
    (path,) = (tmp_path / "runs").iterdir()
    run = open_run(path)
    second = stop(signal.SIGINT, 8, "resume", path)
    places = ("in epoch 1 of 2, after step 4 of 9", "in epoch 2 of 2, after step 3 of 9")
    for done, code, place in zip((first, second), (143, 130), places, strict=True):
        assert done.returncode == code
        assert f"stopped {place}; the state is saved. " in done.stderr
        assert done.stderr.endswith(f"Go on with: munseo resume {path}\n")
        assert "Traceback" not in done.stderr
    assert run.state_file.exists()
    assert not run.results_file.exists()
    resume(path, num_workers=0, quiet=True)
    assert differences(whole.path, run.path) == []
    assert run.read_manifest()["status"] == "finished"


def test_folds_go_on_within_the_fold_that_was_stopped(overrides, plain_config, tmp_path, monkeypatch):
    values = {**SHORT, "n_folds": 2, "epochs": 1, "num_workers": 0}
    whole = open_run(train(plain_config, overrides(**values), quiet=True))
    step, steps = module.PageClassifier.training_step, []

    def stepping(self, batch, batch_idx):
        steps.append(batch_idx)
        if len(steps) == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(module.PageClassifier, "training_step", stepping)
    with pytest.raises(Interrupted) as stopped:
        train(plain_config, overrides(**values, runs_dir=tmp_path / "stopped"), quiet=True)
    (path,) = (tmp_path / "stopped").iterdir()
    assert str(stopped.value) == (
        f"stopped in epoch 1 of 1, after step 4 of 5; the state is saved. Go on with: munseo resume {path}"
    )
    resume(path, quiet=True)
    assert len(steps) == 10, "no step of either fold is done again"
    assert differences(whole.path, path) == []
    joined = whole.read_predictions(whole.val_predictions_file)
    run = open_run(path)
    run.scores_file.write_text('{"public": 0.5}')
    resume(path, ["epochs=2"], quiet=True)
    assert not run.scores_file.exists()
    assert len(steps) == 20, "one more epoch of each fold"
    assert [len(fold.read_metrics()) for fold in run.folds] == [2, 2]
    assert [fold.read_config().epochs for fold in (run, *run.folds)] == [2, 2, 2]
    assert {fold.read_manifest()["status"] for fold in (run, *run.folds)} == {"finished"}
    assert [fold.read_course().epochs_done for fold in run.folds] == [2, 2]
    again = run.read_predictions(run.val_predictions_file)
    assert again["ID"].tolist() == joined["ID"].tolist()
    better = [fold.read_course().best_epoch == 1 for fold in run.folds]
    for number, changed in enumerate(better):
        rows = (again["fold"] == number).to_numpy()
        assert again[rows].equals(joined[rows]) != changed, "the tables are those of the best weights"


def test_ctrl_c_elsewhere_does_not_speak_of_resuming(tmp_path):
    command = [sys.executable, "-m", "munseo", "synth", str(tmp_path / "pages"), "--num-train", "5000"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "munseo: interrupted."
    assert "resume" not in stderr


def test_a_run_that_another_process_holds_is_not_resumed(whole, tmp_path):
    run = open_run(shutil.copytree(whole.path, tmp_path / "run"))
    run.update_manifest(status="running")
    with claim(run), pytest.raises(UserError, match=f"process {os.getpid()} on .* is at work on this run"):
        resume(run.path)
    assert run.read_manifest()["status"] == "running"


def test_a_run_killed_before_its_report_is_finished(whole, tmp_path):
    run = open_run(shutil.copytree(whole.path, tmp_path / "run"))
    (run.path / "report.html").unlink()
    left = [run.lock_file, run.path / ".report.html.12345.tmp"]
    for file in left:
        file.write_text("of the process that was killed")
    resume(run.path, quiet=True)
    assert (run.path / "report.html").exists()
    assert [file for file in left if file.exists()] == []


def test_killed_while_the_state_is_written_it_ends_the_same(overrides, plain_config, whole, tmp_path):
    def kill(moment, number, *words):
        command = [sys.executable, TORTURE, "--child", moment, number, *words]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr

    kill("writing", 2, "train", plain_config, *overrides(**SHORT, save_every_minutes=0.0001))
    (path,) = (tmp_path / "runs").iterdir()
    run = open_run(path)
    assert list(path.glob(".state.ckpt.*.tmp")), "half of it is on the disk"
    before = run.state_file.read_bytes()
    kill("renaming", 3, "resume", path)
    assert run.state_file.read_bytes() != before
    assert run.read_manifest()["status"] == "running"
    resume(path, quiet=True)
    assert differences(whole.path, path) == []
    assert not [*path.rglob("*.tmp"), *path.rglob(".lock")]


class PowerCutError(BaseException):
    """Stands for a kill: nothing is done after it."""


@pytest.fixture
def quick(monkeypatch):
    """Validation pages are predicted once; what is tested is the order of the files."""
    known, original = {}, validation.ViewPredictions

    def predictions(classifier, pages, setup, description):
        if description not in known:
            known[description] = original(classifier, pages, setup, description)
        return known[description]

    monkeypatch.setattr(validation, "ViewPredictions", predictions)


def test_killed_before_any_file_of_the_end_it_is_written_by_the_next_attempt(finished, tmp_path, quick):
    """Each attempt is killed right before it writes the next file, so that it has to come to that file."""
    run = open_run(shutil.copytree(finished.path, tmp_path / finished.name))
    run.update_manifest(status="running", fingerprints=None, finished=None)
    remove_old_results(run)
    with quietly(True):
        training = reopen_run(run)

    def attempt(stop_before):
        replace, written = Path.replace, []

        def renaming(source, target):
            if Path(target).is_relative_to(run.path):
                name = Path(target).relative_to(run.path).as_posix()
                if name == stop_before:
                    raise PowerCutError
                written.append(name)
            return replace(source, target)

        with pytest.MonkeyPatch.context() as patch, quietly(True):
            patch.setattr(Path, "replace", renaming)
            try:
                resume(run.path) if run.read_manifest()["status"] == "finished" else finish_run(training)
            except PowerCutError:
                return written, True
        return written, False

    files = {path.relative_to(finished.path) for path in finished.path.rglob("*") if path.is_file()}
    made = [name.as_posix() for name in files if not (run.path / name).exists()]
    assert len(made) > 25
    order, _ = attempt(None)
    remove_old_results(run)
    run.update_manifest(status="running", fingerprints=None, finished=None)
    points = [name for name in dict.fromkeys(order) if name in made]
    assert set(points) == set(made)
    # Of the pictures in one folder the first and the last one are enough.
    pictures = {
        folder: [name for name in points if name.startswith(f"{folder}/")] for folder in ("gallery", "robustness")
    }
    left_out = {name for names in pictures.values() for name in names[1:-1]}
    not_reached = [name for name in points if name not in left_out and not attempt(name)[1]]
    assert not_reached == []
    attempt(None)
    assert run.read_manifest()["status"] == "finished"
    assert {path.relative_to(run.path) for path in run.path.rglob("*") if path.is_file()} == files
    same = [
        name for name in files if name.parts[0] not in ("manifest.json", ".lock") and not name.stem.startswith("report")
    ]
    assert [name for name in same if (run.path / name).read_bytes() != (finished.path / name).read_bytes()] == []
