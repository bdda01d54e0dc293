"""``munseo runs``: a table that fits a terminal of 80 columns, a wide one, and CSV."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from munseo import runs
from munseo._commands.app import app
from munseo._report.leaderboard import COLUMNS

MODEL = "vit_base_patch16_224.augreg2_in21k_ft_in1k"


@pytest.fixture
def shown(monkeypatch):
    """Print a leaderboard of these rows in a terminal of some width."""

    def show(rows, *words, width=80):
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        numeric = [key for key, column in COLUMNS.items() if column.number_format]
        table[numeric] = table[numeric].apply(pd.to_numeric)
        monkeypatch.setattr("munseo._report.leaderboard.leaderboard", lambda folder: table)
        monkeypatch.setenv("COLUMNS", str(width))
        done = CliRunner().invoke(app, ["runs", ".", *words])
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    return show


def row(name, shifted=None, clean=0.9, **more):
    bounds = (
        {}
        if shifted is None
        else {"val_shifted_macro_f1_low": shifted - 0.05, "val_shifted_macro_f1_high": shifted + 0.03}
    )
    entry = {
        "name": name,
        "model": MODEL,
        "image_size": 320,
        "val_macro_f1": clean,
        "status": "finished",
        "minutes": 24.3,
    }
    return {**entry, "val_shifted_macro_f1": shifted, **bounds, **more}


ROWS = [
    row("2507051934-vit_base-opt_AdamW-sch_CosineAnnealingLR-img320-onaug_eda", 0.7, public=0.8619),
    row("2507060101-a", None, 0.95),
    row("2507060103-a", 0.8, minutes=1234.5),
    row("2507060103-a-2", None, None, status="running", model="앙상블"),
    {"name": "12월의 영수증 분류기", "status": "unreadable: manifest.json: not valid JSON"},
]


def test_it_fits_80_columns_and_begins_with_the_best_on_shifted_pages(shown):
    lines = shown(ROWS)
    assert lines[0].split() == ["run", "model", "size", "shifted", "F1", "clean", "F1", "server", "minutes"]
    assert max(map(cell_len, lines[:6])) == 80
    assert [line.split()[0] for line in lines[1:5]] == ["2507060103.1", "2507051934", "2507060101", "2507060103.2"]
    assert "0.8000 ±0.0400" in lines[1]
    assert lines[2].split()[-3:] == ["0.9000", "0.8619", "24.3"]
    assert "–    0.9500" in lines[3]
    assert "running" in lines[4]
    assert lines[-1].endswith(": unreadable: manifest.json: not valid JSON")


def test_columns_stand_below_each_other_whatever_alphabet_they_have(shown):
    def end_of(text, line):
        return cell_len(line[: line.index(text) + len(text)])

    lines = shown(ROWS, width=120)
    assert {end_of("±0.0400", line) for line in lines[1:3]} == {
        end_of("running", lines[4]),
        end_of("shifted F1", lines[0]),
    }
    assert any(MODEL in line for line in lines), "there is room for the whole name"


def test_a_wide_table_has_every_column(shown):
    header = " ".join(shown(ROWS[:1], "--wide", width=400))
    assert all(key in header for key in COLUMNS)


def test_csv_has_every_column_and_the_whole_name(shown):
    table = pd.read_csv(io.StringIO("\n".join(shown(ROWS, "--csv"))))
    assert list(table.columns) == list(COLUMNS)
    assert table["name"][1] == ROWS[0]["name"]


def test_no_run_at_all(shown):
    assert shown([]) == ["run  model  size  shifted F1  clean F1  server  minutes"]


def test_runs_without_a_score_on_shifted_pages_follow_by_their_clean_score(shown, tmp_path):
    shown([row("a", None, 0.5), row("b", 0.6), row("c", None, 0.9)])
    assert list(runs(tmp_path)["name"]) == ["b", "c", "a"]
    assert runs(tmp_path, "val_macro_f1")["name"].iloc[0] in ("b", "c")


def test_short_names_of_the_table_are_accepted_by_commands(finished, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    listed = CliRunner().invoke(app, ["runs", str(finished.path.parent)]).stdout.splitlines()
    short = listed[1].split()[0]
    assert short == finished.name[:10]
    for reference in (short, "latest"):
        words = ["report", str(finished.path.parent / reference)]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert done.stdout.strip() == str(finished.path / "report.html")
    monkeypatch.chdir(finished.path.parent.parent)
    done = CliRunner().invoke(app, ["report", "latest", "-q"])
    assert done.exit_code == 0
    assert done.stderr == ""
