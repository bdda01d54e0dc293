"""Which classes do not occur on pages without labels, as far as the model's probabilities can tell.

Macro-F1 is a mean over classes, so a class that does not occur must not be counted as one that is always missed. The
proportions of the classes are estimated by maximum likelihood from calibrated probabilities, and hypotheses about one
class are compared by likelihood ratios: Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to
new a priori probabilities" (2002).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

STILL_POSSIBLE = 0.05
"""One-sided significance level below which the proportion 0 is rejected: the class occurs."""
TOO_FEW = 0.01
"""One-sided significance level, over all classes together, below which its validation proportion is rejected."""
TOO_FEW_IN_OTHER_MIX = 0.05
"""The same level where the predicted classes as a whole already show another mix."""
SUSPICIOUS = 0.25
"""Fraction of its validation proportion above which a class is taken to occur without a test."""
NUM_STEPS = 200
"""Steps of expectation maximisation."""


def absent_classes(posterior: np.ndarray, fractions: np.ndarray, other_mix: bool) -> tuple[int, ...]:
    """Return the indices of the classes that do not occur.

    A class is absent only if both hold: the probabilities are compatible with none of its pages, and they are not
    compatible with its proportion among the validation pages. Where the pages are too few to tell, it occurs.

    Args:
        posterior: Calibrated probabilities of the pages, float (N, K).
        fractions: Mean probability of each class on the validation pages, float (K,): in calibrated probabilities its
            proportion there. Where they are not quite calibrated, pages like those still keep these proportions.
        other_mix: Whether it is known that the proportions are others than those.
    """
    known = np.flatnonzero(fractions)
    if len(known) < 2:
        return ()
    prior = fractions[known] / fractions[known].sum()
    ratios = np.maximum(posterior[:, known], np.finfo(np.float32).tiny) / prior  # likelihoods of a page, but a factor
    free, best = _fit(ratios, prior)
    accepted = stats.chi2.ppf(1 - 2 * STILL_POSSIBLE, 1)
    level = TOO_FEW_IN_OTHER_MIX if other_mix else TOO_FEW
    rejected = stats.chi2.ppf(1 - 2 * level / len(known), 1)
    absent = []
    for number in map(int, np.flatnonzero(free < SUSPICIOUS * prior)):
        without = 2 * (best - _fit(ratios, prior, number, 0.0)[1])
        as_usual = 2 * (best - _fit(ratios, prior, number, float(prior[number]))[1])
        if without < accepted and as_usual > rejected:
            absent.append(int(known[number]))
    return tuple(absent) if len(absent) < len(known) else ()


def _fit(
    ratios: np.ndarray, start: np.ndarray, number: int | None = None, fixed: float = 0.0
) -> tuple[np.ndarray, float]:
    """Return the proportions of the largest likelihood, (K,), and its logarithm; one proportion may be fixed."""
    others = np.arange(len(start)) != number
    proportions = start.copy()
    for _ in range(NUM_STEPS):
        if number is not None:
            proportions[number] = fixed
            proportions[others] *= (1 - fixed) / proportions[others].sum()
        weighted = ratios * proportions
        proportions = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
    return proportions, float(np.log(weighted.sum(axis=1)).sum())
