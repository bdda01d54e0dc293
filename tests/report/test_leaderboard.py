"""Scores are recorded with care, and the leaderboard hides no run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from fake_run import ENGLISH, NAME, change, write_folds, write_run
from fake_shift import add_shift

from munseo import runs as sorted_leaderboard
from munseo._errors import UserError
from munseo._report import record_score
from munseo._report.leaderboard import COLUMNS, leaderboard
from munseo._run import RunFolder


def test_a_score_keeps_the_other_one(english_run: RunFolder):
    assert record_score(english_run, public=0.8619, private=None)["private"] is None
    scores = record_score(english_run, public=None, private=0.8421)
    assert (scores["public"], scores["private"]) == (0.8619, 0.8421)
    assert scores.pop("generalisation") == pytest.approx(0.94053, abs=1e-5)
    assert json.loads(english_run.scores_file.read_text(encoding="utf-8")) == scores
    assert record_score(english_run, public=1.0)["public"] == 1.0


@pytest.mark.parametrize("score", [86.19, -0.1, math.nan, 101.0])
def test_a_score_out_of_range_is_refused(english_run: RunFolder, score: float):
    with pytest.raises(UserError, match="between 0 and 1") as caught:
        record_score(english_run, public=score, private=score)
    assert len(caught.value.problems) == 2
    assert not english_run.scores_file.exists()


def test_per_cent_is_recognised(english_run: RunFolder):
    with pytest.raises(UserError, match=r"per cent; write 0\.8619"):
        record_score(english_run, public=86.19)


def test_no_score_at_all(english_run: RunFolder):
    with pytest.raises(UserError, match="--public"):
        record_score(english_run)


def test_leaderboard(tmp_path: Path):
    runs = tmp_path / "runs"
    good = write_run(runs / NAME, ENGLISH)
    record_score(good, public=0.8619)
    better = write_run(runs / "2507060101-b", ENGLISH)
    change(better.results_file, "val", "macro_f1", value=0.93)
    folds = write_folds(runs / "2507060103-folds")
    change(folds.results_file, "val", "macro_f1", value=0.5)
    fresh = write_run(runs / "2507060102-fresh", ENGLISH)
    fresh.results_file.unlink()
    change(fresh.manifest_file, "status", value="running")
    broken = {
        "2507070000-json": "manifest.json",
        "2507070001-yaml": "config.yaml",
        "2507070002-results": "results.json",
    }
    for name, file in broken.items():
        (write_run(runs / name, ENGLISH).path / file).write_text("{]", encoding="utf-8")
    write_run(runs / "2507070003-list", ENGLISH).results_file.write_text('{"val": {"macro_f1": 1}}', encoding="utf-8")
    (runs / "2507070004-empty").mkdir()
    (runs / "wandb").mkdir()
    (runs / "mlruns.db").write_text("")

    table = leaderboard(runs)
    assert list(table["name"][:3]) == [better.name, NAME, folds.name]
    assert len(table) == 9
    row = table.iloc[1]
    assert row["generalisation"] == pytest.approx(0.94053, abs=1e-5)
    assert (row["epochs"], row["minutes"], row["started"]) == (28, 24.3, "2025-07-05 19:34")
    assert (row["val_macro_f1_low"], row["val_macro_f1_high"]) == (0.8812, 0.9497)
    assert table.set_index("name").loc[fresh.name, "status"] == "running"
    unreadable = table[table["status"].str.startswith("unreadable: ")]
    assert set(unreadable["name"]) == {*broken, "2507070003-list", "2507070004-empty"}
    assert unreadable["val_macro_f1"].isna().all()
    assert not unreadable["status"].str.contains("\n").any()


def test_leaderboard_of_nothing(tmp_path: Path):
    assert leaderboard(tmp_path).empty
    with pytest.raises(UserError, match="no such folder"):
        leaderboard(tmp_path / "absent")


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
def test_each_column(english_run: RunFolder, tmp_path: Path, column):
    run = add_shift(english_run, tmp_path / "shifted" / NAME)
    record_score(run, public=0.8619, private=0.8421)
    value = leaderboard(run.path.parent).iloc[0][column.key]
    if column.number_format:
        assert float(column.number_format.format(value)) == pytest.approx(value, abs=0.01)
    else:
        assert isinstance(value, str)
        assert value
    if column.has_interval:
        assert {f"{column.key}_low", f"{column.key}_high"} <= set(COLUMNS)


def test_each_column_sorts_the_best_to_the_top(tmp_path: Path):
    record_score(write_run(tmp_path / NAME, ENGLISH), public=0.5)
    record_score(write_run(tmp_path / "2507060101-b", ENGLISH), public=0.7)
    for key, column in COLUMNS.items():
        values = sorted_leaderboard(tmp_path, key)[key].dropna().tolist()
        assert values == sorted(values, reverse=column.largest_first)
