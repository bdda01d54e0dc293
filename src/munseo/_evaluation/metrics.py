"""Metrics of predictions, by the definitions that people compare with (those of scikit-learn)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit, logit

LEVEL = 0.95
"""Level of the interval of macro-F1."""
MAX_PAIRS = 12
"""Pairs of confused classes that are listed, at most."""


def summarise(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Compute all metrics of one set of predictions, as ``results.json`` holds them.

    ``labels`` are the true classes, int (N,), ``probabilities`` float (N, K); ``groups`` are as in
    ``macro_f1_interval``.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support  # here: training starts without it

    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(labels, predicted, labels=range(len(class_names)))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=range(len(class_names)), zero_division=0
    )
    per_class = [
        {"class": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
        for name, p, r, f, s in zip(class_names, precision, recall, f1, support, strict=True)
    ]
    return {
        "num_pages": len(labels),
        "macro_f1": macro_f1(labels, predicted, len(class_names)),
        "macro_f1_interval": list(macro_f1_interval(labels, predicted, len(class_names), groups)),
        **({} if groups is None else count_groups(groups)),
        "accuracy": float((labels == predicted).mean()),
        "loss": log_loss(labels, probabilities),
        "per_class": per_class,
        "confusion": matrix.tolist(),
        "confused_pairs": confused_pairs(matrix, class_names),
    }


def macro_f1(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> float:
    """Return the mean F1 of the classes that occur in the labels or the predictions, as scikit-learn's ``macro``."""
    return float(_macro_f1_of_counts(np.bincount(labels * num_classes + predicted, minlength=num_classes**2)))


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean negative log-likelihood of the true class (natural logarithm)."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(true, np.finfo(np.float32).tiny, None)).mean())


def macro_f1_interval(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Return the 95% interval of macro-F1, by the jackknife over groups on the logit scale.

    The score is computed again without each group (Efron and Stein, "The jackknife estimate of variance", 1981), which
    gives its standard error; the interval is that of Student's t with one degree of freedom less than groups, on the
    logit scale, where it cannot leave 0 to 1. Percentiles of a bootstrap are too narrow where classes have few pages:
    a resample varies less within a class of n pages than the pages themselves, by the factor 1 - 1/n.

    Where every page is right or every page is wrong nothing varies; the interval then is that of a fraction of groups
    (Clopper and Pearson, 1934).

    Args:
        labels: True classes, int (N,).
        predicted: Predicted classes, int (N,).
        num_classes: K.
        groups: Number of the group of each page, int (N,); draws of a page, and pages that belong together, are one
            group. None: every page is its own group.
    """
    counts = group_counts(labels, predicted, np.arange(len(labels)) if groups is None else groups, num_classes)
    total, num_groups = counts.sum(axis=0), len(counts)
    score = float(macro_f1_of_group_counts(total))
    if num_groups < 2:
        return 0.0, 1.0
    if not 0 < score < 1:
        end = float((1 - LEVEL) ** (1 / num_groups))
        return (end, 1.0) if score >= 1 else (0.0, 1 - end)
    without = macro_f1_of_group_counts(total - counts)
    error = float(np.sqrt((num_groups - 1) * without.var()))
    half = float(stats.t.ppf((1 + LEVEL) / 2, num_groups - 1)) * error / (score * (1 - score))
    low, high = expit(logit(score) + np.array([-half, half]))
    return float(low), float(high)


def count_groups(groups: np.ndarray) -> dict[str, float]:
    """Return ``num_groups``, and how many groups of equal size tell as much: ``effective_groups`` (Kish, 1965)."""
    sizes = np.unique(groups, return_counts=True)[1]
    return {"num_groups": len(sizes), "effective_groups": float(sizes.sum() ** 2 / (sizes**2).sum())}


def group_counts(labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray, num_classes: int) -> np.ndarray:
    """Count the hits of each class in each group, then how often it is true or predicted; int64 (G, 2 · K)."""
    numbers = np.unique(groups, return_inverse=True)[1]
    counts = np.zeros((int(numbers.max()) + 1, 2 * num_classes), dtype=np.int64)
    np.add.at(counts, (numbers, labels), labels == predicted)
    np.add.at(counts, (numbers, num_classes + labels), 1)
    np.add.at(counts, (numbers, num_classes + predicted), 1)
    return counts


def macro_f1_of_group_counts(counts: np.ndarray) -> np.ndarray:
    """Return macro-F1 from sums of ``group_counts``, (…, 2 · K)."""
    hits, occurring = np.split(counts, 2, axis=-1)
    f1 = 2 * hits / np.maximum(occurring, 1)
    return np.asarray(f1.sum(axis=-1) / np.maximum((occurring > 0).sum(axis=-1), 1))


def probability_columns(num_classes: int) -> list[str]:
    """Return the names of the probability columns of prediction tables."""
    return [f"p_{number}" for number in range(num_classes)]


def _macro_f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """Return macro-F1 of flattened confusion matrices (…, K·K), whose rows are the true classes."""
    num_classes = round(counts.shape[-1] ** 0.5)
    matrix = counts.reshape(*counts.shape[:-1], num_classes, num_classes)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    occurring = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    f1 = 2 * hits / np.maximum(occurring, 1)
    num_present = np.maximum((occurring > 0).sum(axis=-1), 1)
    mean: np.ndarray = f1.sum(axis=-1) / num_present
    return mean


def confused_pairs(matrix: np.ndarray, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the largest cells off the diagonal, with their fraction of the true class."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = []
    for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True):
        count = int(wrong[true, predicted])
        if count:
            share = count / int(matrix[true].sum())
            pairs.append(
                {"true": class_names[true], "predicted": class_names[predicted], "count": count, "share": share}
            )
    return pairs
