"""The search for the recipe under which simulated pages measure like test pages.

Simulated moments: the distance of two sets of pages is the mean over all measures of Wasserstein-1, each over its
spread. One damage at a time is set to the value that lowers it most (coordinate descent). A candidate is not simulated
anew: the pages that were drawn near the current recipe are weighted by how much likelier the candidate makes them
(importance sampling), as long as enough of them count. Then pages are drawn near the new recipe, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from munseo.augment import DAMAGES
from munseo.augment.recipe import Entry
from munseo.shift.comparison import scale
from munseo.shift.measures import FITTED
from munseo.shift.simulation import Draws

NUM_POINTS = 48
"""Where the distribution functions of a measure are compared."""
PRICE = 0.0015
"""Distance that a damage must save to be in the recipe at all: simpler recipes of equal distance are preferred."""
LEAST_EFFECTIVE = 0.2
"""Share of the drawn pages that must still count (Kong's effective sample size, 1992)."""
NUM_SWEEPS = 6
PROBABILITIES = np.round(np.arange(0, 1.01, 0.05), 2)
SEVERITIES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEAST_RANGE = 0.05


@dataclass(frozen=True)
class Target:
    """The test pages, as the search sees them.

    Attributes:
        points: (K, P) values of each measure at which distribution functions are compared.
        below: (K, P) share of the test pages at or below each.
        steps: (K, P) what a difference at each adds to the distance.
    """

    points: np.ndarray
    below: np.ndarray
    steps: np.ndarray

    @staticmethod
    def of(train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray]) -> Target:
        """Put the points where either part has pages."""
        shares = np.linspace(0, 1, NUM_POINTS)
        points, below, steps = [], [], []
        for name in FITTED:
            place = np.unique(np.concatenate([np.quantile(part[name], shares) for part in (train, test)]))
            place = np.interp(np.linspace(0, len(place) - 1, NUM_POINTS), np.arange(len(place)), place)
            points.append(place)
            below.append((test[name][:, None] <= place).mean(axis=0))
            steps.append(np.diff(place, append=place[-1]) / scale(train[name], test[name]) / len(FITTED))
        return Target(np.array(points), np.array(below), np.array(steps))

    def indicator(self, table: Mapping[str, np.ndarray]) -> np.ndarray:
        """(M, K · P) float32: whether a page is at or below each point."""
        flat = [table[name][:, None] <= self.points[number] for number, name in enumerate(FITTED)]
        return np.concatenate(flat, axis=1).astype(np.float32)

    def distance(self, shares: np.ndarray) -> np.ndarray:
        """(C, K · P) shares of simulated pages below the points to (C,) distances."""
        return np.asarray(np.abs(shares - self.below.ravel()) @ self.steps.ravel())


def improve(entries: Sequence[Entry], draws: Draws, table: Mapping[str, np.ndarray], target: Target) -> list[Entry]:
    """One round of the search.

    Args:
        entries: The recipe so far, the one that the draws were made around.
        draws: Which damages the simulated pages got.
        table: What they measure.
        target: The test pages.

    Returns:
        The entries, improved.
    """
    current = list(entries)
    indicator = target.indicator(table)
    factors = np.stack([_factor(draws, place, [entry])[0] for place, entry in enumerate(current)])
    for _ in range(NUM_SWEEPS):
        before = list(current)
        for place, entry in enumerate(current):
            others = np.prod(np.delete(factors, place, axis=0), axis=0)
            candidates = _candidates(entry)
            own = _factor(draws, place, candidates)
            best = _best(candidates, own * others, indicator, target)
            current[place], factors[place] = candidates[best], own[best]
        if current == before:
            break
    return current


def _best(candidates: Sequence[Entry], weights: np.ndarray, indicator: np.ndarray, target: Target) -> int:
    """Which candidate has the lowest distance and price, of those that enough pages speak for; the first may stay."""
    total = weights.sum(axis=1)
    effective = total**2 / np.maximum((weights**2).sum(axis=1), 1e-12)
    shares = (weights / np.maximum(total, 1e-12)[:, None]).astype(np.float32) @ indicator
    cost = target.distance(shares) + PRICE * np.array([entry[1] > 0 for entry in candidates])
    allowed = effective >= min(LEAST_EFFECTIVE * len(indicator), float(effective[0]))
    return int(np.where(allowed, cost, np.inf).argmin())


def _factor(draws: Draws, place: int, candidates: Sequence[Entry]) -> np.ndarray:
    probability, low, high = (np.array([entry[index] for entry in candidates]) for index in (1, 2, 3))
    return draws.likelihood_ratio(place, probability, low, high)


def _candidates(entry: Entry) -> list[Entry]:
    """The entry itself, and every other that the search may choose in its place."""
    name, now, low, high = entry
    probabilities = sorted({*PROBABILITIES.tolist(), now})
    if not DAMAGES[name].graded:
        return [entry, *((name, p, 1.0, 1.0) for p in probabilities)]
    ranges = [(a, b) for a in SEVERITIES for b in SEVERITIES if b - a >= LEAST_RANGE - 1e-9]
    # A damage that does not happen has no severity: one candidate is enough.
    found = [entry, (name, 0.0, low, high)]
    found += [(name, p, low, high) for p in probabilities if p > 0]
    found += [(name, p, a, b) for a, b in ranges for p in probabilities[2::2] if p > 0]
    return found
