"""A k-fold run as a whole: its folds are joined, and their mean is judged on the pages that no fold used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from munseo._config import Config
from munseo._evaluation.fold_mean import average_folds
from munseo._model import Classifier, ModelCard
from munseo._prediction.inference import predict_dataset, predict_pages, predict_views
from munseo._prediction.loader import PageDataset
from munseo._prediction.predictor import load_run
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._prediction.tta import VIEWS
from munseo._run import RunFolder
from munseo._run.results import FoldScores, TrainScores
from munseo._training.training_data import Collection, Split
from munseo._training.validation import METRIC_NAMES, measure_second_look, prediction_table, write_results


def predict_held_out(run: RunFolder, config: Config, split: Split) -> None:
    """Predict the pages that no fold used, by every fold, with the models and settings that predict new pages.

    Clean pages, all draws of the recipe, and draw 0 by each view; tables that are there already are kept.
    """
    pages, recipe, loaded = split.held_out, split.recipe, load_run(run)
    setup, card = loaded.setup, loaded.classifiers[0].card

    def write(file: Path, tables_of: Callable[[Classifier], list[pd.DataFrame]]) -> None:
        if not file.exists():
            tables = [table.assign(fold=k) for k, fold in enumerate(loaded.classifiers) for table in tables_of(fold)]
            run.write_table(file, pd.concat(tables, ignore_index=True))

    def clean(fold: Classifier) -> list[pd.DataFrame]:
        return [prediction_table(pages, predict_pages(fold, pages, setup, loaded.views, "held-out pages"))]

    write(run.held_out_predictions_file, clean)
    if recipe is None:
        return
    damaged = ShiftedPages(pages, card.image_size, recipe, config.shifted_draws, card.orientation)
    once = ShiftedPages(pages, card.image_size, recipe, 1, card.orientation)

    def shifted(fold: Classifier) -> list[pd.DataFrame]:
        rows = predict_dataset(fold, damaged, setup, loaded.views, "held-out pages under shift")
        draws = np.split(rows, config.shifted_draws)
        return [prediction_table(pages, draw).assign(draw=number) for number, draw in enumerate(draws)]

    def views(fold: Classifier) -> list[pd.DataFrame]:
        by_view = zip(VIEWS, predict_views(fold, once, setup, VIEWS), strict=True)
        return [prediction_table(pages, rows).assign(view=name) for name, rows in by_view]

    def mean(dataset: PageDataset, names: Sequence[str]) -> np.ndarray:
        rows = [predict_dataset(fold, dataset, setup, names, "second look") for fold in loaded.classifiers]
        return average_folds(np.stack(rows))

    write(run.held_out_shifted_predictions_file, shifted)
    write(run.held_out_view_predictions_file, views)
    if config.second_look:
        measure_second_look(run, config, card, pages, recipe, mean)


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
