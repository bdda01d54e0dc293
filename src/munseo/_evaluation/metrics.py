"""Metrics of predictions, by the definitions that people compare with (those of scikit-learn)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from munseo._randomness import generator

NUM_RESAMPLES = 2000
"""Resamples of a bootstrap interval."""
MAX_PAIRS = 12
"""Pairs of confused classes that are listed, at most."""


def summarise(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Compute all metrics of one set of predictions, as ``results.json`` holds them.

    ``labels`` are the true classes, int (N,), ``probabilities`` float (N, K); ``seed`` is that of the bootstrap.
    """
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
        "macro_f1_interval": list(bootstrap_interval(labels, predicted, len(class_names), seed)),
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


def bootstrap_interval(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int, seed: int = 0
) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of macro-F1 over pages (Efron, "Bootstrap methods", 1979)."""
    # A resample of pages is a multinomial draw over the cells of the confusion matrix.
    counts = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    draws = generator(seed, "bootstrap").multinomial(len(labels), counts / len(labels), size=NUM_RESAMPLES)
    return _middle_95_percent(_macro_f1_of_counts(draws))


def grouped_interval(
    labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray, num_classes: int, seed: int = 0
) -> tuple[float, float]:
    """Return ``bootstrap_interval`` for pages that come several times: it draws whole pages, not single predictions.

    ``groups`` has the page of each prediction, int (M,), 0 to N - 1.
    """
    num_groups = int(groups.max()) + 1
    cells = np.zeros((num_groups, num_classes**2), dtype=np.int64)
    np.add.at(cells, (groups, labels * num_classes + predicted), 1)
    chances = np.full(num_groups, 1 / num_groups)
    draws = generator(seed, "bootstrap").multinomial(num_groups, chances, size=NUM_RESAMPLES)
    return _middle_95_percent(_macro_f1_of_counts(draws @ cells))


def _middle_95_percent(values: np.ndarray) -> tuple[float, float]:
    tail = (1 - 0.95) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


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
