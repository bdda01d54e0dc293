"""Results have a type: one place reads and writes their files, and what a file lacks is not there."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import munseo
from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.results import Results, ResultsEntry
from munseo._run.scores import Scores

READERS = ("read_json", "write_json", "loads", "load", "dumps", "dump", "open", "read_text", "read_bytes", "write_text")
VAL = {
    "num_pages": 3,
    "macro_f1": 0.5,
    "macro_f1_interval": [0.25, 0.75],
    "accuracy": 2 / 3,
    "loss": 0.125,
    "per_class": [
        {"class": "a", "precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2},
        {"class": "b", "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 1},
    ],
    "confusion": [[1, 1], [0, 1]],
    "confused_pairs": [{"true": "a", "predicted": "b", "count": 1, "share": 0.5}],
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def put(run: RunFolder, **entries: object) -> None:
    run.results_file.write_text(json.dumps(entries), encoding="utf-8")


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in READERS:
                yield node


def names_results(call: ast.Call) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("results_file", "scores_file"))
        or (isinstance(node, ast.Constant) and node.value in ("results.json", "scores.json"))
        for node in ast.walk(call)
    )


def test_only_the_run_folder_reads_and_writes_the_files():
    package = Path(munseo.__file__).parent
    found = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        for call in calls(ast.parse(file.read_text(encoding="utf-8")))
        if names_results(call)
    }
    # The folder of an evaluation has a file of the same name with its own type.
    assert found == {"_run/run_folder.py", "_report/server_scores.py", "_assessment/evaluation_files.py"}


def test_every_entry_has_a_name():
    assert list(Results.model_fields) == list(get_args(ResultsEntry))


def test_what_is_written_is_read_back(run: RunFolder):
    put(run, val=VAL, of_a_later_version={"x": [1, None]})
    before = json.loads(run.results_file.read_text())
    run.write_results(run.read_results())
    assert json.loads(run.results_file.read_text()) == before


def test_without_the_file_nothing_was_measured(run: RunFolder):
    assert run.read_results() == Results()
    assert run.read_scores().given == {}


@pytest.mark.parametrize("unknown", [None, float("nan"), {}, []])
def test_values_that_say_nothing_are_not_there(run: RunFolder, unknown: object):
    put(run, val={**VAL, "accuracy": unknown}, shifted=unknown, views=unknown, expected=unknown)
    results = run.read_results()
    assert results.val is not None
    assert results.val.accuracy is None
    assert results.shifted is results.views is results.expected is None


def test_an_interval_without_an_end_is_not_there(run: RunFolder):
    put(run, val={**VAL, "macro_f1_interval": [0.25, None]})
    assert run.read_results().val.macro_f1_interval is None


def test_missing_values_have_their_defaults(run: RunFolder):
    put(run, shifted={**VAL, "draws": None}, calibration={"val": {"bins": None}}, second_look={})
    results = run.read_results()
    assert (results.shifted.draws, results.shifted.recipe) == (1, "")
    assert (results.calibration.fitted_on, results.calibration.val.bins) == ("val", ())
    assert results.second_look is None


def test_an_entry_without_a_score_is_not_there(run: RunFolder):
    put(run, val={"num_pages": 3, "macro_f1": None}, views={"base": 0.5, "rows": []})
    results = run.read_results()
    assert results.val is results.views is None


def test_views_without_a_gain_are_left_out(run: RunFolder):
    rows = [{"view": "scale_90", "gain": None}, {"view": "rotate_90", "gain": 0.25}]
    put(run, views={"base": 0.5, "rows": rows})
    assert [row.view for row in run.read_results().views.rows] == ["rotate_90"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"val": {"macro_f1": 1}}, r"val\.num_pages: Field required"),
        ({"val": {**VAL, "macro_f1": "high"}}, r"val\.macro_f1: "),
        ({"val": {**VAL, "confusion": [[1, 1]]}}, "val: .*a row and a column for each class"),
        ({"val": 3}, "val: "),
        ({"views": {"base": 0.5, "rows": 3}}, "TypeError"),
        ({"expected": {"macro_f1": 0.5, "notes": [{"key": 1}]}}, "KeyError"),
        ({"robustness": {"num_pages": 3}}, r"robustness\.clean: Field required"),
    ],
)
def test_a_wrong_entry_is_named_and_hinders_no_other(run: RunFolder, entries: dict, words: str):
    put(run, calibration={"temperature": 1.5}, **entries)
    with pytest.raises(UserError, match=rf"results\.json: not what Munseo wrote \({words}"):
        run.read_results()
    assert run.read_results("calibration").calibration.temperature == 1.5


def test_confusions_and_errors_follow_from_the_matrix():
    classes = [{"class": name, "support": 4} for name in "abc"]
    confusion = [[1, 2, 1], [0, 4, 0], [1, 0, 1]]
    scores = Scores.model_validate({"num_pages": 10, "macro_f1": 0.5, "per_class": classes, "confusion": confusion})
    assert scores.num_errors == 4
    pairs = [(pair.true, pair.predicted, pair.count, pair.share) for pair in scores.confusions]
    assert pairs == [("a", "b", 2, 0.5), ("c", "a", 1, 0.5), ("a", "c", 1, 0.25)]
