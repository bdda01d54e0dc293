"""The distributions of measures over train and test pages: their distance, and how many test pages lie outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from munseo._randomness import generator
from munseo._shift.measures import MEASURES

OUTSIDE_PERCENTILES = (1, 99)
"""Test pages beyond these percentiles of the train pages lie outside."""
CHANCE_ROUNDS = 40
"""Number of random splits from which the distance that chance makes is estimated."""
MeasureTable = Mapping[str, np.ndarray]
"""Values of the pages by measure: (N,) each."""


@dataclass(frozen=True)
class MeasureRow:
    """The comparison of one measure."""

    name: str
    train: tuple[float, float, float]  # 10th, 50th and 90th percentile of the train pages
    test: tuple[float, float, float]  # the same percentiles of the test pages
    distance: float  # Wasserstein-1, divided by the standard deviation of both splits together: 0 for equal, 2 at most
    ks: float  # Kolmogorov-Smirnov distance: the largest difference of the two distribution functions, 0 to 1
    outside: float  # fraction of test pages outside the train pages' 1st to 99th percentile; 0.02 without a shift
    chance: float  # the distance that 95 of 100 random splits of all pages stay below: what no shift looks like
    fitted: float | None = None  # the distance of simulated to test pages; None where pages are not simulated
    simulated: tuple[float, float, float] | None = None  # the same percentiles of the simulated pages, or None

    @property
    def shifted(self) -> bool:
        """Whether the distance is larger than chance explains."""
        return self.distance > self.chance


def compare(train: MeasureTable, test: MeasureTable, simulated: MeasureTable | None, seed: int) -> list[MeasureRow]:
    """Compare every measure of train, test and simulated pages; ``simulated`` is None without a recipe."""
    rows = []
    for number, measure in enumerate(MEASURES):
        a, b = train[measure.name], test[measure.name]
        c = simulated[measure.name] if simulated is not None and measure.name in simulated else None
        spread = scale(a, b)
        low, high = np.percentile(a, OUTSIDE_PERCENTILES)
        rows.append(
            MeasureRow(
                measure.name,
                _percentiles(a),
                _percentiles(b),
                wasserstein(a, b) / spread,
                kolmogorov_smirnov(a, b),
                float(np.mean((b < low) | (b > high))),
                _chance(a, b, generator(seed, "shift/chance", number)) / spread,
                None if c is None else wasserstein(c, b) / spread,
                None if c is None else _percentiles(c),
            )
        )
    return rows


def as_frame(rows: Sequence[MeasureRow]) -> pd.DataFrame:
    """Return the comparison as a table; measures that only guide the fit are left out."""
    measures = {measure.name: measure for measure in MEASURES}
    return pd.DataFrame(
        {
            "measure": row.name,
            "unit": measures[row.name].unit,
            "train_p10": row.train[0],
            "train_median": row.train[1],
            "train_p90": row.train[2],
            "test_p10": row.test[0],
            "test_median": row.test[1],
            "test_p90": row.test[2],
            "distance": row.distance,
            "chance": row.chance,
            "ks": row.ks,
            "outside": row.outside,
            "simulated_median": row.simulated[1] if row.simulated else None,
            "distance_simulated": row.fitted,
            "shifted": row.shifted,
            "meaning": measures[row.name].meaning,
            "method": measures[row.name].source,
        }
        for row in rows
        if measures[row.name].shown
    )


def scale(a: np.ndarray, b: np.ndarray) -> float:
    """Return the standard deviation of both splits together, each with a weight of one half.

    The spread of only the train pages would not do: that of their noise or their boxes may be 0.
    """
    means = a.mean(), b.mean()
    square = (a.var() + b.var()) / 2 + ((means[0] - means[1]) / 2) ** 2
    return max(float(np.sqrt(square)), 1e-9)


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Return Wasserstein-1, the area between the distribution functions, in the unit of the values."""
    both = np.sort(np.concatenate([a, b]))
    return float(np.sum(np.abs(_below(a, both[:-1]) - _below(b, both[:-1])) * np.diff(both)))


def kolmogorov_smirnov(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference of the distribution functions."""
    both = np.concatenate([a, b])
    return float(np.max(np.abs(_below(a, both) - _below(b, both))))


def _below(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the fraction of the values at or below each point."""
    return np.asarray(np.searchsorted(np.sort(values), points, side="right") / len(values))


def _chance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    both = np.concatenate([a, b])
    distances = []
    for _ in range(CHANCE_ROUNDS):
        mixed = rng.permutation(both)
        distances.append(wasserstein(mixed[: len(a)], mixed[len(a) :]))
    return float(np.quantile(distances, 0.95))


def _percentiles(values: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return float(low), float(middle), float(high)
