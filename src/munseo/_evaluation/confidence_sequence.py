"""A confidence sequence: an interval of a mean that holds however one decides when to stop.

An interval for a fixed number of pages, looked at again after every block of pages, misses the truth far more often
than it says. The interval here holds at all looks together, so that judging may end as soon as a statement is certain.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (Journal of the Royal
Statistical Society B 86, 2024), the hedged capital process with predictable plug-in bets (theorem 3). A bet on each
candidate mean grows if that mean is wrong; by Ville's inequality the capital of the true mean reaches 1/α at any time
with a probability of at most α.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._randomness import generator

STEPS = 400
"""Steps of the grid of candidate means. The interval is rounded outwards to it."""
LARGEST_BET = 0.75
"""The largest fraction of the capital that can be lost at once; the source proposes 1/2 or 3/4."""


@dataclass(frozen=True)
class Question:
    """What is asked about a mean of differences in [-1, 1], and when it is answered.

    Attributes:
        boundary: The interval answers if it lies on one side of this value,
        half_width: It also answers if it is at most twice as wide as this.
        level: Level of the interval.
    """

    boundary: float
    half_width: float
    level: float

    def is_answered(self, interval: tuple[float, float]) -> bool:
        """Return whether an interval of the mean answers the question."""
        low, high = interval
        return low > self.boundary or high < self.boundary or high - low <= 2 * self.half_width


OF_DAMAGE = Question(boundary=-0.05, half_width=0.1, level=0.9)
"""Does a damage cost five points of accuracy or more, or is its cost known to 10 points either way?"""
OF_VIEW = Question(boundary=0.0, half_width=0.05, level=0.9)
"""Does a view change accuracy for better or worse, or is its effect known to 5 points either way?"""


def interval_of_mean(differences: np.ndarray, level: float) -> tuple[float, float]:
    """Return the interval of the mean of differences in [-1, 1], float (N,), in the order in which they were seen.

    It holds at all numbers N at once, as the intersection of the intervals up to now; without differences it is
    everything.
    """
    values = (np.asarray(differences, dtype=np.float64) + 1) / 2  # in [0, 1], as in the source
    if not len(values):
        return -1.0, 1.0
    alpha = 1 - level
    grid = np.linspace(0, 1, STEPS + 1)
    times = np.arange(1, len(values) + 1)
    means = (0.5 + np.cumsum(values)) / (times + 1)
    variances = (0.25 + np.cumsum((values - means) ** 2)) / (times + 1)
    before = np.concatenate([[0.25], variances[:-1]])  # a bet knows earlier values only
    bets = np.sqrt(2 * np.log(2 / alpha) / (before * times * np.log(times + 1)))
    with np.errstate(divide="ignore"):
        up = np.minimum(bets[:, None], LARGEST_BET / grid)
        down = np.minimum(bets[:, None], LARGEST_BET / (1 - grid))
    apart = values[:, None] - grid  # (N, M)
    rising, falling = (np.cumsum(np.log1p(bet), axis=0) for bet in (up * apart, -down * apart))
    capital = np.maximum(rising, falling) + np.log(0.5)  # half of the money on each side
    possible = np.flatnonzero((capital < -np.log(alpha)).all(axis=0))
    if not len(possible):  # so improbable that it hardly happens: nothing is claimed then
        return -1.0, 1.0
    low, high = max(possible[0] - 1, 0), min(possible[-1] + 1, STEPS)
    return float(2 * grid[low] - 1), float(2 * grid[high] - 1)


def random_order(ids: Sequence[str], groups: np.ndarray) -> np.ndarray:
    """Return indices of pages in an order that is random and always the same; the pages of a group are neighbours."""
    names: dict[int, str] = {}
    for name, group in zip(ids, groups.tolist(), strict=True):
        names[group] = min(name, names.get(group, name))
    keys = {group: generator(0, f"judging order/{name}").random() for group, name in names.items()}
    return np.array(sorted(range(len(ids)), key=lambda index: (keys[int(groups[index])], index)), dtype=np.int64)


def group_means(differences: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the mean of each group, in the order of first appearance: pages of a group are one observation."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    means = np.bincount(inverse, weights=differences) / np.bincount(inverse)
    return np.asarray(means[np.argsort(first)])


def accuracy_change(
    labels: np.ndarray, before: np.ndarray, after: np.ndarray, groups: np.ndarray, question: Question
) -> tuple[float, float]:
    """Return the interval of the change in accuracy between two sets of decisions on the same pages.

    Args:
        labels: True classes, int (N,), in the order in which the pages were judged.
        before: The first decisions, int (N,).
        after: The second decisions, int (N,).
        groups: Number of the group of each page.
        question: What is asked, with the level of the interval.
    """
    differences = (after == labels).astype(float) - (before == labels)
    return interval_of_mean(group_means(differences, groups), question.level)
