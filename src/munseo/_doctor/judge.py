"""How good the model is that judges the labels of these pages, and which of its contradictions deserve a verdict.

Held-out predictions disagree with a table for two reasons: the label is wrong, or the model is. On a folder of a few
dozen pages it is nearly always the model. So the doctor measures how often the model agrees with the table, and calls
a label wrong only where that is high; docs/doctor.md has the measurements behind the constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import log_softmax

from munseo._evaluation.calibration import apply_temperature, fit_temperature
from munseo._randomness import generator

TRUSTED = 0.85
"""The lower end of the interval of the accuracy from which on the doctor gives verdicts."""

NUM_PARTS = 5  # parts of the pages, each of which gets the temperature that the others need

_TEMPERATURES = np.geomspace(0.4, 6, 28)
_NOISE_RATES = np.concatenate([[0.0], np.geomspace(0.0005, 0.5, 30)])

_LIKELIHOOD_DROP = 1.353
"""Half the 90% quantile of chi-square with one degree of freedom: how far the log-likelihood may fall below its maximum
within a one-sided 95% confidence limit."""


@dataclass(frozen=True)
class Judge:
    """How often held-out predictions equal the labels of the table."""

    num_pages: int
    num_agreeing: int  # pages whose most probable class is their label
    low: float  # the 95% interval of the accuracy; copies of a page count as one page
    high: float
    by_class: tuple[float | None, ...]  # the same fraction among the pages of each class; None without pages

    @property
    def accuracy(self) -> float:
        """The fraction of pages whose most probable class is their label."""
        return self.num_agreeing / self.num_pages

    @property
    def is_trusted(self) -> bool:
        """Whether the accuracy is high enough to call a label wrong."""
        return self.low >= TRUSTED


def assess(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> Judge:
    """Measure how often the judge agrees with the table, with an exact interval (Clopper and Pearson, 1934).

    Args:
        labels: (N,) class indices, N at least 1.
        probabilities: (N, num_classes) by models that have not seen the labels.
        groups: (N,) number of the group of copies of each page.
    """
    agrees = probabilities.argmax(axis=1) == labels
    independent, rate = len(np.unique(groups)), float(agrees.mean())
    hits = rate * independent
    low = float(stats.beta.ppf(0.025, hits, independent - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(0.975, hits + 1, independent - hits)) if hits < independent else 1.0
    by_class = tuple(
        float(agrees[labels == label].mean()) if (labels == label).any() else None
        for label in range(probabilities.shape[1])
    )
    return Judge(len(labels), int(agrees.sum()), low, high, by_class)


def calibrated(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Return probabilities that can be shown: of those near 0.9, nine in ten are the label of the table.

    The temperature of a page is fitted to other pages. N pages cannot show that something is rarer than once in N, so
    the result is mixed with one uniform pseudo-page for each class (Laplace): 60 pages never give 99%.

    Args:
        labels: (N,) class indices.
        probabilities: (N, num_classes) by models that have not seen the labels.
        groups: (N,) number of the group of copies of each page; copies get the same temperature.
        seed: The seed of the parts.
    """
    _, group = np.unique(groups, return_inverse=True)
    parts = (generator(seed, "doctor-calibration").permutation(group.max() + 1) % NUM_PARTS)[group]
    scaled = np.array(probabilities, float)
    for part in np.unique(parts):
        others = parts != part
        if others.any():
            temperature = fit_temperature(labels[others], probabilities[others])
            scaled[~others] = apply_temperature(probabilities[~others], temperature)
    num_pages, num_classes = probabilities.shape
    return np.asarray((num_pages * scaled + 1) / (num_pages + num_classes))


def are_probably_wrong(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return (N,) whether each label is more probably an error of the table than of the judge.

    A label is either drawn from the judge's probabilities at some temperature, or, at a noise rate, uniformly from the
    other classes; both are fitted by maximum likelihood. The lowest noise rate within the one-sided 95% confidence
    limit is used, since a judge that is sure and mistaken looks like noise: among labels that are right, the best
    estimate calls 2.5 times as many wrong.

    Args:
        labels: (N,) class indices.
        probabilities: (N, C) by models that have not seen the labels, C at least 2.
    """
    rows, num_others = np.arange(len(labels)), probabilities.shape[1] - 1
    logs = np.log(np.maximum(probabilities, 1e-12))
    rates = _NOISE_RATES[:, None]
    best, temperatures = np.full(len(_NOISE_RATES), -np.inf), np.ones(len(_NOISE_RATES))
    for temperature in _TEMPERATURES:
        of_label = np.exp(log_softmax(logs / temperature, axis=1)[rows, labels])
        mixed = (1 - rates) * of_label + rates * (1 - of_label) / num_others  # (noise rates, N)
        likelihood = np.log(np.maximum(mixed, 1e-12)).sum(axis=1)
        temperatures = np.where(likelihood > best, temperature, temperatures)
        best = np.maximum(best, likelihood)
    lowest = int(np.flatnonzero(best >= best.max() - _LIKELIHOOD_DROP)[0])
    rate = _NOISE_RATES[lowest]
    of_label = np.exp(log_softmax(logs / temperatures[lowest], axis=1)[rows, labels])
    return np.asarray(rate * (1 - of_label) / num_others > (1 - rate) * of_label)
