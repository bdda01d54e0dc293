"""The promise of ``--target-precision``: at most one validation set in ten gives a threshold that does not keep it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from munseo._evaluation.calibration import apply_temperature, fit_temperature
from munseo._evaluation.precision_threshold import FAILURE_RATE, threshold_for_precision
from munseo._randomness import generator
from promise_checks.promise import Promise, at_most

NUM_TRIALS = 400
TARGETS = (0.9, 0.95, 0.98)
SIZES = (200, 350, 1000)

Accuracy = Callable[[np.ndarray, float], np.ndarray]
WORLDS: dict[str, Accuracy] = {
    "calibrated": lambda confidence, target: confidence,
    "a plateau one point below the target": lambda confidence, target: np.full_like(confidence, target - 0.01),
    "a plateau just below the target": lambda confidence, target: np.full_like(confidence, target - 0.0005),
    "the surest pages are worse": lambda confidence, target: np.where(
        confidence > 0.9, target - 0.02, np.where(confidence > 0.8, 0.1 * target + 0.9, target - 0.05)
    ),
}
"""Fraction of right predictions by confidence."""


def check() -> list[Promise]:
    """Draw validation sets, find the threshold of each, and compare the true precision above it with the target."""
    rows = [
        _row(f"{world}; target {target}; {size} pages", accuracy, target, size)
        for world, accuracy in WORLDS.items()
        for target in TARGETS
        for size in SIZES
    ]
    plateau = WORLDS["a plateau just below the target"]
    rows += [
        _row(
            f"groups of {each} that go wrong together, plateau; target {target}; {size} groups",
            plateau,
            target,
            size,
            each,
        )
        for each, size in ((2, 350), (10, 100))
        for target in TARGETS
    ]
    rows.append(
        _row(
            "calibrated, temperature fitted to the same 350 pages; target 0.9", WORLDS["calibrated"], 0.9, 350, 1, True
        )
    )
    return rows


def _row(world: str, accuracy: Accuracy, target: float, size: int, each: int = 1, fitted: bool = False) -> Promise:
    broken, coverage = 0, 0.0
    population = _confidence(generator(0, "population"), 100_000)
    for trial in range(NUM_TRIALS):
        rng = generator(trial, "promises/threshold")
        confidence = np.repeat(_confidence(rng, size), each)
        right = np.repeat(rng.random(size), each) < accuracy(confidence, target)
        labels, probabilities = np.where(right, 0, 1), np.column_stack([confidence, 1 - confidence])
        temperature = fit_temperature(labels, probabilities) if fitted else 1.0
        shown = apply_temperature(probabilities, temperature) if fitted else probabilities
        found = threshold_for_precision(labels, shown, target, np.repeat(np.arange(size), each))
        coverage += found["coverage"] or 0.0
        if found["threshold"] is not None:
            new = np.column_stack([population, 1 - population])
            seen = apply_temperature(new, temperature).max(axis=1) if fitted else population
            broken += bool(accuracy(population[seen >= found["threshold"]], target).mean() < target)
    measured, covered = broken / NUM_TRIALS, coverage / NUM_TRIALS
    holds = at_most(measured, FAILURE_RATE, NUM_TRIALS)
    stated = f"at most {FAILURE_RATE:.0%} broken"
    return Promise("precision threshold", world, stated, f"{measured:.3f} (covers {covered:.2f})", NUM_TRIALS, holds)


def _confidence(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.clip(rng.beta(6, 1.2, size), 0.500001, None)
