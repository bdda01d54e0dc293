"""A k-fold run as a whole: its folds are joined, and their mean is judged on the pages that no fold used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from munseo._config import Config
from munseo._evaluation.fold_mean import average_folds
from munseo._model import ModelCard
from munseo._prediction.loader import InferencePages
from munseo._prediction.measurement import PredictRows
from munseo._prediction.predictor import load_run
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._prediction.tta import VIEWS
from munseo._prediction.view_predictions import ViewPredictions
from munseo._run import RunFolder
from munseo._run.results import FoldScores, TrainScores
from munseo._training.measuring_model import Workload, measuring_models
from munseo._training.training_data import Collection, Split
from munseo._training.validation import (
    METRIC_NAMES,
    measure_second_look,
    prediction_table,
    shifted_table,
    view_table,
    write_results,
)


def predict_held_out(run: RunFolder, config: Config, split: Split) -> None:
    """Predict the pages that no fold used, by every fold, with the models and settings that predict new pages.

    Clean pages, all draws of the recipe, and draw 0 by each view; tables that are there already are kept.
    """
    pages, recipe, loaded = split.held_out, split.recipe, load_run(run)
    views, card = loaded.views, loaded.classifiers[0].card

    def write(
        file: Path, folds: Sequence[ViewPredictions], table_of: Callable[[ViewPredictions], pd.DataFrame]
    ) -> None:
        if not file.exists():
            tables = [table_of(fold).assign(fold=number) for number, fold in enumerate(folds)]
            run.write_table(file, pd.concat(tables, ignore_index=True))

    clean_pages = InferencePages(pages, card.image_size, card.orientation)
    clean = [ViewPredictions(fold, clean_pages, loaded.setup, "judging held-out pages") for fold in loaded.classifiers]
    write(run.held_out_predictions_file, clean, lambda fold: prediction_table(pages, fold.mean(views)))
    if recipe is None:
        return
    damaged = ShiftedPages(pages, card.image_size, recipe, config.shifted_draws, card.orientation)
    workload = Workload.of(config, card, len(pages), has_recipe=True, has_profile=False)
    measuring = measuring_models(run.folds, loaded.classifiers, pages, loaded.setup, workload)
    shifted, again = (
        [ViewPredictions(fold.classifier, dataset, fold.setup, description) for fold in measuring]
        for dataset, description in (
            (damaged, "judging damaged held-out pages and views"),
            (clean_pages, "judging the second look"),
        )
    )
    once = np.arange(len(pages))

    def of_shifted(fold: ViewPredictions) -> pd.DataFrame:
        fold.logits(VIEWS, once)  # all views of draw 0 together, so that its pages are damaged once
        return shifted_table(pages, fold.mean(views), config.shifted_draws)

    write(run.held_out_shifted_predictions_file, shifted, of_shifted)
    everything = dict.fromkeys(VIEWS, once)
    write(run.held_out_view_predictions_file, shifted, lambda fold: view_table(pages, fold, everything))
    if config.second_look:
        measure_second_look(run, config, card, _mean_of(again), _mean_of(shifted))


def _mean_of(folds: Sequence[ViewPredictions]) -> PredictRows:
    """Return the mean of the folds' predictions."""
    return lambda views, rows: average_folds(np.stack([fold.mean(views, rows) for fold in folds]))


def join_folds(run: RunFolder, config: Config, card: ModelCard, collection: Collection) -> None:
    """Join the out-of-fold predictions of all folds, and average their curves, in the folder of the whole run."""
    for name in ("val", "shifted", "view", "damage"):
        files = [getattr(fold, f"{name}_predictions_file") for fold in run.folds]
        if all(file.exists() for file in files):
            tables = [pd.read_parquet(file).assign(fold=number) for number, file in enumerate(files)]
            joined = pd.concat(tables, ignore_index=True)
            if name == "val":
                order = {page.id: index for index, page in enumerate(collection.pages.train)}
                joined = joined.sort_values("ID", key=lambda ids: ids.map(order), ignore_index=True)
            run.write_table(getattr(run, f"{name}_predictions_file"), joined)
    known = set(run.read_predictions(run.val_predictions_file)["ID"])
    pages = [page for page in collection.pages.train if page.id in known]
    curves = pd.concat([fold.read_metrics() for fold in run.folds])
    run.write_table(run.metrics_file, curves.groupby("epoch", as_index=False).mean())
    results = [fold.read_results("val", "train") for fold in run.folds]
    folds = tuple(
        FoldScores(
            fold=number,
            **{name: getattr(result.val, name) for name in METRIC_NAMES},
            best_epoch=fold.read_course().best_epoch,
        )
        for number, (fold, result) in enumerate(zip(run.folds, results, strict=True))
    )
    means = {name: float(np.mean([getattr(result.train, name) for result in results])) for name in METRIC_NAMES}
    write_results(run, config, card, pages, {"train": TrainScores(**means), "folds": folds})
    _join_manifests(run)


def _join_manifests(run: RunFolder) -> None:
    """Write the model and settings of the first fold, and the course of all folds together."""
    manifest = run.folds[0].read_manifest()
    courses = [fold.read_course() for fold in run.folds]
    counts = {
        key: {name: sum(getattr(course, key).get(name, 0) for course in courses) for name in getattr(courses[0], key)}
        for key in ("augmented_pages", "mixed_batches")
    }
    best = [course.best_value for course in courses if course.best_value is not None]
    totals = {
        "epochs_done": max(course.epochs_done or 0 for course in courses),
        "best_value": float(np.mean(best)) if len(best) == len(courses) else None,
        "seconds": sum(course.seconds or 0 for course in courses),
    }
    course = courses[0].model_copy(update={**counts, **totals})
    run.update_manifest(**{key: manifest[key] for key in ("system", "model", "effective")}, course=course.model_dump())
