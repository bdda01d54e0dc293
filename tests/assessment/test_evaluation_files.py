"""The files of an evaluation: whatever moment a kill comes at, an evaluation that was there is still there."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from munseo._assessment.evaluation_files import write_evaluation
from munseo._assessment.test_pages import TestPages
from munseo._data import Page
from munseo._evaluation.metrics import summarise
from munseo._run import RunFolder
from munseo._run.evaluations import ExcludedPages, TestScores

LABELS = np.array([0, 1, 1, 0])
ROWS = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], np.float32)
PAGES = TestPages(
    tuple(Page(f"{number}.png", Path(f"{number}.png"), int(label)) for number, label in enumerate(LABELS)),
    tuple("abcd"),
    np.arange(4),
    ExcludedPages(),
    (),
)


class KilledError(BaseException):
    """What ends a process at once: no handler of errors may catch it."""


def scores(evaluated, pages="the same pages"):
    entries = summarise(LABELS, ROWS, ("a", "b"))
    return TestScores.model_validate(
        {**entries, "name": "set", "data": "data", "evaluated": evaluated, "pages_sha256": pages}
    )


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return folder


def kill_at(monkeypatch, step):
    """End the process before the step-th change of a name or removal of a folder; the list counts them."""
    made = []

    def counted(original):
        def change(*arguments, **options):
            if len(made) == step:
                raise KilledError
            made.append(original.__name__)
            return original(*arguments, **options)

        return change

    for owner, name in ((Path, "rename"), (Path, "replace"), (shutil, "rmtree")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return made


def test_a_kill_at_any_step_leaves_the_old_evaluation_or_the_new_one(run, monkeypatch):
    before = write_evaluation(run, scores("2026-01-01"), PAGES, ROWS, chosen_name=True)
    survived = []
    for step in range(20):
        with monkeypatch.context() as patch:
            kill_at(patch, step)
            try:
                after = write_evaluation(run, scores(f"2027-01-{step + 1:02}"), PAGES, ROWS, chosen_name=True)
            except KilledError:
                after = None
        (standing,) = run.read_evaluations()
        assert standing == (before if after is None else after)
        assert len(run.read_predictions(run.evaluation_dir("set") / "predictions.parquet")) == 4
        if after is not None:
            break
        survived.append(step)
    assert survived == [0, 1], "two files are replaced"


def test_a_new_evaluation_appears_as_a_whole(run, monkeypatch):
    for step in range(20):
        with monkeypatch.context() as patch:
            made = kill_at(patch, step)
            try:
                written = write_evaluation(run, scores("2026-01-01"), PAGES, ROWS, chosen_name=True)
            except KilledError:
                assert run.read_evaluations() == ()
                continue
        break
    assert made[-1] == "rename"
    assert run.read_evaluations() == (written,)
    assert [path.name for path in run.evaluations_dir.iterdir()] == ["set"], "what a kill left is gone"


def test_other_pages_have_another_folder(run):
    first = write_evaluation(run, scores("2026-01-01"), PAGES, ROWS, chosen_name=False)
    second = write_evaluation(run, scores("2026-01-02", "other pages"), PAGES, ROWS, chosen_name=False)
    assert (first.name, second.name) == ("set", "set-2")
    assert run.read_evaluations() == (second, first)
