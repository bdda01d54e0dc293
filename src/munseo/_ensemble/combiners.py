"""Ways to combine members, each fitted on held-out pages: the best member only, the mean, weights, a logistic stack."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from munseo._evaluation import macro_f1
from munseo._evaluation.group_folds import deal_groups_by_class
from munseo._evaluation.metrics import log_loss
from munseo._prediction.combination import Combination, Stack, WeightedMean, stack_features

GAP = 1e-6
"""Fitting the weights ends when their log loss is proven to be this close to the minimum."""
MAX_STEPS = 20_000
"""Largest number of steps in fitting the weights."""
PENALTIES = (0.1, 1.0, 10.0, 100.0)
"""Values of C (inverse strength of the L2 penalty, on standardised inputs) that a stack chooses from."""
NUM_INNER_FOLDS = 3
"""Number of folds in which a stack chooses its C."""

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Combination]
"""A function of probabilities (num_members, num_pages, num_classes), labels (num_pages,) and groups (num_pages,) that
returns what combines new probabilities."""


def fit_best_member(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> WeightedMean:
    """Put all weight on the member with the best macro-F1; log loss decides between equal members."""
    scores = [(macro_f1(labels, row.argmax(axis=1), row.shape[1]), -log_loss(labels, row)) for row in rows]
    best = max(range(len(rows)), key=scores.__getitem__)
    return WeightedMean(np.eye(len(rows))[best])


def fit_mean(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> WeightedMean:
    """Give every member the same weight."""
    return WeightedMean(np.full(len(rows), 1 / len(rows)))


def fit_weights(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> WeightedMean:
    """Find the non-negative weights of sum 1 whose weighted mean has the smallest log loss.

    Stacking with these constraints is due to Breiman, "Stacked regressions", 1996; van der Laan, Polley and Hubbard,
    2007, call it a super learner. The log loss is convex in the weights, so the minimum is global. The steps are those
    of EM for the weights of a mixture (Dempster, Laird and Rubin, 1977): each weight is multiplied by the mean ratio
    of the member's probability of the true class to that of the mixture. The largest ratio minus 1 also bounds the
    distance of the loss from its minimum.
    """
    true = np.clip(rows[:, np.arange(len(labels)), labels], np.finfo(np.float32).tiny, None)  # (num_members, num_pages)
    weights = np.full(len(rows), 1 / len(rows))
    for _ in range(MAX_STEPS):
        ratios = (true / (weights @ true)).mean(axis=1)
        if ratios.max() - 1 <= GAP:
            break
        weights = weights * ratios
    return WeightedMean(weights / weights.sum())


def fit_stack(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> Stack:
    """Fit a multinomial logistic regression on log-probabilities (Wolpert, "Stacked generalization", 1992).

    The strength of its L2 penalty is chosen by cross-validated log loss on the given pages, whose groups stay together.
    """
    inner = deal_groups_by_class(labels, groups, NUM_INNER_FOLDS, seed, "ensemble/inner")
    if not inner.any():
        return _regression(rows, labels, groups, PENALTIES[0])  # a single group has no others to choose by
    fits = [partial(_regression, penalty=penalty) for penalty in PENALTIES]
    losses = [log_loss(labels, out_of_fold(fit, rows, labels, groups, inner)) for fit in fits]
    return _regression(rows, labels, groups, PENALTIES[int(np.argmin(losses))])


def _regression(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, penalty: float) -> Stack:
    from sklearn.linear_model import LogisticRegression  # importing it takes half a second, and only a stack needs it

    num_classes = rows.shape[2]
    # The regression would not know a class without pages: it gets one invented page on which all members agree.
    absent = np.setdiff1d(np.arange(num_classes), labels)
    agreed = np.full((len(absent), num_classes), 0.1 / max(num_classes - 1, 1))
    agreed[np.arange(len(absent)), absent] = 0.9
    features = np.vstack([stack_features(rows), stack_features(np.repeat(agreed[None], len(rows), axis=0))])
    # With standardised inputs the fit takes a tenth of the steps, and one penalty suits every input.
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
    model = LogisticRegression(C=penalty, max_iter=1000)
    model.fit((features - mean) / scale, np.concatenate([labels, absent]))
    coefficients, intercepts = model.coef_ / scale, model.intercept_
    intercepts = intercepts - coefficients @ mean
    if num_classes == 2:  # scikit-learn returns only the logit of the second class
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    return Stack(np.ascontiguousarray(coefficients, np.float64), np.asarray(intercepts, np.float64))


def out_of_fold(fit: Fit, rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Predict every page by a fit without its fold, float64 (num_pages, num_classes)."""
    result = np.empty(rows.shape[1:])
    for fold in np.unique(folds):
        inside = folds == fold
        result[inside] = fit(rows[:, ~inside], labels[~inside], groups[~inside])(rows[:, inside])
    return result
