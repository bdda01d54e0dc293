"""Comparison of two sets of predictions on the same pages: whether one is better, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo._evaluation.metrics import NUM_RESAMPLES, macro_f1
from munseo._randomness import generator


@dataclass(frozen=True)
class Difference:
    """The macro-F1 of one set of predictions minus that of another, on the pages themselves, with its interval.

    ``p_better`` is the fraction of the resamples in which the first was better; ties count by half.
    """

    value: float
    low: float
    high: float
    p_better: float

    @property
    def conclusion(self) -> str:
        """``better`` or ``worse`` where the interval lies on one side of zero, otherwise ``not distinguishable``."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "not distinguishable"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for ``results.json``."""
        interval = [self.low, self.high]
        return {
            "difference": self.value,
            "interval": interval,
            "p_better": self.p_better,
            "conclusion": self.conclusion,
        }


def paired_bootstrap(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    num_classes: int,
    seed: int = 0,
    level: float = 0.95,
    groups: np.ndarray | None = None,
) -> Difference:
    """Compare two predictions of the same pages by resampling pages (Efron and Tibshirani, 1993, chapter 16).

    Both predictions are scored on the same resample, so what is hard for both cancels: the interval is far narrower
    than those of the two scores. The models are not fitted again.

    Args:
        labels: True classes, int (num_rows,).
        first: Predicted classes, int (num_rows,).
        second: Predicted classes to compare with, int (num_rows,).
        num_classes: The number of classes.
        seed: Seed of the resampling.
        level: Level of the interval.
        groups: Page of each row, 0 to num_pages - 1, where pages come several times; None for one row per page.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    # Pages with the same counts are interchangeable: a resample is a multinomial draw over the kinds of page.
    pages = np.hstack([_page_counts(labels, predicted, groups, num_classes) for predicted in (first, second)])
    kinds, counts = np.unique(pages, axis=0, return_counts=True)
    rng = generator(seed, "paired bootstrap")
    draws = rng.multinomial(counts.sum(), counts / counts.sum(), size=NUM_RESAMPLES) @ kinds
    sides = np.split(draws, 2, axis=1)
    differences = _macro_f1(sides[0]) - _macro_f1(sides[1])
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    value = macro_f1(labels, first, num_classes) - macro_f1(labels, second, num_classes)
    p_better = (differences > 0).mean() + 0.5 * (differences == 0).mean()
    return Difference(value, float(low), float(high), float(p_better))


def _page_counts(labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray, num_classes: int) -> np.ndarray:
    """Count hits per page and class, then how often it is true or predicted; int (num_pages, 2 · num_classes)."""
    counts = np.zeros((int(groups.max()) + 1, 2 * num_classes), dtype=np.int64)
    np.add.at(counts, (groups, labels), labels == predicted)
    np.add.at(counts, (groups, num_classes + labels), 1)
    np.add.at(counts, (groups, num_classes + predicted), 1)
    return counts


def _macro_f1(counts: np.ndarray) -> np.ndarray:
    """Return macro-F1 of every resample from its sum of ``_page_counts``, as ``metrics.macro_f1`` defines it."""
    hits, occurring = np.split(counts, 2, axis=1)
    f1 = 2 * hits / np.maximum(occurring, 1)
    return np.asarray(f1.sum(axis=1) / (occurring > 0).sum(axis=1))
