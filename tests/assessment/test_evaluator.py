"""A run is judged on a labelled test set: by name, as it predicts, and next to what was announced."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from munseo import UserError, evaluate, predict
from munseo._config import Config, dump_config
from munseo._evaluation.calibration import calibrate
from munseo._run import open_run


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory):
    """A copy of the finished run that evaluations are written to."""
    return open_run(shutil.copytree(finished.path, tmp_path_factory.mktemp("judged") / finished.name))


@pytest.fixture(scope="module")
def judged(run, documents):
    """The evaluation on the test pages, whose labels are known by now."""
    return evaluate(run.path, documents, table="test_labels.csv", name="after", quiet=True)


def test_it_is_the_score_of_what_predict_gives(run, judged, documents, tmp_path):
    table = pd.read_csv(predict(run.path, [documents / "test"], tmp_path / "out.csv", proba=True, quiet=True))
    truth = pd.read_csv(documents / "test_labels.csv").set_index("ID")["target"]
    assert judged["num_pages"] == len(truth)
    assert judged["accuracy"] == pytest.approx((table.set_index("ID")["target"] == truth).mean())
    confidence = table.filter(like="p_").max(axis=1)
    right = table.set_index("ID")["target"] == truth
    bins = judged["reliability"]["bins"]
    assert sum(entry["count"] * entry["confidence"] for entry in bins) == pytest.approx(confidence.sum(), abs=1e-4)
    assert sum(entry["count"] * entry["accuracy"] for entry in bins) == pytest.approx(right.sum())
    announced = json.loads((tmp_path / "out.expected.json").read_text(encoding="utf-8"))
    assert judged["expected"]["macro_f1"] == pytest.approx(announced["macro_f1"])
    assert judged["expected"]["interval"] == pytest.approx(announced["interval"])


@pytest.fixture
def without_report(monkeypatch):
    """Leave the report as it is: drawing it takes seconds, and ``judged`` has done it."""
    monkeypatch.setattr("munseo._report.write_report", lambda run: [])


def test_its_files_hold_it_again(run, judged, documents):
    (again,) = run.read_evaluations()
    assert again.name == "after"
    assert again.macro_f1 == judged["macro_f1"]
    assert again.held_expectation == (
        judged["expected"]["interval"][0] <= judged["macro_f1"] <= judged["expected"]["interval"][1]
    )
    table = pd.read_parquet(run.evaluation_dir("after") / "predictions.parquet")
    rows = table.filter(regex=r"^p_\d+$").to_numpy()
    assert (rows.argmax(axis=1) == table["target"]).mean() == pytest.approx(judged["accuracy"])
    confidence = calibrate(rows, judged["temperature"]).max(axis=1)
    bins = judged["reliability"]["bins"]
    assert sum(entry["count"] * entry["confidence"] for entry in bins) == pytest.approx(confidence.sum(), abs=1e-4)


def test_the_report_shows_it_in_both_languages(run, judged):
    for name, words in (("report.html", "Labelled test sets"), ("report.ko.html", "라벨이 있는 테스트 세트")):
        page = (run.path / name).read_text(encoding="utf-8")
        assert words in page
        assert f"{judged['macro_f1']:.4f}" in page
        assert 'id="evaluation-1"' in page
    text = (run.path / "report.md").read_text(encoding="utf-8")
    assert "(evaluations/after/confusion_matrix.png)" in text
    assert (run.evaluation_dir("after") / "calibration.png").is_file()


def test_another_set_lies_beside_it_and_no_name_is_taken_away(without_report, run, judged, by_class, pages_of):
    folder = by_class(pages_of.index[pages_of["part"] == "val"])
    before = run.read_json(run.evaluation_dir("after") / "results.json")
    with pytest.raises(UserError, match="is the evaluation of other pages"):
        evaluate(run.path, folder, all_pages=True, name="after", quiet=True)
    other = shutil.copytree(run.path, run.path.parent / "rival")
    second = evaluate(run.path, folder, all_pages=True, against=other, quiet=True)
    assert second["name"] == "classes"
    assert run.read_json(run.evaluation_dir("after") / "results.json") == before
    (comparison,) = second["comparisons"]
    assert comparison["num_pages"] == second["num_pages"] == (pages_of["part"] == "val").sum()
    assert comparison["macro_f1"] == comparison["other_macro_f1"] == second["macro_f1"]
    assert comparison["difference"]["conclusion"] == "not distinguishable"
    assert second["num_validation"] == second["num_pages"]
    again = evaluate(run.path, folder, all_pages=True, quiet=True)
    assert again["name"] == "classes", "the same evaluation replaces itself"
    assert again["comparisons"] == second["comparisons"]
    relabelled = by_class(pages_of.index[pages_of["part"] == "val"][:5])
    shutil.rmtree(next(relabelled.iterdir()))
    assert evaluate(run.path, relabelled, all_pages=True, quiet=True)["name"] == "classes-2"
    assert [entry.name for entry in run.read_evaluations()][-1] == "after", "the latest comes first"


def test_names_that_lead_elsewhere_are_refused(run, documents):
    for name in ("../elsewhere", ".hidden", "a/b", ""):
        with pytest.raises(UserError, match="is not allowed; should be letters"):
            evaluate(run.path, documents, table="test_labels.csv", name=name, quiet=True)


def test_tables_of_the_run_that_another_folder_lacks_have_their_usual_names(
    without_report, run, by_class, pages_of, tmp_path
):
    values = {**run.read_config().model_dump(), "train_table": "list.csv", "image_dir": "scans"}
    moved = shutil.copytree(run.path, tmp_path / "named")
    (moved / "config.yaml").write_text(dump_config(Config.model_validate(values)), encoding="utf-8")
    manifest = json.loads((moved / "manifest.json").read_text(encoding="utf-8"))
    for key in ("fingerprints", "sha256"):
        manifest.pop(key)
    (moved / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    folder = by_class(pages_of.index[pages_of["part"] == "val"][:6])
    assert evaluate(moved, folder, all_pages=True, quiet=True)["num_pages"] == 6


def test_copies_in_the_set_do_not_make_the_score_surer(without_report, run, by_class, pages_of):
    folder = by_class(pages_of.index[pages_of["part"] == "val"][:8])
    once = evaluate(run.path, folder, all_pages=True, quiet=True)
    for file in list(folder.glob("*/*.jpg")):
        for number in range(3):
            shutil.copyfile(file, file.with_name(f"{file.stem}_{number}.jpg"))
    often = evaluate(run.path, folder, all_pages=True, quiet=True)
    assert (often["num_pages"], often["num_groups"]) == (32, 8)
    assert often["macro_f1"] == pytest.approx(once["macro_f1"])
    assert often["macro_f1_interval"] == pytest.approx(once["macro_f1_interval"])
