"""``munseo runs diff``: an edited table, a changed setting, another picture: each is told by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from munseo import UserError, diff, train
from munseo._commands.app import app
from munseo._run import RunFolder, open_run
from munseo._run.run_inputs import read_inputs

SETTINGS = {
    "model_name": "test_efficientnet.r160_in1k",
    "pretrained": "false",
    "image_size": "32",
    "batch_size": "16",
    "epochs": "1",
    "val_split_ratio": "0.5",
    "stratify": "false",
    "split_by_likeness": "none",
    "class_imbalance": "null",
    "shift": "none",
    "robustness_pages": "0",
    "device": "cpu",
    "num_threads": "1",
}


@dataclass(frozen=True)
class Pair:
    """Two runs, and what was done to the data in between."""

    a: RunFolder
    b: RunFolder
    relabelled: str
    repainted: str
    gone: str
    labels: tuple[str, str]


def _train(data: Path, runs: Path, **changes: str) -> RunFolder:
    words = {**SETTINGS, "data_dir": data, "runs_dir": runs, **changes}
    return open_run(train("efficientnet_b4", [f"{key}={value}" for key, value in words.items()], quiet=True))


@pytest.fixture(scope="module")
def pair(documents, tmp_path_factory) -> Pair:
    """One label, one picture and one row of the second run's data differ, and the rate."""
    folder = tmp_path_factory.mktemp("pair")
    edited = Path(shutil.copytree(documents, folder / "data"))
    table = pd.read_csv(edited / "train.csv")
    relabelled, repainted, model, gone = *table["ID"][:3], table["ID"][71]
    old = int(table.loc[0, "target"])
    table.loc[0, "target"] = new = (old + 1) % 17
    table.drop(index=71).to_csv(edited / "train.csv", index=False)
    shutil.copyfile(edited / "train" / model, edited / "train" / repainted)
    names = pd.read_csv(edited / "meta.csv").set_index("target")["class_name"]
    with pytest.MonkeyPatch.context() as patch:  # two reports would take longer than the two trainings
        patch.setattr("munseo._report.draw_plots", lambda run: None)
        patch.setattr("munseo._report.write_report", lambda run: [run.path / "report.html"])
        a, b = _train(documents, folder / "a"), _train(edited, folder / "b", lr="0.002")
    return Pair(a, b, relabelled, repainted, gone, (names[old], names[new]))


@pytest.fixture(scope="module")
def found(pair):
    return diff(pair.a.path, pair.b.path)


@pytest.fixture
def copy(pair, tmp_path) -> RunFolder:
    """The first run under another name; a test may damage it."""
    return open_run(shutil.copytree(pair.a.path, tmp_path / "copy"))


def _invoke(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["runs", "diff", *map(str, words)])
    return result.exit_code, result.output


def test_settings_and_tables_that_differ(found):
    assert found["settings"] == [{"key": "lr", "a": 0.0001, "b": 0.002}], "where the data lie is no setting"
    assert found["versions"] == []
    assert found["tables"] == [{"table": "train.csv", "state": "changed", "rows_a": 72, "rows_b": 71}]
    assert found["classes"] == {"only_a": [], "only_b": []}
    assert found["notes"] == []


def test_pages_that_differ(found, pair):
    pages = found["pages"]
    assert pages["in_both"] == 71
    old, new = pair.labels
    assert pages["labels"] == [{"ID": pair.relabelled, "a": old, "b": new}]
    assert [row["ID"] for row in pages["images"]] == [pair.repainted]
    assert [row["ID"] for row in pages["only_a"]] == [pair.gone]
    assert pages["only_b"] == []
    assert found["test"] == {"in_both": 17, "images": [], "only_a": [], "only_b": []}


def test_pages_that_changed_sides(found, pair):
    validated = [set(run.read_predictions(run.val_predictions_file)["ID"]) for run in (pair.a, pair.b)]
    moved = {row["ID"]: (row["a"], row["b"]) for row in found["pages"]["sides"]}
    assert moved == {
        page: ("val", "train") if page in validated[0] else ("train", "val")
        for page in (validated[0] ^ validated[1]) - {pair.gone}
    }
    assert len(moved) > 10, "a row less, and the split is another one"


def test_scores_and_what_moved_them(found, pair):
    macro_f1 = {
        name: run.read_json(run.results_file)["val"]["macro_f1"]
        for name, run in zip("ab", (pair.a, pair.b), strict=True)
    }
    (row,) = [row for row in found["scores"] if row["score"] == "val macro_f1"]
    assert row == {"score": "val macro_f1", **macro_f1, "change": macro_f1["b"] - macro_f1["a"]}
    causes, predictions = found["causes"], found["predictions"]
    assert causes["num_pages"] == predictions["in_both"]
    assert [causes["macro_f1_a"], causes["macro_f1_b"]] == pytest.approx([macro_f1["a"], macro_f1["b"]], abs=1e-4)
    parts = causes["by_pages"] + causes["by_labels"] + causes["by_predictions"]
    assert causes["macro_f1_a"] + parts == pytest.approx(causes["macro_f1_b"])
    assert predictions["in_both"] + predictions["only_a"] == 36
    for change in predictions["changed"]:
        assert change["a"] != change["b"]
        assert change["right"] == {change["a"]: "A", change["b"]: "B"}.get(change["label"], "–")


def test_the_text_names_them_and_the_file_holds_all(found, pair, tmp_path, monkeypatch):
    monkeypatch.setattr("munseo._commands.diff.SHOWN", 5)
    code, text = _invoke(pair.a.path, pair.b.path, "--json", tmp_path / "diff.json")
    assert code == 0
    old, new = pair.labels
    for line in (
        f"A  {pair.a.name}",
        "settings: 1 differs",
        "    lr: 0.0001 -> 0.002",
        "tables: 1 differs",
        "    train.csv: changed, 72 -> 71 rows",
        "labels: 1 of 71 differs",
        f"    {pair.relabelled}  {old} -> {new}",
        "pages only in A: 1",
        "images: 1 of 71 differs",
        "versions: the same",
    ):
        assert line in text.splitlines()
    assert f"    {pair.gone}  " in text
    num_moved = len(found["pages"]["sides"])
    assert f"sides: {num_moved} of 71 differ (" in text
    to_train = sum(row["b"] == "train" for row in found["pages"]["sides"])
    assert f"{to_train} val -> train" in text
    assert f"    … and {num_moved - 5} more; --json FILE has all" in text
    assert json.loads((tmp_path / "diff.json").read_text(encoding="utf-8")) == found


def test_runs_that_are_the_same(pair, copy):
    code, text = _invoke(pair.a.path, copy.path)
    assert code == 0
    for name in ("settings", "tables", "labels", "images", "sides", "versions", "predictions"):
        assert f"{name}: the same" in text.splitlines()
    assert "only in" not in text
    assert "moved" not in text


def test_the_effect_of_labels_is_told_from_that_of_predictions(pair, copy):
    """Half of the labels are wrong in the copy, and the model answers as before."""
    table = copy.read_predictions(copy.val_predictions_file)
    table.loc[: len(table) // 2, "target"] = (table["target"] + 1) % 17
    copy.write_table(copy.val_predictions_file, table)
    causes = diff(pair.a.path, copy.path)["causes"]
    assert causes["by_predictions"] == causes["by_pages"] == 0
    assert causes["by_labels"] == causes["macro_f1_b"] - causes["macro_f1_a"] != 0


def test_the_effect_of_other_pages_is_told_from_that_of_predictions(pair, copy):
    """The copy has validated two thirds of the pages, and answers as before."""
    table = copy.read_predictions(copy.val_predictions_file)
    copy.write_table(copy.val_predictions_file, table[12:])
    causes = diff(pair.a.path, copy.path)["causes"]
    assert causes["num_pages"] == len(table) - 12
    assert causes["by_predictions"] == causes["by_labels"] == 0
    assert causes["by_pages"] == causes["macro_f1_b"] - causes["macro_f1_a"]
    table["ID"] = "other-" + table["ID"]
    copy.write_table(copy.val_predictions_file, table)
    assert diff(pair.a.path, copy.path)["causes"] is None
    assert "predictions: no page was validated by both" in _invoke(pair.a.path, copy.path)[1].splitlines()


def test_what_an_earlier_or_unfinished_run_cannot_tell(pair, copy):
    manifest = copy.read_manifest()
    del manifest["data"]["table_rows"]
    copy.manifest_file.write_text(json.dumps(manifest), encoding="utf-8")
    for file in (copy.pages_file, copy.val_predictions_file, copy.results_file):
        file.unlink()
    code, text = _invoke(copy.path, pair.b.path)
    assert code == 0
    for line in (
        "!  A is not what was written when the run ended: manifest.json: was edited; results.json: missing",
        "!  A keeps no pages.parquet: labels, images and sides cannot be compared",
        "!  A was made by an earlier version, which did not count the rows of its tables",
        "!  A has no validation predictions: it did not finish",
        "    lr: 0.0001 -> 0.002",
        "    train.csv: changed, ? -> 71 rows",
        "labels, images, sides: not kept by both runs",
    ):
        assert line in text.splitlines()


def test_folds_against_one_split(pair, tmp_path):
    """A k-fold folder made of two copies, the second with the sides exchanged."""
    whole = Path(shutil.copytree(pair.a.path, tmp_path / "folds"))
    for number in range(2):
        shutil.copytree(pair.a.path, whole / f"fold{number}")
    table = pd.read_parquet(whole / "fold1" / "pages.parquet")
    validated = set(table.loc[table["part"] == "val", "ID"])
    table["part"] = table["part"].replace({"train": "val", "val": "train"})
    table.to_parquet(whole / "fold1" / "pages.parquet", index=False)
    sides = read_inputs(open_run(whole)).pages["side"]
    assert {page for page, side in sides.items() if side == "fold 0"} == validated
    assert set(sides) == {"fold 0", "fold 1"}
    found = diff(whole, pair.b.path)
    assert found["pages"]["sides"] is None
    assert found["notes"] == [
        "A is folds, B is one split",
        "sides are not compared: in folds every page is validated once",
    ]


def test_what_is_refused(pair, copy, tmp_path):
    with pytest.raises(UserError, match="the same run folder; give two"):
        diff(pair.a.path, pair.a.path / ".." / pair.a.path.name)
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "gone", "there is no such run folder"), (tmp_path / "empty", "not a run folder")):
        with pytest.raises(UserError, match=message):
            diff(pair.a.path, path)
    copy.pages_file.write_bytes(copy.pages_file.read_bytes()[:200])
    with pytest.raises(UserError, match="a damaged parquet file"):
        diff(pair.a.path, copy.path)
