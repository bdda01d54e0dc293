"""K-fold runs through the real command: single folds are judged out of fold, and their mean on pages that none used."""

import shutil

import numpy as np
import pandas as pd
import pytest

from munseo import UserError, evaluate, predict, resume
from munseo._config import Config
from munseo._data import load_pages
from munseo._evaluation.calibration import fit_temperature, reliability
from munseo._evaluation.fold_mean import read_mean
from munseo._evaluation.held_out import MEAN_NOT_JUDGED, arrays, by_draw, held_out, validated_pipeline
from munseo._evaluation.metrics import macro_f1
from munseo._prediction import PredictOptions, Predictor
from munseo._run import open_run
from munseo._run.run_inputs import read_inputs
from munseo._training.joined_folds import join_folds
from munseo._training.training_data import collect, make_splits, page_table

NUM_CLASSES = 17


@pytest.fixture
def own_run(kfold_run, tmp_path):
    """A copy that a test may change."""
    return open_run(shutil.copytree(kfold_run.path, tmp_path / "runs" / kfold_run.name))


def without_held_out(run):
    """Turn a run into one that held no pages out, as earlier versions did."""
    for name in ("", "shifted_", "view_"):
        getattr(run, f"held_out_{name}predictions_file").unlink()
    run.update_manifest(fingerprints={})
    config = run.read_config()
    join_folds(run, config, Predictor.load(run).card, collect(config))
    return run


def test_no_fold_uses_the_held_out_pages(kfold_run):
    held_out = kfold_run.read_predictions(kfold_run.held_out_predictions_file)
    ids = set(held_out["ID"])
    assert sorted(held_out.loc[held_out["fold"] == 0, "target"]) == list(range(NUM_CLASSES))
    assert held_out.groupby("fold")["ID"].apply(set).tolist() == [ids, ids]
    for folder in (kfold_run, *kfold_run.folds):
        pages = pd.read_parquet(folder.pages_file)
        assert set(pages.loc[pages["part"] == "held_out", "ID"]) == ids
        assert not ids & set(pages.loc[pages["part"].isin(["train", "val"]), "ID"])
        assert folder.read_manifest()["data"]["num_held_out"] == len(ids)
    out_of_fold = kfold_run.read_predictions(kfold_run.val_predictions_file)
    assert not ids & set(out_of_fold["ID"])
    assert len(out_of_fold) + len(ids) == 72
    sides = read_inputs(kfold_run).pages["side"]
    assert set(sides[list(ids)]) == {"held_out"}
    assert set(sides.drop(list(ids))) == {"fold 0", "fold 1"}


def test_the_stored_mean_has_the_bits_of_a_prediction(kfold_run, documents):
    table, shifted = read_mean(kfold_run)
    known = {page.id: page for page in load_pages(documents).train}
    predicted = Predictor.load(kfold_run, PredictOptions(second_look=False)).predict([known[i] for i in table["ID"]])
    assert (arrays(table, NUM_CLASSES)[1] == predicted.first).all()
    assert len(shifted) == 2 * len(table)
    views = kfold_run.read_predictions(kfold_run.held_out_view_predictions_file)
    one, other = (
        views[(views["fold"] == fold) & (views["view"] == "identity")].filter(like="p_").to_numpy() for fold in (0, 1)
    )
    assert (((one + other) / np.float32(2)) == arrays(shifted[shifted["draw"] == 0], NUM_CLASSES)[1]).all()


def test_what_is_stated_about_the_mean_is_measured_on_it(kfold_run):
    results = kfold_run.read_results()
    clean, shifted = read_mean(kfold_run)
    labels, rows = arrays(clean, NUM_CLASSES)
    assert results.fold_mean.val.macro_f1 == pytest.approx(macro_f1(labels, rows.argmax(axis=1), NUM_CLASSES))
    assert results.fold_mean.val.num_pages == results.fold_mean.shifted.num_pages == NUM_CLASSES
    assert results.calibration.temperature == fit_temperature(*arrays(shifted, NUM_CLASSES))
    assert results.calibration.val.ece_before == pytest.approx(reliability(labels, rows)[1])
    assert results.val.num_pages == results.shifted.num_pages == 72 - NUM_CLASSES
    held = held_out(kfold_run, validated_pipeline(kfold_run))
    assert (held.clean == rows).all()
    assert (held.shifted == by_draw(clean, shifted, NUM_CLASSES)).all()
    assert results.expected is not None
    assert results.expected.clean_val == pytest.approx(results.fold_mean.val.macro_f1)
    assert results.second_look.before == pytest.approx(results.views.configured_macro_f1)
    assert len(results.folds) == 2


def test_reports_and_evaluation_name_the_mean(kfold_run):
    results = kfold_run.read_results()
    score = f"{results.fold_mean.val.macro_f1:.4f}"
    report, korean = ((kfold_run.path / f"report{end}.md").read_text(encoding="utf-8") for end in ("", ".ko"))
    assert f"The mean of the folds, which predicts new pages, has macro-F1 {score}" in report.replace("\n", " ")
    assert f"폴드 평균의 Macro-F1은 어느 폴드도 쓰지 않은 페이지 17장에서 {score}" in korean.replace("\n", " ")
    page = (kfold_run.path / "report.html").read_text(encoding="utf-8")
    assert "mean of the folds, clean" in page
    assert "Shifted macro-F1, mean of the folds" in report, "the headline is what predicts"
    assert "single folds, clean" in page
    again = evaluate(kfold_run.path, quiet=True)
    assert again["macro_f1"] == pytest.approx(results.val.macro_f1)
    assert again["fold_mean"]["val"]["loss"] == pytest.approx(results.fold_mean.val.loss, rel=1e-5)


def test_a_run_killed_before_its_mean_was_judged_is_completed(kfold_run, own_run, capsys):
    for file in ("results.json", "held_out_view_predictions.parquet", "val_predictions.parquet", "report.html"):
        (own_run.path / file).unlink()
    own_run.update_manifest(status="running", fingerprints={})
    resume(own_run.path)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("mean of the folds: macro-F1") == 1
    assert "on 17 pages that no fold used" in said
    for name in ("held_out", "held_out_shifted", "held_out_view", "val"):
        file = f"{name}_predictions.parquet"
        pd.testing.assert_frame_equal(
            pd.read_parquet(own_run.path / file), pd.read_parquet(kfold_run.path / file), check_exact=True
        )
    assert own_run.results_file.read_text() == kfold_run.results_file.read_text()


def test_without_held_out_pages_nothing_is_stated_about_the_mean(own_run, documents, tmp_path, capsys):
    run = without_held_out(own_run)
    results = run.read_json(run.results_file)
    assert not {"fold_mean", "calibration", "expected", "second_look"} & set(results)
    assert {"val", "shifted", "views", "folds"} <= set(results)
    assert Predictor.load(run).temperature == 1
    with pytest.raises(UserError, match="train with held_out_ratio above 0"):
        Predictor.load(run, PredictOptions(target_precision=0.5))
    capsys.readouterr()
    predict(run.path, [documents / "test"], tmp_path / "labels.csv")
    said = " ".join(capsys.readouterr().err.split())
    assert said.count(MEAN_NOT_JUDGED) == 1
    assert "expected macro-F1" not in said
    assert not (tmp_path / "labels.expected.json").exists()


def test_a_validation_table_is_held_out_at_no_cost(own_documents):
    table = pd.read_csv(own_documents / "train.csv", dtype=str)
    fixed = table.iloc[::6]
    fixed.to_csv(own_documents / "val.csv", index=False)
    table.drop(fixed.index).to_csv(own_documents / "train.csv", index=False)
    config = Config(data_dir=own_documents, class_imbalance=None, cache=False, n_folds=2, held_out_ratio=0.3)
    collection = collect(config)
    splits = make_splits(config, collection)
    assert [{page.id for page in split.held_out} for split in splits] == [set(fixed["ID"])] * 2
    assert {page.id for split in splits for page in split.val} == set(table.drop(fixed.index)["ID"])
    pages = page_table(collection, splits[1])
    of_table = pages[pages["part"] == "held_out"]
    assert set(of_table["ID"]) == set(fixed["ID"])
    assert of_table["sha256"].notna().all()
    none = make_splits(config.model_copy(update={"held_out_ratio": 0.0}), collection)
    assert [split.val for split in none] == [split.val for split in splits], "the ratio is not used"
    alone = make_splits(config.model_copy(update={"fold": 1}), collection)
    assert [split.val for split in alone] == [splits[1].val]
