"""Comparison of two sets of predictions on the same pages: whether one is better, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo._evaluation.metrics import group_counts, macro_f1, macro_f1_of_group_counts
from munseo._randomness import generator

NUM_RESAMPLES = 2000
"""Resamples of the bootstrap."""


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
        groups: Number of the group of each row, where pages come several times or belong together; None for one row
            per group.
    """
    sides = _resampled(labels, first, second, num_classes, seed, groups)
    differences = macro_f1_of_group_counts(sides[0]) - macro_f1_of_group_counts(sides[1])
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    value = macro_f1(labels, first, num_classes) - macro_f1(labels, second, num_classes)
    p_better = (differences > 0).mean() + 0.5 * (differences == 0).mean()
    return Difference(value, float(low), float(high), float(p_better))


@dataclass(frozen=True)
class ClassDifference:
    """The F1 of one class by two predictions, and the difference with its interval."""

    first: float
    second: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """``first`` minus ``second``."""
        return self.first - self.second


def class_differences(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    num_classes: int,
    seed: int = 0,
    level: float = 0.95,
    groups: np.ndarray | None = None,
) -> list[ClassDifference]:
    """Compare the F1 of each class by two predictions of the same pages; arguments as in ``paired_bootstrap``.

    A class that occurs neither in the labels nor in a prediction has F1 0 there.
    """
    draws = [_f1_of_counts(side) for side in _resampled(labels, first, second, num_classes, seed, groups)]
    ends = np.quantile(draws[0] - draws[1], [(1 - level) / 2, (1 + level) / 2], axis=0)  # (2, K)
    one_group = np.zeros(len(labels), dtype=np.int64)
    scores = [_f1_of_counts(group_counts(labels, side, one_group, num_classes)[0]) for side in (first, second)]
    return [ClassDifference(*map(float, numbers)) for numbers in zip(*scores, *ends, strict=True)]


def _f1_of_counts(counts: np.ndarray) -> np.ndarray:
    hits, occurring = np.split(counts, 2, axis=-1)
    return np.asarray(2 * hits / np.maximum(occurring, 1))


def _resampled(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    num_classes: int,
    seed: int,
    groups: np.ndarray | None,
) -> list[np.ndarray]:
    """Return the sums of ``group_counts`` of both predictions on the same resamples, int64 (NUM_RESAMPLES, 2 · K)."""
    groups = np.arange(len(labels)) if groups is None else groups
    # Pages with the same counts are interchangeable: a resample is a multinomial draw over the kinds of page.
    pages = np.hstack([group_counts(labels, predicted, groups, num_classes) for predicted in (first, second)])
    kinds, counts = np.unique(pages, axis=0, return_counts=True)
    rng = generator(seed, "paired bootstrap")
    draws = rng.multinomial(counts.sum(), counts / counts.sum(), size=NUM_RESAMPLES) @ kinds
    return list(np.split(draws, 2, axis=1))
