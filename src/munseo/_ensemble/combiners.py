"""Ways to combine members, each fitted on held-out pages: the best one alone, the mean, weights, a logistic stack."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from munseo._evaluation import macro_f1
from munseo._evaluation.metrics import log_loss
from munseo._prediction.combination import Combination, Stack, WeightedMean, stack_features
from munseo._randomness import generator

GAP = 1e-6
"""The weights are fitted when their log loss is proven to lie this close to the smallest one."""
MAX_STEPS = 20_000
PENALTIES = (0.1, 1.0, 10.0, 100.0)
"""Values of C (inverse strength of the L2 penalty, on standardised inputs) that a stack chooses from."""
NUM_INNER_FOLDS = 3

Fit = Callable[[np.ndarray, np.ndarray], Combination]
"""From probabilities (num_members, num_pages, num_classes) and labels (num_pages,) to what combines new ones."""


def fit_best_member(rows: np.ndarray, labels: np.ndarray) -> WeightedMean:
    """All weight on the member with the best macro-F1; of equal ones, that with the smaller log loss."""
    scores = [(macro_f1(labels, row.argmax(axis=1), row.shape[1]), -log_loss(labels, row)) for row in rows]
    best = max(range(len(rows)), key=scores.__getitem__)
    return WeightedMean(np.eye(len(rows))[best])


def fit_mean(rows: np.ndarray, labels: np.ndarray) -> WeightedMean:
    """The same weight for every member."""
    return WeightedMean(np.full(len(rows), 1 / len(rows)))


def fit_weights(rows: np.ndarray, labels: np.ndarray) -> WeightedMean:
    """Weights (none negative, sum 1) with the smallest log loss of the weighted mean.

    Stacking with these constraints: Breiman, "Stacked regressions", 1996; as a super learner: van der Laan, Polley and
    Hubbard, 2007. The log loss is convex in the weights, so what is found is the smallest there is. The steps are EM's
    for the weights of a mixture (Dempster, Laird and Rubin, 1977): each weight times its member's mean share of what
    the mixture gives to the true class. That share, less 1, also bounds how far the loss is from the smallest one.
    """
    true = np.clip(rows[:, np.arange(len(labels)), labels], np.finfo(np.float32).tiny, None)  # (num_members, num_pages)
    weights = np.full(len(rows), 1 / len(rows))
    for _ in range(MAX_STEPS):
        shares = (true / (weights @ true)).mean(axis=1)
        if shares.max() - 1 <= GAP:
            break
        weights = weights * shares
    return WeightedMean(weights / weights.sum())


def fit_stack(rows: np.ndarray, labels: np.ndarray, seed: int) -> Stack:
    """Multinomial logistic regression on log-probabilities (Wolpert, "Stacked generalization", 1992), L2 penalty.

    C is chosen by cross-validated log loss within the pages given.
    """
    inner = deal_folds(labels, NUM_INNER_FOLDS, seed, "ensemble/inner")
    losses = []
    for penalty in PENALTIES:
        probabilities = out_of_fold(partial(_regression, penalty=penalty), rows, labels, inner)
        losses.append(log_loss(labels, probabilities))
    return _regression(rows, labels, PENALTIES[int(np.argmin(losses))])


def _regression(rows: np.ndarray, labels: np.ndarray, penalty: float) -> Stack:
    from sklearn.linear_model import LogisticRegression  # here: it takes half a second, and only a stack needs it

    num_classes = rows.shape[2]
    # A class without a page here would be unknown to the regression: it gets one page on which all members agree.
    absent = np.setdiff1d(np.arange(num_classes), labels)
    agreed = np.full((len(absent), num_classes), 0.1 / max(num_classes - 1, 1))
    agreed[np.arange(len(absent)), absent] = 0.9
    features = np.vstack([stack_features(rows), stack_features(np.repeat(agreed[None], len(rows), axis=0))])
    # Standardised, the fit takes a tenth of the steps and one penalty suits every input.
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
    model = LogisticRegression(C=penalty, max_iter=1000)
    model.fit((features - mean) / scale, np.concatenate([labels, absent]))
    coefficients, intercepts = model.coef_ / scale, model.intercept_
    intercepts = intercepts - coefficients @ mean
    if num_classes == 2:  # scikit-learn gives the second class's logit alone
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    return Stack(np.ascontiguousarray(coefficients, np.float64), np.asarray(intercepts, np.float64))


def deal_folds(labels: np.ndarray, num_folds: int, seed: int, stream: str = "ensemble/folds") -> np.ndarray:
    """Fold of each page, int (num_pages,): the pages of each class are dealt out like cards, one class after another.

    A class with fewer pages than folds is missing in some of them; a split that insists would refuse small sets.
    """
    order = np.concatenate(
        [
            generator(seed, stream, int(label)).permutation(np.flatnonzero(labels == label))
            for label in np.unique(labels)
        ]
    )
    folds = np.empty(len(labels), dtype=np.int64)
    folds[order] = np.arange(len(labels)) % num_folds
    return folds


def out_of_fold(fit: Fit, rows: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Probabilities of every page by what was fitted without its fold, float64 (num_pages, num_classes)."""
    result = np.empty(rows.shape[1:])
    for fold in np.unique(folds):
        inside = folds == fold
        result[inside] = fit(rows[:, ~inside], labels[~inside])(rows[:, inside])
    return result
