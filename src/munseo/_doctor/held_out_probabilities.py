"""Probabilities of the labelled pages, by models that have not seen their labels, calibrated on these pages."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from munseo._data.class_match import ClassMatch
from munseo._doctor.embeddings import Embedding
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.judge import calibrated
from munseo._evaluation.fold_mean import read_mean
from munseo._run import RunFolder

NUM_FOLDS = 5  # the folds of the cross-validation

REGULARISATION = 0.01
"""The inverse strength of the regularisation (C). With it 0.82 of 5% planted wrong labels in rvl5 rank among the top
10%; with a tenth of it 0.80 do."""


def held_out_probabilities(
    embedding: Embedding,
    pages: Sequence[InspectedPage],
    groups: np.ndarray,
    num_classes: int,
    run: RunFolder | None,
    match: ClassMatch | None,
    seed: int,
) -> np.ndarray:
    """Return (len(embedding.indices), num_classes) probabilities by models that were not fitted to the page's label.

    A k-fold run has them in its files. Otherwise a logistic regression on the embedding is cross-validated; where a run
    has predicted a page as validation, the mean of both is taken. The result is calibrated, each page by the others.

    Args:
        embedding: The points of the labelled pages.
        pages: All pages.
        groups: (len(pages),) number of the group of copies of each page. A copy with the same wrong label would vouch
            for it, so copies are judged together.
        num_classes: C.
        run: A run of these classes.
        match: These classes among the run's; None without a run.
        seed: The seed of the folds, and of the parts that are calibrated together.
    """
    labelled = [pages[index] for index in embedding.indices]
    if run is None or match is None:
        by_run = np.full((len(labelled), num_classes), np.nan)
    else:
        by_run = _validation_probabilities(run, labelled, match)
    is_known, is_kfold = ~np.isnan(by_run[:, 0]), run is not None and bool(run.folds)
    labels, copies = np.array([page.label for page in labelled]), groups[embedding.indices]
    if is_kfold and is_known.all():
        return calibrated(labels, by_run, copies, seed)
    fitted = _cross_validated(embedding.points, labels, copies, num_classes, seed)
    fitted[is_known] = by_run[is_known] if is_kfold else (by_run[is_known] + fitted[is_known]) / 2
    return calibrated(labels, fitted, copies, seed)


def _validation_probabilities(run: RunFolder, labelled: Sequence[InspectedPage], match: ClassMatch) -> np.ndarray:
    """Return what the run predicted for its validation pages; NaN for pages that it trained on or does not know.

    A k-fold run also has the mean of its folds for the pages that no fold used.
    """
    table = run.read_predictions(run.val_predictions_file)
    if run.folds and (mean := read_mean(run)) is not None:
        table = pd.concat([table, mean[0]])
    values = table[[f"p_{index}" for index in match.indices]].to_numpy(float)
    known = dict(zip(table["ID"], values, strict=True))
    unknown = np.full(len(match.indices), np.nan)
    return np.stack([known.get(page.id, unknown) for page in labelled])


def _cross_validated(
    points: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int, seed: int
) -> np.ndarray:
    probabilities = np.full((len(points), num_classes), 1e-6)
    # scikit-learn refuses more folds than the largest class has pages, and leaves some empty if there are fewer groups.
    num_folds = min(NUM_FOLDS, int(np.bincount(labels).max()), len(np.unique(groups)))
    if num_folds >= 2:
        with warnings.catch_warnings():
            # A class with fewer pages than folds is in some folds only; that is all the warning says.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            folds = list(StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed).split(points, labels, groups))
        for fit, held_out in folds:
            if len(fit) and len(held_out):
                predicted = _fit_and_predict(points[fit], labels[fit], points[held_out])
                probabilities[np.ix_(held_out, np.unique(labels[fit]))] = predicted
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def _fit_and_predict(points: np.ndarray, labels: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return probabilities (len(held_out), classes among ``labels``)."""
    if len(np.unique(labels)) == 1:
        return np.ones((len(held_out), 1))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=500))
    model.fit(points.astype(np.float64), labels)
    return np.asarray(model.predict_proba(held_out.astype(np.float64)))
