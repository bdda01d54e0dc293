"""The search for the recipe under which simulated pages measure like test pages.

Simulated moments (McFadden, A method of simulated moments for estimation of discrete response models, 1989): the
distance of two sets of pages is the mean of Wasserstein-1 over all measures, each divided by its spread. How the
distribution functions of the measures respond to each damage, by its severity, is estimated from the simulated pages
by linear regression (main effects only, since damages happen independently). With that response, one damage at a time
is set to the value that lowers the distance most (coordinate descent), not too far from where it was. Then pages are
simulated near the new recipe, and so on: Gauss-Newton in spirit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from munseo._augment import DAMAGES, RecipeEntry
from munseo._randomness import generator
from munseo._shift.distributions import scale
from munseo._shift.measures import FITTED
from munseo._shift.simulation import DamageDraws

NUM_POINTS = 24
"""Number of points at which the distribution functions of a measure are compared."""
PRICE = 0.05
"""The least reduction of the distance for which a damage enters the recipe, as a fraction of the distance that chance
makes. A smaller reduction on a few pages may be noise, and a damage that only follows noise would do harm."""
CHANCE_ROUNDS = 60
"""Number of random splits from which the distance that chance makes is estimated."""
KNOTS = np.array([0.0, 0.15, 0.35, 0.65, 1.0])
"""Severities between which the response to a damage is linear."""
RIDGE = 4.0
"""Strength of the ridge regression: this many pages without any effect are added for each coefficient."""
FADING = 0.6
"""Weight of a round's pages in the next round."""
NUM_SWEEPS = 8
"""Largest number of passes over all damages."""
ROTATION_STARTS = (0.08, 0.15, 1.0)
"""Highest severities of rotation from which the search also starts. Turns over the whole circle and quarter turns with
a small skew are far apart, and changing one damage at a time does not lead from one to the other."""
MAX_STEP = 0.3
"""Largest change of a probability in one round."""
PROBABILITIES = np.round(np.arange(0, 1.01, 0.05), 2)
"""Probabilities that the search tries."""
SEVERITIES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Ends of the ranges of severity that the search tries."""
MIN_RANGE = 0.05
"""Narrowest range of severity that the search tries."""
NUM_STEPS = 8
"""Severities within a range over which its mean effect is computed."""


@dataclass(frozen=True)
class Target:
    """The test pages, as the search sees them."""

    points: np.ndarray  # (K, P) values of each measure at which distribution functions are compared
    below: np.ndarray  # (K · P,) fraction of the test pages at or below each point
    steps: np.ndarray  # (K · P,) how much a difference at each point adds to the distance
    price: float = 0.0  # distance that each damage must save

    @staticmethod
    def of(train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray]) -> Target:
        """Build the target, with points where either split has pages."""
        levels = np.linspace(0, 1, NUM_POINTS)
        points, below, steps = [], [], []
        for name in FITTED:
            values = np.unique(np.concatenate([np.quantile(split[name], levels) for split in (train, test)]))
            values = np.interp(np.linspace(0, len(values) - 1, NUM_POINTS), np.arange(len(values)), values)
            points.append(values)
            below.append((test[name][:, None] <= values).mean(axis=0))
            steps.append(np.diff(values, append=values[-1]) / scale(train[name], test[name]) / len(FITTED))
        return Target(
            np.array(points), np.concatenate(below).astype(np.float32), np.concatenate(steps).astype(np.float32)
        )

    def indicator(self, table: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return whether each of M pages is at or below each point: (M, K · P) float32."""
        flat = [table[name][:, None] <= self.points[number] for number, name in enumerate(FITTED)]
        return np.concatenate(flat, axis=1).astype(np.float32)

    def distance(self, fractions: np.ndarray) -> np.ndarray:
        """Turn fractions (..., K · P) of simulated pages below the points into distances (...)."""
        return np.asarray(np.abs(np.clip(fractions, 0, 1) - self.below) @ self.steps)

    def chance(self, train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Return the distances (R,) between the halves of random splits of all pages: what no shift looks like."""
        both, count = np.concatenate([self.indicator(train), self.indicator(test)]), len(train["skew"])
        distances = []
        for number in range(CHANCE_ROUNDS):
            order = generator(seed, "shift/parting", number).permutation(len(both))
            difference = both[order[:count]].mean(axis=0) - both[order[count:]].mean(axis=0)
            distances.append(float(np.abs(difference) @ self.steps))
        return np.array(distances)


class DamageResponse:
    """A linear model of how the fractions of pages below the points respond to damages.

    It is estimated from the pages of all rounds, and is exact at the mean of the last round.
    """

    def __init__(self) -> None:
        self._square: np.ndarray = np.zeros(())
        self._product: np.ndarray = np.zeros(())
        self.slopes: list[np.ndarray] = []
        self.mean: list[np.ndarray] = []
        self.fractions: np.ndarray = np.zeros(())

    def learn(self, draws: DamageDraws, indicator: np.ndarray) -> None:
        """Add a round of M pages: their damages, and their indicator (M, K · P) of ``Target``."""
        blocks = [
            draws.present[:, column, None] * severity_basis(entry.name, draws.severity[:, column])
            for column, entry in enumerate(draws.entries)
        ]
        design = np.concatenate(blocks, axis=1)
        # Centred within the round: differences between rounds are no response to a damage.
        centred, responses = design - design.mean(axis=0), indicator - indicator.mean(axis=0)
        self._square = FADING * self._square + centred.T @ centred
        self._product = FADING * self._product + centred.T @ responses
        slopes = np.linalg.solve(self._square + RIDGE * np.eye(len(self._square)), self._product)
        ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
        # Single precision: the search multiplies by these half a million times a round.
        self.slopes = np.split(slopes.astype(np.float32), ends)
        self.mean = np.split(design.mean(axis=0).astype(np.float32), ends)
        self.fractions = indicator.mean(axis=0)


def severity_basis(name: str, severity: np.ndarray) -> np.ndarray:
    """Return the piecewise linear basis of M severities: (M, knots), whose rows sum to 1.

    Damages that are not graded have a single column of ones.
    """
    if not DAMAGES[name].graded:
        return np.ones((len(severity), 1))
    return np.stack([np.interp(severity, KNOTS, row) for row in np.eye(len(KNOTS))], axis=1)


def mean_basis(entries: Sequence[RecipeEntry]) -> np.ndarray:
    """Return the mean of presence times basis under each of C entries of one damage: (C, knots)."""
    name = entries[0].name
    probability = np.array([entry.probability for entry in entries])
    if not DAMAGES[name].graded:
        return probability[:, None].astype(np.float32)
    low, high = np.array([entry.low for entry in entries]), np.array([entry.high for entry in entries])
    steps = (np.arange(NUM_STEPS) + 0.5) / NUM_STEPS
    severities = low[:, None] + (high - low)[:, None] * steps
    mean = severity_basis(name, severities.ravel()).reshape(len(entries), NUM_STEPS, -1).mean(axis=1)
    return np.asarray(probability[:, None] * mean, np.float32)


def improve_recipe(entries: Sequence[RecipeEntry], response: DamageResponse, target: Target) -> list[RecipeEntry]:
    """Do one round of the search from the recipe near which the response was learned; return the improved entries."""
    starts = [list(entries)]
    for high in ROTATION_STARTS:
        starts.append([e._replace(low=0.0, high=high) if e.name == "rotation" else e for e in entries])
    results = [_descend(start, entries, response, target) for start in starts]
    return min(results, key=lambda pair: pair[1])[0]


def _descend(
    start: Sequence[RecipeEntry], centre: Sequence[RecipeEntry], response: DamageResponse, target: Target
) -> tuple[list[RecipeEntry], float]:
    """Descend by coordinates; return the entries and their cost: the distance, and the price of each damage."""
    current, total = list(start), float("inf")
    effects = [
        (mean_basis([entry])[0] - mean) @ slopes
        for entry, mean, slopes in zip(current, response.mean, response.slopes, strict=True)
    ]
    fractions = response.fractions + sum(effects)
    for _ in range(NUM_SWEEPS):
        before = list(current)
        for index, entry in enumerate(current):
            candidates = _candidates(entry, centre[index])
            tried = (mean_basis(candidates) - response.mean[index]) @ response.slopes[index]
            present = np.array([candidate.probability > 0 for candidate in candidates])
            cost = target.distance(fractions - effects[index] + tried) + target.price * present
            best = int(cost.argmin())
            fractions += tried[best] - effects[index]
            current[index], effects[index] = candidates[best], tried[best]
            num_others = sum(e.probability > 0 for number, e in enumerate(current) if number != index)
            total = float(cost[best]) + target.price * num_others
        if current == before:
            break
    return current, total


def _candidates(entry: RecipeEntry, start: RecipeEntry) -> list[RecipeEntry]:
    """Return the entry itself and all others that may replace it: their probability is near that of the start."""
    near = [p for p in PROBABILITIES.tolist() if abs(p - start.probability) <= MAX_STEP]
    if not DAMAGES[entry.name].graded:
        return [entry, *(RecipeEntry(entry.name, p, 1.0, 1.0) for p in near)]
    ranges = [(a, b) for a in SEVERITIES for b in SEVERITIES if b - a >= MIN_RANGE - 1e-9]
    same_range = [entry._replace(probability=p) for p in near]
    # Every other range at every second probability; the next sweeps try the ones between.
    return [entry, *same_range, *(RecipeEntry(entry.name, p, a, b) for a, b in ranges for p in near[::2] if p > 0)]
