"""Whether one set of predictions is better than another on the same pages, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo.evaluation import macro_f1
from munseo.evaluation.metrics import NUM_RESAMPLES
from munseo.randomness import generator


@dataclass(frozen=True)
class Difference:
    """Macro-F1 of one less that of another.

    Attributes:
        value: On the pages themselves.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_better: Share of the resamples in which the first was better, ties counted by half.
    """

    value: float
    low: float
    high: float
    p_better: float

    @property
    def conclusion(self) -> str:
        """``better``, ``worse`` or ``not distinguishable``: whether the interval lies on one side of zero."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "not distinguishable"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``results.json``."""
        return {
            "difference": self.value,
            "interval": [self.low, self.high],
            "p_better": self.p_better,
            "conclusion": self.conclusion,
        }


def paired_bootstrap(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    num_classes: int,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> Difference:
    """Compare two predictions of the same pages by resampling pages (Efron and Tibshirani, 1993, chapter 16).

    Both predictions see the same resample, so what is hard for both cancels: the interval is far narrower than those of
    the two scores. The fits behind the predictions are not repeated.

    Args:
        labels: True classes, int (num_pages,).
        first: Predicted classes, int (num_pages,).
        second: Those to compare with.
        num_classes: How many classes there are.
        seed: Of the resampling.
        num_resamples: How many resamples.
    """
    # Pages with the same three classes are alike: a resample is a multinomial draw over the kinds of page.
    kinds, counts = np.unique(np.stack([labels, first, second], axis=1), axis=0, return_counts=True)
    rng = generator(seed, "ensemble/bootstrap")
    draws = rng.multinomial(len(labels), counts / len(labels), size=num_resamples)
    true, one, other = (np.eye(num_classes, dtype=np.int64)[kinds[:, column]] for column in range(3))
    differences = _macro_f1(draws, true, one) - _macro_f1(draws, true, other)
    low, high = np.quantile(differences, [0.025, 0.975])
    value = macro_f1(labels, first, num_classes) - macro_f1(labels, second, num_classes)
    p_better = (differences > 0).mean() + 0.5 * (differences == 0).mean()
    return Difference(value, float(low), float(high), float(p_better))


def _macro_f1(draws: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Macro-F1 of every resample, as ``evaluation.macro_f1`` gives it.

    Args:
        draws: How often each kind of page was drawn, int (num_resamples, num_kinds).
        true: Its true class, one-hot (num_kinds, num_classes).
        predicted: Its predicted class, one-hot (num_kinds, num_classes).
    """
    hits, occurring = draws @ (true * predicted), draws @ (true + predicted)
    f1 = 2 * hits / np.maximum(occurring, 1)
    return np.asarray(f1.sum(axis=1) / (occurring > 0).sum(axis=1))
