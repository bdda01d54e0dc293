"""What a finished split is worth: metrics, calibration, views, mistakes, from the tables that ``measuring`` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from munseo._augment import Recipe
from munseo._config import Config
from munseo._data import Page
from munseo._evaluation.gallery import save_gallery
from munseo._evaluation.judgement import arrays, judge_tables
from munseo._model import ModelCard, load_classifier
from munseo._prediction import Settings
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._training.training_data import Collection
from munseo._training.validation import measure

METRIC_NAMES = ("macro_f1", "accuracy", "loss")


def judge(
    run: RunFolder, config: Config, card: ModelCard, val: Sequence[Page], recipe: Recipe | None, settings: Settings
) -> None:
    """Predict the validation pages with the best weights; write predictions, results and gallery."""
    measure(run, config, load_classifier(card, run.weights_file), val, recipe, settings)
    _write_results(run, config, card, val, {"train": _train_metrics(run)})


def join_folds(run: RunFolder, config: Config, card: ModelCard, collection: Collection) -> None:
    """Join the folds' out-of-fold predictions, and average their curves, in the folder of the whole run."""
    for name in ("val", "shifted", "view", "damage"):
        files = [getattr(fold, f"{name}_predictions_file") for fold in run.folds]
        if all(file.exists() for file in files):
            tables = [pd.read_parquet(file).assign(fold=number) for number, file in enumerate(files)]
            joined = pd.concat(tables, ignore_index=True)
            if name == "val":
                order = {page.id: place for place, page in enumerate(collection.pages.train)}
                joined = joined.sort_values("ID", key=lambda ids: ids.map(order), ignore_index=True)
            run.write_table(getattr(run, f"{name}_predictions_file"), joined)
    known = set(run.read_predictions(run.val_predictions_file)["ID"])
    pages = [page for page in collection.pages.train if page.id in known]
    _write_mean_curves(run)
    results = [fold.read_json(fold.results_file) for fold in run.folds]
    manifests = [fold.read_manifest() for fold in run.folds]
    folds = [
        {
            "fold": number,
            **{name: result["val"][name] for name in METRIC_NAMES},
            "best_epoch": m["course"]["best_epoch"],
        }
        for number, (result, m) in enumerate(zip(results, manifests, strict=True))
    ]
    train = {name: float(np.mean([result["train"][name] for result in results])) for name in METRIC_NAMES}
    _write_results(run, config, card, pages, {"train": train, "folds": folds})
    _join_manifests(run, manifests)


def _write_results(
    run: RunFolder, config: Config, card: ModelCard, pages: Sequence[Page], rest: dict[str, Any]
) -> None:
    write_json(run.results_file, {**judge_tables(run, config, card), **rest})
    _, probabilities = arrays(run.read_predictions(run.val_predictions_file), card.num_classes)
    save_gallery(run, pages, probabilities, card.class_names)


def _train_metrics(run: RunFolder) -> dict[str, float]:
    """What training itself saw at the best epoch."""
    best = run.read_metrics().iloc[run.read_manifest()["course"]["best_epoch"]]
    return {name: float(best[f"train_{name}"]) for name in METRIC_NAMES}


def _write_mean_curves(run: RunFolder) -> None:
    curves = pd.concat([fold.read_metrics() for fold in run.folds])
    run.write_table(run.metrics_file, curves.groupby("epoch", as_index=False).mean())


def _join_manifests(run: RunFolder, manifests: Sequence[dict[str, Any]]) -> None:
    """The first fold's model and settings; the course of all folds together."""
    courses = [manifest["course"] for manifest in manifests]
    counts = {
        key: {name: sum(course[key].get(name, 0) for course in courses) for name in courses[0][key]}
        for key in ("augmented_pages", "mixed_batches")
    }
    course = {
        **courses[0],
        **counts,
        "epochs_done": max(course["epochs_done"] for course in courses),
        "best_value": float(np.mean([course["best_value"] for course in courses])),
        "seconds": sum(course["seconds"] for course in courses),
    }
    first = {key: manifests[0][key] for key in ("system", "model", "effective")}
    run.update_manifest(**first, course=course)
