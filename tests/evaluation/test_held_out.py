"""Held-out predictions of exactly the pipeline that predicts, from what a run has stored."""

import shutil
from dataclasses import replace

import numpy as np

from munseo._evaluation.held_out import FULL, cross_fitted_look, held_out, measured_temperature, validated_pipeline
from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.second_look import SecondLook
from munseo._evaluation.view_gains import average
from munseo._prediction import PredictOptions, Predictor
from munseo._prediction.inference import predict_dataset
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._run import open_run
from munseo._shift.recipe_file import read_recipe


def test_the_validated_pipeline_has_the_tables_of_the_run(finished):
    held = held_out(finished, validated_pipeline(finished))
    clean = finished.read_predictions(finished.val_predictions_file)
    assert list(held.ids) == clean["ID"].tolist()
    assert np.array_equal(held.clean, clean.filter(regex="^p_").to_numpy())
    assert held.shifted.shape == (2, *held.clean.shape)
    assert held.rows[0].shape == (2 * len(held.ids),)
    assert (
        measured_temperature(finished, validated_pipeline(finished)) == finished.read_results().calibration.temperature
    )


def test_other_views_are_averaged_as_prediction_averages_them(finished, documents):
    """The same pages, damaged again and predicted by the model: the same but for the last digits."""
    from munseo._data import load_pages

    predictor = Predictor.load(finished, PredictOptions(tta=True))
    held = held_out(finished, predictor.pipeline)
    assert held.clean is None, "the stored views are of damaged pages"
    pages = {page.id: page for page in load_pages(documents).train}
    shifted = ShiftedPages([pages[i] for i in held.ids], predictor.card.image_size, read_recipe(finished), 1)
    run = predictor.runs[0]
    assert len(run.views) > 1
    again = predict_dataset(run.classifiers[0], shifted, run.setup, run.views)
    assert np.allclose(held.shifted[0], again, atol=1e-6)
    assert predictor.temperature == held.temperature != Predictor.load(finished).temperature


def test_the_rules_of_a_second_look_come_from_other_groups(finished, tmp_path):
    run = open_run(shutil.copytree(finished.path, tmp_path / "run"))
    table = run.read_predictions(run.pages_file)
    validated = np.flatnonzero(table["part"] == "val")
    table.loc[validated, "group"] = 10_000 + np.arange(len(validated)) // 3
    table.to_parquet(run.pages_file, index=False)
    ids = held_out(run, validated_pipeline(run)).ids
    numbers, folds = page_groups(run, ids), cross_fitted_look(run, ids).folds
    assert len(np.unique(numbers)) < len(ids)
    assert all(len(np.unique(folds[numbers == number])) == 1 for number in np.unique(numbers))


def test_logits_are_averaged_from_their_probabilities():
    logits = np.random.default_rng(0).normal(0, 12, (3, 50, 5))
    logits[:, :, 0] = 0
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    rows = (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32)
    mean = np.exp(logits.mean(axis=0) - logits.mean(axis=0).max(axis=1, keepdims=True))
    assert np.allclose(average(rows, "logit"), mean / mean.sum(axis=1, keepdims=True), atol=1e-5)


def test_a_pipeline_that_was_not_measured_has_none(finished):
    validated = validated_pipeline(finished)
    assert validated.precision == FULL
    for other in (
        replace(validated, precision="onnx-int8"),
        replace(validated, second_look=SecondLook(0.123, 0.5, ("identity",))),
        replace(validated, views=(("no such view",),)),
    ):
        assert held_out(finished, other) is None
        assert measured_temperature(finished, other) is None
        assert other.digest != validated.digest
