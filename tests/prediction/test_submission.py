"""Submissions: every way to name the pages gives the same probabilities, and a score to expect of them."""

import json
import shutil
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from munseo import Interrupted, UserError, evaluate, predict
from munseo._data import check_images, load_pages
from munseo._prediction import Predictor, submission
from munseo._prediction.predictor import PredictedPages
from munseo._prediction.submission import own_test_pages, predict_test_pages
from munseo._run import open_run
from munseo._run.results import WITHOUT_INTERVAL


def test_validation_is_reproduced(finished):
    again = evaluate(finished.path, quiet=True)
    stored = finished.read_json(finished.results_file)["val"]
    assert again["macro_f1"] == pytest.approx(stored["macro_f1"])
    assert again["loss"] == pytest.approx(stored["loss"], rel=1e-6)
    assert again["confusion"] == stored["confusion"]


def test_the_same_page_has_the_same_probabilities_by_every_road(finished, documents, tmp_path):
    table = pd.read_csv(documents / "sample_submission.csv")["ID"]
    by_folder = predict(finished.path, [documents / "test"], tmp_path / "folder.csv", proba=True, quiet=True)
    by_data = predict(finished.path, [documents], tmp_path / "data.csv", proba=True, quiet=True)
    by_default = predict(finished.path, output=tmp_path / "default.csv", proba=True, quiet=True)
    assert by_folder.read_bytes() == by_data.read_bytes() == by_default.read_bytes()
    whole = pd.read_csv(by_folder).set_index("ID")
    assert list(whole.index) == list(table)
    single = predict(finished.path, [documents / "test" / table[4]], tmp_path / "one.csv", proba=True, quiet=True)
    one = pd.read_csv(single).set_index("ID")
    assert np.allclose(one.filter(like="p_").loc[table[4]], whole.filter(like="p_").loc[table[4]], atol=2e-6)
    assert whole.filter(like="p_").sum(axis=1).between(0.999, 1.001).all()
    assert whole.shape[1] == 18


def test_a_run_folder_predicts_without_its_data(finished, documents, tmp_path):
    moved = shutil.copytree(finished.path, tmp_path / "elsewhere")
    first = predict(finished.path, [documents / "test"], tmp_path / "a.csv", quiet=True)
    second = predict(moved, [documents / "test"], tmp_path / "b.csv", quiet=True)
    assert first.read_bytes() == second.read_bytes()


def test_loose_files_and_a_pdf(finished, documents, tmp_path):
    page = Image.open(next((documents / "test").iterdir()))
    page.save(tmp_path / "계약서.pdf")
    page.save(tmp_path / "scan.PNG")
    (tmp_path / "notes.txt").write_text("x")
    done = pd.read_csv(predict(finished.path, [tmp_path], tmp_path / "out" / "o.csv", quiet=True))
    assert list(done["ID"]) == ["scan.PNG", "계약서.pdf"]
    assert done["target"].between(0, 16).all()


def test_views_are_averaged_on_request(finished, documents, tmp_path):
    plain = pd.read_csv(predict(finished.path, [documents / "test"], tmp_path / "a.csv", proba=True, quiet=True))
    views = pd.read_csv(
        predict(finished.path, [documents / "test"], tmp_path / "b.csv", proba=True, tta=True, quiet=True)
    )
    assert not np.allclose(plain.filter(like="p_"), views.filter(like="p_"))
    assert np.allclose(views.filter(like="p_").sum(axis=1), 1, atol=1e-3)


def test_missing_pages_are_named_and_nothing_is_written(finished, own_documents, tmp_path):
    gone = sorted((own_documents / "test").iterdir())[:2]
    for file in gone:
        file.unlink()
    with pytest.raises(UserError) as caught:
        predict(finished.path, [own_documents / "test"], tmp_path / "o.csv", quiet=True)
    assert len(caught.value.problems) == 2
    assert all(any(file.name in line for line in caught.value.problems) for file in gone)
    assert not (tmp_path / "o.csv").exists()


def test_an_unreadable_page_of_a_submission_has_a_row_and_is_told(finished, own_documents, tmp_path, capsys):
    bad = sorted((own_documents / "test").iterdir())[0]
    bad.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    done = pd.read_csv(predict(finished.path, [own_documents / "test"], tmp_path / "o.csv"), dtype=str)
    assert list(done.columns) == ["ID", "target"], "the form of the sample and nothing else"
    assert len(done) == 17
    assert done.set_index("ID").loc[bad.name, "target"] == "0", "a submission has a target in every row"
    said = " ".join(capsys.readouterr().err.split())
    assert f"skipped: {bad.name}: " in said
    assert "; its row says 0" in said
    errors = pd.read_csv(tmp_path / "o.errors.csv")
    assert list(errors["ID"]) == [bad.name]
    assert errors["error"][0] in said
    with pytest.raises(UserError, match=bad.name):
        predict(finished.path, [own_documents / "test"], tmp_path / "f.csv", on_bad_image="fail", quiet=True)
    assert not (tmp_path / "f.csv").exists()
    bad.write_bytes(sorted((own_documents / "test").iterdir())[1].read_bytes())
    predict(finished.path, [own_documents / "test"], tmp_path / "o.csv", quiet=True)
    assert not (tmp_path / "o.errors.csv").exists(), "all pages can be read now"


def test_a_submission_stays_what_its_server_reads(finished, documents, tmp_path):
    file = predict(finished.path, [documents / "test"], tmp_path / "o.csv", quiet=True)
    assert file.read_bytes().startswith(b"ID,target\n")
    with pytest.raises(UserError, match="has no byte order mark"):
        predict(finished.path, [documents / "test"], tmp_path / "e.csv", excel=True, quiet=True)
    with pytest.raises(UserError, match="written by one process"):
        predict(finished.path, [documents / "test"], tmp_path / "s.csv", shard="0/2", quiet=True)
    assert not [path for path in tmp_path.iterdir() if path.name[0] in "es"]


def test_own_test_pages_without_a_sample_are_a_table_for_people(finished, own_documents):
    (own_documents / "sample_submission.csv").unlink()
    bad = sorted((own_documents / "test").iterdir())[0]
    bad.write_bytes(b"")
    pages = load_pages(own_documents)
    checked = check_images(pages.test, "skip")
    run = open_run(shutil.copytree(finished.path, own_documents.parent / "runs" / finished.name))
    predict_test_pages(run, pages, checked.skipped)
    table = pd.read_csv(run.submission_file, dtype=str, keep_default_na=False).set_index("ID")
    assert list(table.columns) == ["source", "target", "class_name", "confidence", "error"]
    assert table.loc[bad.name].to_dict() | {"source": ""} == {
        **dict.fromkeys(["source", "target", "class_name", "confidence"], ""),
        "error": "is empty (0 bytes)",
    }
    assert (table["target"] != "").sum() == 16


@pytest.mark.parametrize(
    ("words", "told"),
    [({"device": "tpu"}, "device: 'tpu'"), ({"on_bad_image": "ignore"}, "on_bad_image: 'ignore'")],
)
def test_wrong_words(finished, documents, words, told):
    with pytest.raises(UserError, match=told):
        predict(finished.path, [documents / "test"], quiet=True, **words)


def test_nothing_there(finished, tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        predict(finished.path, [tmp_path / "nowhere"], quiet=True)


def test_predictions_without_labels_come_with_the_score_to_expect(finished, documents, tmp_path):
    file = predict(finished.path, [documents / "train"], tmp_path / "out.csv", quiet=True)
    expected = json.loads(file.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert expected["num_pages"] == 72
    refused = WITHOUT_INTERVAL & {note["key"] for note in expected["notes"]}
    assert expected["interval"] is None if refused else expected["interval"][0] <= expected["macro_f1"]
    assert expected["clean_val"] == pytest.approx(finished.read_json(finished.results_file)["val"]["macro_f1"])


def test_an_interruption_leaves_no_csv(finished, documents, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictor, "predict", stopped)
    with pytest.raises(Interrupted, match="interrupted; nothing was written") as stop:
        predict(finished.path, [documents / "test"], tmp_path / "o.csv", quiet=True)
    assert stop.value.signum == signal.SIGINT
    assert not any(tmp_path.iterdir())


def test_images_without_a_row_in_the_sample_submission_are_reported(finished, own_documents, capsys):
    sample = own_documents / "sample_submission.csv"
    rows = sample.read_text(encoding="utf-8").splitlines()
    sample.write_text("\n".join(rows[:5]) + "\n", encoding="utf-8")
    pages = own_test_pages(finished.read_config().model_copy(update={"data_dir": own_documents}))
    assert len(pages.test) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "sample_submission.csv: number of rows: 4; images of test/ without a row" in said
    assert f"not predicted: {len(rows) - 5} (" in said


def test_a_second_validation_that_was_not_made_is_not_printed(finished, monkeypatch, capsys):
    """With ``shift: none`` clean pages stand in for damaged ones, and their score was called that of damaged ones."""
    predictor = Predictor.load(finished)
    held = submission.held_out(finished, predictor.pipeline)
    predicted = PredictedPages(held.clean, held.clean)
    with_shift = submission.expected_score(predictor, predicted)
    assert f"shifted {with_shift['shifted_val']:.4f})" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setattr(submission, "held_out", lambda *_: replace(held, shifted=None))
    without = submission.expected_score(predictor, predicted)
    printed = capsys.readouterr().err
    assert "expected macro-F1" in printed
    assert "shifted" not in printed
    assert without["shifted_val"] is None
