"""Train against test pages, measure by measure: how far apart, and how many test pages lie outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from munseo._randomness import generator
from munseo._shift.measures import MEASURES

OUTSIDE_PERCENTILES = (1, 99)
CHANCE_ROUNDS = 40
Table = Mapping[str, np.ndarray]
"""Measure to the values of the pages."""


@dataclass(frozen=True)
class Row:
    """One measure, compared.

    Attributes:
        name: The measure.
        train: 10th, 50th and 90th percentile of the train pages.
        test: The same of the test pages.
        distance: Wasserstein-1 over the standard deviation of both parts together: 0 for equal, 2 at most.
        ks: Kolmogorov-Smirnov: the largest difference of the two distribution functions, 0 to 1.
        outside: Share of test pages outside the train pages' 1st to 99th percentile; 0.02 without a shift.
        chance: The distance that 95 of 100 random partings of all pages stay below: what no shift looks like.
        fitted: The distance of simulated to test pages; None where pages are not simulated.
        simulated: Percentiles of the simulated pages, or None.
    """

    name: str
    train: tuple[float, float, float]
    test: tuple[float, float, float]
    distance: float
    ks: float
    outside: float
    chance: float
    fitted: float | None = None
    simulated: tuple[float, float, float] | None = None

    @property
    def shifted(self) -> bool:
        """Whether the distance is more than chance."""
        return self.distance > self.chance


def compare(train: Table, test: Table, simulated: Table | None, seed: int) -> list[Row]:
    """Compare every measure.

    Args:
        train: Of the train pages.
        test: Of the test pages.
        simulated: Of train pages under the fitted recipe; None without.
        seed: Of the random partings.
    """
    rows = []
    for number, measure in enumerate(MEASURES):
        a, b = train[measure.name], test[measure.name]
        made = simulated[measure.name] if simulated is not None and measure.name in simulated else None
        spread = scale(a, b)
        low, high = np.percentile(a, OUTSIDE_PERCENTILES)
        rows.append(
            Row(
                measure.name,
                _ends(a),
                _ends(b),
                wasserstein(a, b) / spread,
                kolmogorov_smirnov(a, b),
                float(np.mean((b < low) | (b > high))),
                _chance(a, b, generator(seed, "shift/chance", number)) / spread,
                None if made is None else wasserstein(made, b) / spread,
                None if made is None else _ends(made),
            )
        )
    return rows


def as_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """As it is written and printed; what only steers the fit is left out."""
    about = {measure.name: measure for measure in MEASURES}
    return pd.DataFrame(
        {
            "measure": row.name,
            "unit": about[row.name].unit,
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
            "meaning": about[row.name].meaning,
            "method": about[row.name].source,
        }
        for row in rows
        if about[row.name].shown
    )


def scale(a: np.ndarray, b: np.ndarray) -> float:
    """Standard deviation of both parts together, each counted half.

    The spread of the train pages alone would not do: that of their noise or their boxes may be 0.
    """
    means = a.mean(), b.mean()
    square = (a.var() + b.var()) / 2 + ((means[0] - means[1]) / 2) ** 2
    return max(float(np.sqrt(square)), 1e-9)


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1: the area between the distribution functions, in the unit of the values."""
    both = np.sort(np.concatenate([a, b]))
    return float(np.sum(np.abs(_below(a, both[:-1]) - _below(b, both[:-1])) * np.diff(both)))


def kolmogorov_smirnov(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of the distribution functions."""
    both = np.concatenate([a, b])
    return float(np.max(np.abs(_below(a, both) - _below(b, both))))


def _below(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Share of the values at or below each point."""
    return np.asarray(np.searchsorted(np.sort(values), points, side="right") / len(values))


def _chance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    both = np.concatenate([a, b])
    found = []
    for _ in range(CHANCE_ROUNDS):
        mixed = rng.permutation(both)
        found.append(wasserstein(mixed[: len(a)], mixed[len(a) :]))
    return float(np.quantile(found, 0.95))


def _ends(values: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return float(low), float(middle), float(high)
