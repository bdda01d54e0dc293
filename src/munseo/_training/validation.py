"""The validation of a finished split: the best weights predict pages in several ways, and the predictions are judged.

Predictions are tables of probabilities in the run folder, so that judging them needs neither model nor data: folds and
ensembles are judged by the same code, from joined tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from munseo._config import Config
from munseo._console import say, track
from munseo._data import Page
from munseo._evaluation.held_out import (
    arrays,
    cross_fitted_look,
    default_pipeline,
    held_out,
    measured_folder,
    validated_pipeline,
    view_table_file,
    write_held_out,
)
from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.judgement import judge_tables, judge_views, save_gallery
from munseo._evaluation.metrics import probability_columns
from munseo._evaluation.robustness import robustness_profile
from munseo._evaluation.view_gains import BASE
from munseo._jpeg import encode_jpeg
from munseo._model import Classifier, ModelCard, load_classifier
from munseo._prediction import InferenceSetup
from munseo._prediction.loader import InferencePages
from munseo._prediction.measurement import PredictRows, look_again
from munseo._prediction.shifted_pages import DamagedPages, ShiftedPages, chosen_pages
from munseo._prediction.tta import VIEWS
from munseo._prediction.view_predictions import ViewPredictions
from munseo._run import RunFolder
from munseo._run.atomic import replacing, write_json
from munseo._run.results import SecondLookGain, TrainScores
from munseo._run.scores import Scores
from munseo._training.measuring_model import MeasuringModel, Workload, measuring_models
from munseo._training.quick_judgement import quick_damages, quick_views
from munseo._training.text_validation import fuse_validation
from munseo._training.training_data import Split

METRIC_NAMES = ("macro_f1", "accuracy", "loss")
"""The metrics of a split, by their names in ``results.json``."""


def judge(
    run: RunFolder,
    config: Config,
    card: ModelCard,
    split: Split,
    settings: InferenceSetup,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Predict the validation pages of a run or fold with its best weights, and write predictions, results and gallery.

    Without a recipe of damage only the clean pages are predicted. With ``text`` in the configuration, a text model is
    trained and fused; ``texts`` are the user's own texts by page ID.
    """
    shutil.rmtree(run.text_dir, ignore_errors=True)  # of earlier weights; while it is there, words are fused
    for file in (run.image_predictions_file, run.text_predictions_file, run.words_file):
        file.unlink(missing_ok=True)
    _predict_validation(run, config, load_classifier(card, run.weights_file), split, settings)
    best_epoch = run.read_course().best_epoch
    assert best_epoch is not None, "training has ended"
    best = run.read_metrics().iloc[best_epoch]
    train = TrainScores(**{name: float(best[f"train_{name}"]) for name in METRIC_NAMES})
    rest: dict[str, Any] = {"train": train}
    if config.text != "none":
        rest["text"] = fuse_validation(run, config, card, split, texts or {})
    write_results(run, config, card, split.val, rest)


def _predict_validation(
    run: RunFolder, config: Config, classifier: Classifier, split: Split, settings: InferenceSetup
) -> None:
    """Predict the validation pages clean, damaged by the recipe, by every view, and under every kind of damage."""
    card, val, recipe = classifier.card, split.val, split.recipe
    shutil.rmtree(run.measured_dir, ignore_errors=True)  # of earlier weights
    workload = Workload.of(config, card, len(val), recipe is not None, has_profile=True)
    [measuring] = measuring_models([run], [classifier], val, settings, workload)
    clean_pages = InferencePages(val, card.image_size, card.orientation)
    clean = ViewPredictions(classifier, clean_pages, settings, "judging clean pages")
    run.write_table(run.val_predictions_file, prediction_table(val, clean.mean(card.tta_views)))
    if recipe is None:
        return
    damaged = ShiftedPages(val, card.image_size, recipe, config.shifted_draws, card.orientation)
    shifted = ViewPredictions(measuring.classifier, damaged, measuring.setup, "judging damaged pages and views")
    judged = dict.fromkeys(VIEWS, np.arange(len(val)))
    if config.views_are_judged_quickly:
        shifted.mean(card.tta_views)  # of all pages in any case
        judged = quick_views(shifted, VIEWS, val, page_groups(run, [page.id for page in val]))
    else:
        shifted.logits(VIEWS, judged[BASE])  # all views of draw 0 together, so that its pages are damaged once
    run.write_table(
        run.shifted_predictions_file, shifted_table(val, shifted.mean(card.tta_views), config.shifted_draws)
    )
    run.write_table(run.view_predictions_file, view_table(val, shifted, judged))
    if config.second_look and not run.is_fold:
        again = ViewPredictions(measuring.classifier, clean_pages, measuring.setup, "judging the second look")
        measure_second_look(run, config, card, again.mean, shifted.mean)
    if config.robustness_pages:
        _measure_damages(run, config, measuring, chosen_pages(val, config.robustness_pages))


def shifted_table(pages: Sequence[Page], rows: np.ndarray, num_draws: int) -> pd.DataFrame:
    """Return the table of shifted pages, given probabilities (draws · N, K): all pages of draw 0, and so on."""
    draws = np.split(rows, num_draws)
    tables = [prediction_table(pages, draw).assign(draw=number) for number, draw in enumerate(draws)]
    return pd.concat(tables, ignore_index=True)


def view_table(pages: Sequence[Page], predictions: ViewPredictions, judged: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the table of pages by single views, given the indices of those pages that were judged by each view."""
    tables = [
        prediction_table([pages[row] for row in rows.tolist()], predictions.probabilities(view, rows)).assign(view=view)
        for view, rows in judged.items()
    ]
    return pd.concat(tables, ignore_index=True)


def measure_second_look(
    run: RunFolder, config: Config, card: ModelCard, clean: PredictRows, shifted: PredictRows
) -> None:
    """Predict the uncertain pages again, if the second look will be used: its own predictions judge its confidence."""
    entry = judge_views(run, run.read_predictions(view_table_file(run)), card, config)["second_look"]
    pipeline = default_pipeline(run, SecondLookGain.model_validate(entry))
    first = held_out(run, validated_pipeline(run))
    if pipeline.second_look is None or first is None:
        return
    look = cross_fitted_look(run, first.ids)
    assert look is not None, "the views have just been measured"
    write_held_out(measured_folder(run, pipeline), pipeline, look_again(first, look, clean, shifted))


def _measure_damages(run: RunFolder, config: Config, measuring: MeasuringModel, pages: Sequence[Page]) -> None:
    card = measuring.classifier.card
    damaged = DamagedPages(pages, card)
    predictions = ViewPredictions(measuring.classifier, damaged, measuring.setup, "judging kinds of damage")
    clean = run.read_predictions(run.val_predictions_file)
    judged = {name: np.arange(len(pages)) for name, _ in damaged.cells}
    if config.damages_are_judged_quickly:
        groups = page_groups(run, [page.id for page in pages])
        rows = clean.set_index("ID").loc[[page.id for page in pages]].reset_index()
        decided = arrays(rows, card.num_classes)[1].argmax(axis=1)
        judged = quick_damages(predictions, damaged.cells, pages, decided, groups)
    chosen = [number * len(pages) + judged[name] for number, (name, _) in enumerate(damaged.cells)]
    probabilities = np.split(
        predictions.probabilities("identity", np.concatenate(chosen)), np.cumsum([len(rows) for rows in chosen])[:-1]
    )
    tables = [
        prediction_table([pages[index] for index in judged[name].tolist()], rows).assign(damage=name, severity=severity)
        for (name, severity), rows in zip(damaged.cells, probabilities, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    run.write_table(run.damage_predictions_file, table)
    _save_broken(run, damaged, robustness_profile(table, clean, card.class_names)["damages"])


def _save_broken(run: RunFolder, damaged: DamagedPages, rows: Sequence[dict[str, Any]]) -> None:
    """Save small pictures of pages that are misclassified when damaged; ``pages.json`` tells which file is which."""
    indices = {page.id: index for index, page in enumerate(damaged.pages)}
    run.robustness_dir.mkdir(exist_ok=True)
    files: dict[str, dict[str, str]] = {}
    for row in track(rows, "pages that break"):
        name: str = row["damage"]
        for number, page in enumerate(row["broken"]):
            file = run.robustness_dir / f"{name}_{number:02}.jpg"
            picture = damaged.image(indices[page["id"]], name, page["severity"])
            with replacing(file) as temporary:
                temporary.write_bytes(encode_jpeg(picture, 80))
            files.setdefault(name, {})[page["id"]] = f"{run.robustness_dir.name}/{file.name}"
    write_json(run.robustness_dir / "pages.json", files)


def prediction_table(pages: Sequence[Page], probabilities: np.ndarray) -> pd.DataFrame:
    """Return a table ``ID, target, p_0 … p_{n-1}``; the target is empty where a page has no label."""
    table = pd.DataFrame(probabilities, columns=probability_columns(probabilities.shape[1]))
    table.insert(0, "target", pd.Series([page.label for page in pages], dtype="Int64"))
    table.insert(0, "ID", [page.id for page in pages])
    return table


def write_results(run: RunFolder, config: Config, card: ModelCard, pages: Sequence[Page], rest: dict[str, Any]) -> None:
    results = judge_tables(run, config, card).model_copy(update=rest)
    _, probabilities = arrays(run.read_predictions(run.val_predictions_file), card.num_classes)
    save_gallery(run, pages, probabilities, card.class_names)
    run.write_results(results)  # They come last: a run that has them was judged.


def say_scores(folder: RunFolder, seconds: float) -> None:
    """Print the scores of a finished run; those of the mean of the folds last, since it is what predicts."""
    results = folder.read_results("val", "epoch_choice", "fold_mean", "calibration")
    assert results.val is not None, "a run that has just finished was judged"
    pages = (
        f"{results.val.num_pages} pages, each by the fold that did not see it"
        if folder.folds
        else (f"{results.val.num_pages} validation pages")
    )
    say(f"{_score_sentence(results.val)} on {pages}, {seconds:.0f} s")
    if (choice := results.epoch_choice) is not None and choice.num_epochs > 1:
        say(
            f"the best of {choice.num_epochs} epochs was chosen on these pages, which flatters this macro-F1 by about "
            f"{choice.val:.4f}"
        )
    if results.fold_mean is None:
        return
    say(
        f"mean of the folds: {_score_sentence(results.fold_mean.val)} on {results.fold_mean.val.num_pages} pages that "
        "no fold used"
    )
    if shifted := results.fold_mean.shifted:
        say(f"mean of the folds under {shifted.recipe}: {_score_sentence(shifted)} on the same pages")


def _score_sentence(scores: Scores) -> str:
    ends = scores.macro_f1_interval
    interval = "no interval" if ends is None else f"95 % interval {ends[0]:.4f} to {ends[1]:.4f}"
    if scores.few_groups is not None:
        interval += f"; {scores.few_groups}"
    return f"macro-F1 {scores.macro_f1:.4f} ({interval}), accuracy {scores.accuracy:.4f}"
