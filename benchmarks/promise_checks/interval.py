"""The 95 % interval of macro-F1: how often it covers the true score, with few pages a class and with groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from munseo._evaluation import macro_f1_interval
from munseo._evaluation.metrics import LEVEL, count_groups
from munseo._randomness import generator
from munseo._run.scores import FEW_GROUPS, UNEQUAL
from promise_checks.promise import Promise, at_least

NUM_TRIALS = 1000
CLASSES = (
    *((5, 70, 0.85), (17, 12, 0.85), (17, 6, 0.85), (17, 3, 0.85), (17, 2, 0.85), (17, 6, 0.95), (17, 12, 0.95)),
    *((30, 2, 0.9), (17, 20, 0.99)),
)
"""Classes, pages of each, and the fraction of right predictions in each."""
GROUPS = ((35, 0.05, LEVEL), (35, 0.15, 0.92), (35, 0.3, 0.92), (12, 0.3, 0.9))
"""Groups of ten pages, their intra-class correlation, and the coverage that the documentation states."""
SENDERS = ((10, 0.3), (20, 0.3), (40, 0.3), (60, 0.1), (100, 0.3), (300, 0.3))
"""Groups whose sizes follow a Pareto law (a few senders send most pages), and their intra-class correlation."""
FLOOR = 0.9
"""Coverage that is stated where few groups are named beside the interval."""

Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, np.ndarray, int]]


def check() -> list[Promise]:
    """Draw validation sets of known macro-F1, and count the intervals that cover it."""
    rows = [_row(f"{k} classes of {n} pages, {p:.0%} right", _few_pages(k, n, p), p, LEVEL) for k, n, p in CLASSES]
    return (
        rows
        + [
            _row(f"{groups} groups of 10 pages, correlation {rho}", _grouped(groups, rho), 0.85, stated)
            for groups, rho, stated in GROUPS
        ]
        + [_unequal_row(groups, rho) for groups, rho in SENDERS]
    )


def _few_pages(num_classes: int, pages_each: int, accuracy: float) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        labels = np.repeat(np.arange(num_classes), pages_each)
        return labels, rng.random(len(labels)) < accuracy, np.arange(len(labels)), num_classes

    return draw


def _grouped(num_groups: int, rho: float, accuracy: float = 0.85, unequal: bool = False) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        groups = np.repeat(np.arange(num_groups), _sizes(rng, num_groups) if unequal else 10)
        chance = rng.beta(accuracy * (1 / rho - 1), (1 - accuracy) * (1 / rho - 1), num_groups)[groups]
        return rng.integers(0, 5, len(groups)), rng.random(len(groups)) < chance, groups, 5

    return draw


def _unequal_row(num_groups: int, rho: float) -> Promise:
    effective = np.median([_effective(_sizes(generator(trial, "promises/sizes"), num_groups)) for trial in range(200)])
    is_named = effective < FEW_GROUPS or effective < UNEQUAL * num_groups
    world = f"{num_groups} groups of unequal sizes, worth {effective:.0f}, correlation {rho}"
    return _row(world, _grouped(num_groups, rho, unequal=True), 0.85, FLOOR if is_named else LEVEL)


def _sizes(rng: np.random.Generator, num_groups: int) -> np.ndarray:
    return np.ceil(5 * (rng.pareto(1.2, num_groups) + 1)).clip(max=300).astype(int)


def _effective(sizes: np.ndarray) -> float:
    return count_groups(np.repeat(np.arange(len(sizes)), sizes))["effective_groups"]


def _row(world: str, draw: Draw, truth: float, stated: float) -> Promise:
    covered = 0
    for trial in range(NUM_TRIALS):
        rng = generator(trial, "promises/interval")
        labels, right, groups, num_classes = draw(rng)
        predicted = np.where(right, labels, (labels + rng.integers(1, num_classes, len(labels))) % num_classes)
        low, high = macro_f1_interval(labels, predicted, num_classes, groups)
        covered += low <= truth <= high
    measured = covered / NUM_TRIALS
    holds = at_least(measured, stated, NUM_TRIALS)
    return Promise(
        "interval of macro-F1", world, f"at least {stated:.2f} covered", f"{measured:.3f}", NUM_TRIALS, holds
    )
