"""The benchmark of the doctor runs in its smallest form, and its arithmetic is right; no figure is checked."""

import importlib.util
import json
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "doctor.py"


def load(script=SCRIPT):
    specification = importlib.util.spec_from_file_location(script.stem + "_benchmark", script)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def test_reduced(tmp_path, monkeypatch, capsys):
    file = tmp_path / "doctor.json"
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--reduced", "--json", str(file)])
    load().main()
    printed = capsys.readouterr().out
    result = json.loads(file.read_text(encoding="utf-8"))
    num_planted = result["duplicates"]["planted"] + result["leaks"]["planted"]
    assert num_planted >= 2
    assert result["pages"] == 72 + num_planted
    assert result["labels"]["planted"] == 4
    for name in ("duplicates", "leaks"):
        found = result[name]
        assert found["recall"] == found["found"] / found["planted"]
        assert 0 <= found["precision"] <= 1
        assert f"| {name} | {found['planted']} | {found['found']} |" in printed


def test_the_judge_in_the_smallest_form(monkeypatch, capsys):
    script = SCRIPT.with_name("doctor_judge.py")
    monkeypatch.setattr(sys, "argv", [str(script), "--reduced"])
    load(script).main()
    rows = capsys.readouterr().out.splitlines()
    assert sum(" 1, 15 |" in row for row in rows) == 3, "a table for each rate of wrong labels"
    assert sum(row.startswith("| 5 |") for row in rows) == 9, "a row for each change"


def test_what_counts_as_found():
    judge, pair = load().judge_pairs, frozenset
    copies, sources = {"p0": "a", "p1": "b"}, {"p0": "a", "p1": "b", "p2": "c"}
    twins = {"a": 0, "a2": 0}
    found = {
        pair(("p0", "a2")),  # beside a twin of its source: told
        pair(("a", "a2")),  # was there before
        pair(("p2", "c")),  # the other finder's
        pair(("p1", "d")),  # wrong
        pair(("d", "e")),  # wrong
    }
    result = judge(found, copies, sources, twins)
    assert (result["found"], result["false"], result["natural"]) == (1, 2, 1)
    assert (result["recall"], result["precision"]) == (1 / 2, 1 / 3)
