"""The search for the recipe under which simulated pages measure like test pages.

Simulated moments (McFadden, A method of simulated moments for estimation of discrete response models, 1989): the
distance of two sets of pages is the mean over all measures of Wasserstein-1, each over its spread. How the
distribution functions of the measures answer to each damage, by its severity, is read off the simulated pages by
linear regression (main effects only; damages happen independently). With that answer one damage at a time is set to
the value that lowers the distance most (coordinate descent), not too far from where it was. Then pages are simulated
near the new recipe, and so on: Gauss-Newton in spirit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from munseo._augment import DAMAGES
from munseo._augment.recipe import Entry
from munseo._randomness import generator
from munseo._shift.distributions import scale
from munseo._shift.measures import FITTED
from munseo._shift.simulation import Draws

NUM_POINTS = 24
"""Where the distribution functions of a measure are compared."""
PRICE = 0.05
"""What a damage must save to be in the recipe at all, as a share of the distance that chance makes: few pages tell
less, and a damage that only follows their noise would harm."""
CHANCE_ROUNDS = 60
KNOTS = np.array([0.0, 0.15, 0.35, 0.65, 1.0])
"""Severities between which the answer to a damage is linear."""
RIDGE = 4.0
"""Pages without any effect that the regression is told of, for each coefficient."""
FADING = 0.6
"""Weight of a round's pages in the next one."""
NUM_SWEEPS = 8
ROTATION_REACHES = (0.08, 0.15, 1.0)
"""The search starts from rotations of so much as well: turns over the whole circle and quarter turns with a small skew
are far apart, and one damage at a time does not lead from the one to the other."""
MOST_STEP = 0.3
PROBABILITIES = np.round(np.arange(0, 1.01, 0.05), 2)
SEVERITIES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LEAST_RANGE = 0.05


@dataclass(frozen=True)
class Target:
    """The test pages, as the search sees them.

    Attributes:
        points: (K, P) values of each measure at which distribution functions are compared.
        below: (K · P,) share of the test pages at or below each.
        steps: (K · P,) what a difference at each adds to the distance.
        price: Distance that each damage must save.
    """

    points: np.ndarray
    below: np.ndarray
    steps: np.ndarray
    price: float = 0.0

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
        return Target(
            np.array(points), np.concatenate(below).astype(np.float32), np.concatenate(steps).astype(np.float32)
        )

    def indicator(self, table: Mapping[str, np.ndarray]) -> np.ndarray:
        """(M, K · P): whether a page is at or below each point."""
        flat = [table[name][:, None] <= self.points[number] for number, name in enumerate(FITTED)]
        return np.concatenate(flat, axis=1).astype(np.float32)

    def distance(self, shares: np.ndarray) -> np.ndarray:
        """(..., K · P) shares of simulated pages below the points to (...) distances."""
        return np.asarray(np.abs(np.clip(shares, 0, 1) - self.below) @ self.steps)

    def chance(self, train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Distances between the parts of random partings of all pages, as of two parts without a shift: (R,)."""
        both, count = np.concatenate([self.indicator(train), self.indicator(test)]), len(train["skew"])
        found = []
        for number in range(CHANCE_ROUNDS):
            order = generator(seed, "shift/parting", number).permutation(len(both))
            apart = both[order[:count]].mean(axis=0) - both[order[count:]].mean(axis=0)
            found.append(float(np.abs(apart) @ self.steps))
        return np.array(found)


class Answer:
    """How shares of pages below the points answer to damages: learned from all rounds, true at the last one's mean."""

    def __init__(self) -> None:
        self._square: np.ndarray = np.zeros(())
        self._product: np.ndarray = np.zeros(())
        self.slopes: list[np.ndarray] = []
        self.mean: list[np.ndarray] = []
        self.shares: np.ndarray = np.zeros(())

    def learn(self, draws: Draws, indicator: np.ndarray) -> None:
        """Add a round of M pages.

        Args:
            draws: Which damages they got.
            indicator: (M, K · P) of ``Target``.
        """
        parts = [
            draws.present[:, place, None] * hats(entry[0], draws.severity[:, place])
            for place, entry in enumerate(draws.entries)
        ]
        design = np.concatenate(parts, axis=1)
        # Within a round: what one round differs from another is not an answer to a damage.
        centred, answers = design - design.mean(axis=0), indicator - indicator.mean(axis=0)
        self._square = FADING * self._square + centred.T @ centred
        self._product = FADING * self._product + centred.T @ answers
        slopes = np.linalg.solve(self._square + RIDGE * np.eye(len(self._square)), self._product)
        ends = np.cumsum([part.shape[1] for part in parts])[:-1]
        # Single precision: the search multiplies by these half a million times a round.
        self.slopes = np.split(slopes.astype(np.float32), ends)
        self.mean = np.split(design.mean(axis=0).astype(np.float32), ends)
        self.shares = indicator.mean(axis=0)


def improve(entries: Sequence[Entry], answer: Answer, target: Target) -> list[Entry]:
    """One round of the search.

    Args:
        entries: The recipe so far.
        answer: To damages near it.
        target: The test pages.

    Returns:
        The entries, improved.
    """
    starts = [list(entries)]
    for reach in ROTATION_REACHES:
        starts.append([(one[0], one[1], 0.0, reach) if one[0] == "rotation" else one for one in entries])
    found = [_descend(start, entries, answer, target) for start in starts]
    return min(found, key=lambda pair: pair[1])[0]


def _descend(
    start: Sequence[Entry], centre: Sequence[Entry], answer: Answer, target: Target
) -> tuple[list[Entry], float]:
    """Coordinate descent; the entries, and what they cost: their distance and the price of each damage."""
    current, total = list(start), float("inf")
    parts = [
        (expected([entry])[0] - mean) @ slopes
        for entry, mean, slopes in zip(current, answer.mean, answer.slopes, strict=True)
    ]
    shares = answer.shares + sum(parts)
    for _ in range(NUM_SWEEPS):
        before = list(current)
        for place, entry in enumerate(current):
            candidates = _candidates(entry, centre[place])
            own = (expected(candidates) - answer.mean[place]) @ answer.slopes[place]
            cost = target.distance(shares - parts[place] + own) + target.price * np.array(
                [one[1] > 0 for one in candidates]
            )
            best = int(cost.argmin())
            shares += own[best] - parts[place]
            current[place], parts[place] = candidates[best], own[best]
            others = sum(one[1] > 0 for number, one in enumerate(current) if number != place)
            total = float(cost[best]) + target.price * others
        if current == before:
            break
    return current, total


def hats(name: str, severity: np.ndarray) -> np.ndarray:
    """Piecewise linear basis: (M,) severities to (M, knots), rows of sum 1; one column of 1 for ungraded damages."""
    if not DAMAGES[name].graded:
        return np.ones((len(severity), 1))
    return np.stack([np.interp(severity, KNOTS, row) for row in np.eye(len(KNOTS))], axis=1)


def expected(entries: Sequence[Entry]) -> np.ndarray:
    """Mean of presence times hats under each of C entries of one damage: (C, knots)."""
    name = entries[0][0]
    probability, low, high = (np.array([entry[index] for entry in entries]) for index in (1, 2, 3))
    if not DAMAGES[name].graded:
        return probability[:, None].astype(np.float32)
    steps = (np.arange(8) + 0.5) / 8
    severities = low[:, None] + (high - low)[:, None] * steps
    mean = hats(name, severities.ravel()).reshape(len(entries), 8, -1).mean(axis=1)
    return np.asarray(probability[:, None] * mean, np.float32)


def _candidates(entry: Entry, start: Entry) -> list[Entry]:
    """The entry itself, and every other that the search may choose in its place: near in probability."""
    name, _, low, high = entry
    near = [p for p in PROBABILITIES.tolist() if abs(p - start[1]) <= MOST_STEP]
    if not DAMAGES[name].graded:
        return [entry, *((name, p, 1.0, 1.0) for p in near)]
    ranges = [(a, b) for a in SEVERITIES for b in SEVERITIES if b - a >= LEAST_RANGE - 1e-9]
    found = [entry, *((name, p, low, high) for p in near)]
    # Every other range at every second probability; the sweeps come back for the ones between.
    return found + [(name, p, a, b) for a, b in ranges for p in near[::2] if p > 0]
