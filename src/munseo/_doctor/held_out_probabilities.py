"""Probabilities of the labelled pages by models that have not seen their labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from munseo._doctor.embeddings import Embedding
from munseo._doctor.issue import Sheet
from munseo._run import RunFolder

NUM_FOLDS = 5
STRENGTH = 0.01
"""Inverse of the regularisation. Of 5 % wrong labels in rvl5 it ranked 0.82 into the top 10 %, a tenth of it 0.80."""


def held_out_probabilities(
    embedding: Embedding,
    sheets: Sequence[Sheet],
    groups: np.ndarray,
    num_classes: int,
    run: RunFolder | None,
    seed: int,
) -> np.ndarray:
    """Probabilities (len(embedding.places), num_classes), each by a model that was not fitted to the page's label.

    A k-fold run has them in its files. Else a logistic regression on the embedding is cross-validated; where a run has
    predicted a page as validation, the mean of both is taken.

    Args:
        embedding: Of the labelled pages.
        sheets: All pages.
        groups: (len(sheets),) number of the group of copies of each page. A copy with the same wrong label would vouch
            for it, so copies are judged together.
        num_classes: C.
        run: A run of these classes.
        seed: Of the folds.
    """
    embedded = [sheets[place] for place in embedding.places]
    own = _of_run(run, embedded, num_classes) if run is not None else np.full((len(embedded), num_classes), np.nan)
    has_own = ~np.isnan(own[:, 0])
    if run is not None and run.folds and has_own.all():
        return own
    labels = np.array([sheet.page.label for sheet in embedded])
    fitted = _cross_validated(embedding.points, labels, groups[embedding.places], num_classes, seed)
    fitted[has_own] = own[has_own] if run is not None and run.folds else (own[has_own] + fitted[has_own]) / 2
    return fitted


def _of_run(run: RunFolder, embedded: Sequence[Sheet], num_classes: int) -> np.ndarray:
    """What the run predicted of its validation pages; NaN for pages that it trained on or does not know."""
    table = run.read_predictions(run.val_predictions_file)
    values = table[[f"p_{number}" for number in range(num_classes)]].to_numpy(float)
    known = dict(zip(table["ID"], values, strict=True))
    unknown = np.full(num_classes, np.nan)
    return np.stack([known.get(sheet.page.id, unknown) for sheet in embedded])


def _cross_validated(
    points: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int, seed: int
) -> np.ndarray:
    rows = np.full((len(points), num_classes), 1e-6)
    # scikit-learn refuses more folds than the largest class has pages, and would leave some empty of fewer groups.
    num_folds = min(NUM_FOLDS, int(np.bincount(labels).max()), len(np.unique(groups)))
    if num_folds < 2:
        return np.asarray(rows / rows.sum(axis=1, keepdims=True))
    with warnings.catch_warnings():
        # A class of fewer pages than folds stands in some folds only; that is all the warning says.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed).split(points, labels, groups))
    for fit, held_out in folds:
        if not (len(fit) and len(held_out)):
            continue
        rows[np.ix_(held_out, np.unique(labels[fit]))] = _fitted(points[fit], labels[fit], points[held_out])
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def _fitted(points: np.ndarray, labels: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Probabilities (len(held_out), classes among ``labels``)."""
    if len(np.unique(labels)) == 1:
        return np.ones((len(held_out), 1))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500))
    model.fit(points.astype(np.float64), labels)
    return np.asarray(model.predict_proba(held_out.astype(np.float64)))
