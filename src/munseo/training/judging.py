"""What a finished split is worth: probabilities, metrics and mistakes of its best weights, written into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from munseo.config import Config
from munseo.data import Page
from munseo.evaluation import Settings, predict_pages, summarise
from munseo.evaluation.gallery import save_gallery
from munseo.model import ModelCard, load_classifier
from munseo.run import RunFolder
from munseo.run.atomic import write_json
from munseo.training.parts import Collection

METRIC_NAMES = ("macro_f1", "accuracy", "loss")


def judge(run: RunFolder, config: Config, card: ModelCard, val: Sequence[Page], settings: Settings) -> None:
    """Predict the validation pages with the best weights; write predictions, results and gallery."""
    classifier = load_classifier(card, run.weights_file)
    probabilities = predict_pages(classifier, val, settings, card.tta_views, "validating the best weights")
    run.write_table(run.val_predictions_file, prediction_table(val, probabilities))
    _write_results(run, config, card, val, probabilities, {"train": _train_metrics(run)})


def join_folds(run: RunFolder, config: Config, card: ModelCard, collection: Collection) -> None:
    """Join the folds' out-of-fold predictions, and average their curves, in the folder of the whole run."""
    tables = [
        fold.read_predictions(fold.val_predictions_file).assign(fold=number) for number, fold in enumerate(run.folds)
    ]
    joined = pd.concat(tables).set_index("ID")
    pages = [page for page in collection.pages.train if page.id in joined.index]
    joined = joined.loc[[page.id for page in pages]].reset_index()
    run.write_table(run.val_predictions_file, joined)
    probabilities = joined[probability_columns(card.num_classes)].to_numpy(np.float32)
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
    _write_results(run, config, card, pages, probabilities, {"train": train, "folds": folds})
    _join_manifests(run, manifests)


def prediction_table(pages: Sequence[Page], probabilities: np.ndarray) -> pd.DataFrame:
    """``ID, target, p_0 … p_{n-1}``; target is empty where a page has no label."""
    table = pd.DataFrame(probabilities, columns=probability_columns(probabilities.shape[1]))
    table.insert(0, "target", pd.Series([page.label for page in pages], dtype="Int64"))
    table.insert(0, "ID", [page.id for page in pages])
    return table


def probability_columns(num_classes: int) -> list[str]:
    """Names of the probability columns."""
    return [f"p_{number}" for number in range(num_classes)]


def _write_results(
    run: RunFolder,
    config: Config,
    card: ModelCard,
    pages: Sequence[Page],
    probabilities: np.ndarray,
    rest: dict[str, Any],
) -> None:
    labels = np.array([page.label for page in pages], dtype=np.int64)
    val = summarise(labels, probabilities, card.class_names, config.random_seed)
    write_json(run.results_file, {"val": val, **rest})
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
