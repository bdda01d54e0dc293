"""Runs that validate twice: the pages as they are, and the same pages under a recipe."""

import pytest
import yaml

from munseo import UserError, evaluate, train
from munseo._augment import COMPETITION, DAMAGES, Recipe
from munseo._prediction.tta import VIEWS
from munseo._run import open_run


@pytest.fixture(scope="module")
def results(finished):
    return finished.read_json(finished.results_file)


def test_a_run_is_validated_clean_and_shifted(finished, results):
    assert Recipe.from_dict(yaml.safe_load(finished.shift_file.read_text(encoding="utf-8"))) == COMPETITION
    metrics = finished.read_metrics()
    assert list(metrics.columns)[7:11] == [
        "val_macro_f1", "val_shifted_loss", "val_shifted_accuracy", "val_shifted_macro_f1"
    ]  # fmt: skip
    shifted = finished.read_predictions(finished.shifted_predictions_file)
    clean = finished.read_predictions(finished.val_predictions_file)
    assert shifted.groupby("draw")["ID"].apply(list).tolist() == [clean["ID"].tolist()] * 2
    best = metrics.iloc[finished.read_manifest()["course"]["best_epoch"]]
    assert results["shifted"]["macro_f1"] == pytest.approx(best["val_shifted_macro_f1"], abs=1e-6), (
        "the epoch and the judgement see the same damaged pages"
    )
    assert results["shifted"]["num_pages"] == results["val"]["num_pages"] == len(clean)
    assert results["shifted"]["draws"] == 2


def test_everything_is_measured_on_the_best_weights(results):
    assert {row["damage"] for row in results["robustness"]["damages"]} == set(DAMAGES)
    assert {row["view"] for row in results["views"]["rows"]} == set(VIEWS) - {"identity"}
    assert results["views"]["base"] == pytest.approx(
        results["views"]["rows"][0]["with_identity"] - results["views"]["rows"][0]["gain"]
    )
    assert set(results["calibration"]) >= {"temperature", "val", "shifted", "coverage", "curve"}
    assert results["second_look"]["used"] is False, "it is used only where the configuration asks for it"
    assert 0 <= results["expected"]["macro_f1"] <= 1
    assert sum(share["share"] for share in results["expected"]["class_mix"]) == pytest.approx(1)


def test_without_a_shift_there_is_one_validation(plain_config, overrides):
    run = open_run(train(plain_config, overrides(shift="none", epochs=1), quiet=True))
    assert not run.shift_file.exists()
    assert "val_shifted_macro_f1" not in run.read_metrics()
    results = run.read_json(run.results_file)
    assert "shifted" not in results
    assert results["calibration"]["fitted_on"] == "val"


def test_shifted_validation_may_choose_the_weights_and_a_file_the_shift(plain_config, overrides, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\ndamages: {noise: {probability: 1, severity: [0.2, 0.4]}}\n", encoding="utf-8")
    words = overrides(shift=file, monitor="val_shifted_macro_f1", shifted_draws=1, n_folds=2, robustness_pages=2)
    run = open_run(train(plain_config, words, quiet=True))
    for fold in run.folds:
        metrics, course = fold.read_metrics(), fold.read_manifest()["course"]
        assert course["best_epoch"] == metrics["val_shifted_macro_f1"].idxmax()
    results = run.read_json(run.results_file)
    assert results["shifted"]["recipe"] == "mine"
    assert results["shifted"]["num_pages"] == results["val"]["num_pages"], "out-of-fold pages of both folds"
    assert results["robustness"]["num_pages"] == 4
    pictures = [page["file"] for row in results["robustness"]["damages"] for page in row["broken"]]
    assert all((run.path / picture).is_file() for picture in pictures)


def test_recipes_that_cannot_be_are_refused_before_training(plain_config, overrides, tmp_path):
    with pytest.raises(UserError, match=r"no such recipe file.*competition, document, measured, none"):
        train(plain_config, overrides(shift="competiton"), quiet=True)
    file = tmp_path / "wrong.yaml"
    file.write_text("damages: {noize: {probability: 2}}\n", encoding="utf-8")
    with pytest.raises(UserError) as error:
        train(plain_config, overrides(shift=file), quiet=True)
    assert any("did you mean noise" in problem for problem in error.value.problems)
    with pytest.raises(UserError, match="set shift to something else than none"):
        train(plain_config, overrides(shift="none", monitor="val_shifted_macro_f1"), quiet=True)
    assert not (tmp_path / "runs").exists(), "nothing is left behind"


def test_a_run_trained_with_matched_damage_is_judged_again(plain_config, overrides):
    words = overrides(augmentation__matched="true", epochs=1, robustness_pages=0)
    run = open_run(train(plain_config, words, quiet=True))
    assert "matched" in run.read_manifest()["effective"]["policies"]
    recorded = run.read_json(run.results_file)["val"]
    assert evaluate(run.path, quiet=True)["macro_f1"] == pytest.approx(recorded["macro_f1"])
