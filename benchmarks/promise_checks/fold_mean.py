"""The mean of the folds: its calibration and its expected score, measured on pages that no fold used.

The world: all models of a k-fold run see the same evidence on a page, and each adds noise of its own and is
overconfident. The mean of five is more accurate and less confident than each of them. The rows with single folds are
what versions before did; they are here to show the fault, not as a promise.
"""

from __future__ import annotations

import numpy as np

from munseo._evaluation.calibration import apply_temperature, fit_temperature, reliability
from munseo._evaluation.expectation import expect_macro_f1
from munseo._evaluation.fold_mean import average_folds
from munseo._evaluation.metrics import macro_f1
from promise_checks.promise import Promise, at_least

NUM_CLASSES, NUM_FOLDS, NUM_DRAWS = 10, 5, 2
NUM_OUT_OF_FOLD, NUM_HELD_OUT, NUM_TEST = 700, 175, 1000
CLEAN, DAMAGED = 3.2, 2.4
"""How far the evidence of the true class stands out, on clean and on damaged pages."""
OVERCONFIDENCE = 3.5
OWN_NOISE = (0.5, 1.0)
NUM_TRIALS = 20
LARGEST_EXCESS = 0.02
"""Largest mean excess, which is stated, over the calibration error of the temperature that fits the test pages best."""


def check() -> list[Promise]:
    """Return two rows for each amount of noise that the models add."""
    rows = []
    for noise in OWN_NOISE:
        errors, covered = np.zeros((NUM_TRIALS, 3)), np.zeros((NUM_TRIALS, 2), dtype=bool)
        for trial in range(NUM_TRIALS):
            errors[trial], covered[trial] = _trial(np.random.default_rng((4, trial)), noise)
        single, mean, best = errors.mean(axis=0)
        single_covered, mean_covered = covered.mean(axis=0)
        world = f"mean of {NUM_FOLDS} folds, noise of each {noise:g}, {NUM_HELD_OUT} pages in no fold"
        rows += [
            Promise(
                "ECE of the mean of the folds", world, f"at most {LARGEST_EXCESS:g} above that of the best temperature",
                f"{mean - best:.3f} above {best:.3f} (with the temperature of single folds {single - best:.3f})",
                NUM_TRIALS, mean - best <= LARGEST_EXCESS,
            ),
            Promise(
                "90 % interval of the expected score of a k-fold run", world, "covers 90 %",
                f"{mean_covered:.0%} (from single folds {single_covered:.0%})", NUM_TRIALS,
                at_least(float(mean_covered), 0.9, NUM_TRIALS),
            ),
        ]  # fmt: skip
    return rows


def _trial(rng: np.random.Generator, noise: float) -> tuple[tuple[float, float, float], tuple[bool, bool]]:
    """Return errors of calibration (by single folds, the mean, the best temperature), and whether intervals cover."""
    labels, single = _predictions(rng, NUM_OUT_OF_FOLD, 1, noise)
    held_out_labels, held_out = _predictions(rng, NUM_HELD_OUT, NUM_FOLDS, noise)
    test_labels, [test] = _damaged(rng, NUM_TEST, NUM_FOLDS, noise, 1)
    test = average_folds(test)
    real = macro_f1(test_labels, test.argmax(axis=1), NUM_CLASSES)
    errors, covered = [], []
    for own_labels, rows in ((labels, single[:, 0]), (held_out_labels, _mean(held_out))):
        clean, shifted = rows[0], rows[1:]
        temperature = fit_temperature(np.tile(own_labels, NUM_DRAWS), np.concatenate(list(shifted)))
        errors.append(reliability(test_labels, apply_temperature(test, temperature))[1])
        ends = expect_macro_f1(own_labels, clean, shifted, test).interval
        covered.append(ends is not None and ends[0] <= real <= ends[1])
    best = reliability(test_labels, apply_temperature(test, fit_temperature(test_labels, test)))[1]
    return (errors[0], errors[1], best), (covered[0], covered[1])


def _mean(rows: np.ndarray) -> np.ndarray:
    return np.stack([average_folds(row) for row in rows])


def _predictions(
    rng: np.random.Generator, num_pages: int, num_models: int, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities (1 + draws, models, pages, classes): clean, then every draw of the damage."""
    labels = rng.integers(0, NUM_CLASSES, num_pages)
    clean = _answers(rng, labels, CLEAN, num_models, noise)
    damaged = [_answers(rng, labels, DAMAGED, num_models, noise) for _ in range(NUM_DRAWS)]
    return labels, np.stack([clean, *damaged])


def _damaged(
    rng: np.random.Generator, num_pages: int, num_models: int, noise: float, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.integers(0, NUM_CLASSES, num_pages)
    return labels, np.stack([_answers(rng, labels, DAMAGED, num_models, noise) for _ in range(draws)])


def _answers(
    rng: np.random.Generator, labels: np.ndarray, strength: float, num_models: int, noise: float
) -> np.ndarray:
    """Return probabilities (models, pages, classes) of pages whose evidence all models share."""
    evidence = rng.normal(0, 1, (len(labels), NUM_CLASSES))
    evidence[np.arange(len(labels)), labels] += strength
    logits = OVERCONFIDENCE * (evidence + rng.normal(0, noise, (num_models, *evidence.shape)))
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
