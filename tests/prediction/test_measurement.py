"""The final predictions after a second look, measured on all held-out pages, decide what is said of confidence."""

import json
import shutil

import numpy as np
import pytest

from munseo import predict
from munseo._data import load_pages
from munseo._evaluation import judgement, macro_f1
from munseo._evaluation import promised_threshold as promised_thresholds
from munseo._evaluation.held_out import (
    HeldOut,
    cross_fitted_look,
    held_out,
    looked_at,
    measured_folder,
    validated_pipeline,
    write_held_out,
)
from munseo._evaluation.promised_threshold import promised_threshold
from munseo._evaluation.view_gains import average
from munseo._prediction import PredictOptions, Predictor
from munseo._prediction.decision import NoThresholdError
from munseo._prediction.inference import predict_dataset, read_card
from munseo._prediction.measurement import measure
from munseo._run import open_run
from munseo._shift.recipe_file import read_recipe
from munseo._training import collect, make_splits
from munseo._training.validation import judge


@pytest.fixture
def looking(finished):
    return Predictor.load(finished, PredictOptions(second_look=True))


def measured(predictor):
    """Measure the predictor's pipeline on the validation pages of its run, with the model."""
    run, loaded = predictor.folder, predictor.runs[0]
    ids = held_out(run, validated_pipeline(run)).ids
    known = {page.id: page for page in load_pages(run.read_config().data_dir).train}
    pages = [known[page] for page in ids]
    labels = np.array([page.label for page in pages])
    look = cross_fitted_look(run, ids) if predictor.second_look else None

    def by_model(dataset, views):
        return predict_dataset(loaded.classifiers[0], dataset, loaded.setup, views)

    recipe = read_recipe(run)
    return measure(pages, labels, predictor.card, recipe, 2, predictor.pipeline, look, by_model), look


def test_the_second_look_of_the_model_is_that_of_the_stored_views(looking):
    found, look = measured(looking)
    first = held_out(looking.folder, validated_pipeline(looking.folder))
    by_views = held_out(looking.folder, looking.pipeline)
    assert by_views.clean is None
    assert np.allclose(found.shifted[0], by_views.shifted[0], atol=1e-6), "draw 0 is known both ways"
    for before, after in ((first.clean, found.clean), *zip(first.shifted, found.shifted, strict=True)):
        uncertain = look.uncertain(before)
        assert 0 < uncertain.sum() < len(uncertain)
        changed = np.abs(before - after).max(axis=1) > 1e-6  # the stored first predictions were made in batches
        assert changed.tolist() == uncertain.tolist()


def test_what_was_measured_later_is_used(looking, tmp_path):
    run = open_run(shutil.copytree(looking.folder.path, tmp_path / "run"))
    found, _ = measured(looking)
    write_held_out(measured_folder(run, looking.pipeline), looking.pipeline, found)
    again = Predictor.load(run, PredictOptions(second_look=True))
    held = held_out(run, again.pipeline)
    assert np.array_equal(held.clean, found.clean)
    assert np.array_equal(held.shifted, found.shifted)
    assert again.temperature == pytest.approx(found.temperature)
    assert Predictor.load(run).temperature != again.temperature


def test_a_run_that_uses_a_second_look_is_judged_by_it(finished, documents, tmp_path, monkeypatch):
    """Training measures the final predictions, and everything that is said of confidence is theirs."""

    def chosen(labels, first, views, space, seed, groups=None):
        rule = {
            "gate": float(np.median(first.max(axis=1))),
            "blend": 1.0,
            "views": ["identity", "scale_90", "scale_110"],
        }
        return {**rule, "share": 0.5, "before": 0.1, "after": 0.2, "gain": 0.1, "interval": [0.0, 0.2]}

    monkeypatch.setattr(judgement, "choose_second_look", chosen)
    run = open_run(shutil.copytree(finished.path, tmp_path / "run"))
    manifest = run.read_manifest()
    del manifest["fingerprints"], manifest["sha256"]
    run.manifest_file.write_text(json.dumps(manifest))
    config = run.read_config().model_copy(update={"second_look": True, "robustness_pages": 0})
    [split] = make_splits(config, collect(config), read_recipe(run))
    stale = measured_folder(run, validated_pipeline(run))
    stale.mkdir(parents=True)
    judge(run, config, read_card(run), split, Predictor.load(run).runs[0].setup)
    assert not stale.exists(), "predictions of earlier weights go"

    predictor = Predictor.load(run)
    assert predictor.second_look is not None
    calibration = run.read_results().calibration
    held = held_out(run, predictor.pipeline)
    promised = [promised_threshold(run, predictor.pipeline, held, held.temperature, row.target_precision)
                for row in calibration.coverage]  # fmt: skip
    assert [row.threshold for row in calibration.coverage] == [row["threshold"] for row in promised]
    assert len(promised) == 4
    assert calibration.pipeline == predictor.pipeline.to_dict()
    assert calibration.temperature == predictor.temperature == held.temperature
    assert predictor.temperature != Predictor.load(run, PredictOptions(second_look=False)).temperature
    assert len(held.draws) == config.shifted_draws
    assert calibration.curve[-1].precision == pytest.approx((held.rows[1].argmax(1) == held.rows[0]).mean())
    file = predict(run.path, [documents / "train"], tmp_path / "out.csv", quiet=True)
    expected = json.loads(file.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert expected["clean_val"] == pytest.approx(macro_f1(held.labels, held.clean.argmax(1), 17))


def test_no_score_is_expected_where_clean_pages_were_not_predicted(finished, documents, tmp_path, capsys):
    file = predict(finished.path, [documents / "train"], tmp_path / "out.csv", tta=True)
    assert not file.with_suffix(".expected.json").exists()
    assert "expected macro-F1: not known" in capsys.readouterr().err


def test_a_threshold_after_a_second_look_is_tested_on_its_own_rule(looking):
    run, look = looking.folder, looking.second_look
    own = looked_at(run, looking.pipeline)
    table = run.read_predictions(run.view_predictions_file)
    views = {name: part.set_index("ID").loc[list(own.ids)].filter(like="p_").to_numpy()
             for name, part in table.groupby("view")}  # fmt: skip
    final = views["identity"].copy()
    uncertain = look.uncertain(final)
    again = average(np.stack([views[name] for name in look.views]), looking.card.tta_space)
    final[uncertain] = look.combined(final[uncertain], again[uncertain])
    assert looking.pipeline.views == (("identity",),)
    assert 0 < uncertain.sum() < len(final)
    assert np.array_equal(own.shifted, final[None])


@pytest.mark.parametrize(("wrong", "is_promised"), [((10, 40, 70), False), ((), True)])
def test_the_test_after_a_second_look_counts_the_candidates(looking, monkeypatch, wrong, is_promised):
    """Three mistakes among the surest 100 of 200 pages: 0.9 can be promised at a rate of 10 %, and not at 0.1 %."""
    confidence = np.linspace(0.999, 0.5, 200, dtype=np.float32)
    rows, labels = np.column_stack([confidence, 1 - confidence]), (np.arange(200) >= 120).astype(np.int64)
    labels[list(wrong)] = 1
    held = HeldOut(tuple(f"v{number}" for number in range(200)), labels, None, rows[None])

    def found(own_rule):
        monkeypatch.setattr(promised_thresholds, "looked_at", lambda run, pipeline: own_rule)
        return promised_threshold(looking.folder, looking.pipeline, held, 1.0, 0.9)["threshold"]

    assert (found(held) is not None) is is_promised
    assert found(None) is not None


def test_so_few_pages_promise_nothing_after_a_second_look(finished):
    with pytest.raises(NoThresholdError, match="cannot be promised from"):
        Predictor.load(finished, PredictOptions(second_look=True, target_precision=0.95))
    assert Predictor.load(finished, PredictOptions(second_look=True, abstain_below=0.05)).threshold is not None
