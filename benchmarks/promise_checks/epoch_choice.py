"""What choosing the best epoch adds to its score: the mean estimate beside the mean true value, in known worlds."""

from __future__ import annotations

import numpy as np
from scipy import stats

from munseo._evaluation.epoch_choice import EpochScores, flattery
from munseo._randomness import generator
from promise_checks.promise import Promise

NUM_TRIALS = 60
WORLDS = (
    # classes, pages of each, epochs, mean fraction of right predictions, its standard deviation over the epochs, and
    # the part of an epoch's errors that it does not share with the others
    *((17, 12, 20, 0.85, 0.0, 0.3), (17, 12, 20, 0.85, 0.01, 0.3), (17, 12, 20, 0.85, 0.03, 0.3)),
    *((5, 75, 28, 0.9, 0.01, 0.2), (17, 6, 30, 0.85, 0.01, 0.3), (17, 3, 30, 0.85, 0.01, 0.3)),
    *((17, 12, 3, 0.85, 0.01, 0.3), (17, 12, 60, 0.85, 0.02, 0.1), (17, 12, 20, 0.95, 0.01, 0.5)),
)
ABOVE = 0.02
"""By how much the mean estimate may be above the mean true value: it is meant to be careful."""


def check() -> list[Promise]:
    """Draw validation sets and epochs whose true scores are known, and compare the estimate with the truth."""
    return [_row(*world) for world in WORLDS]


def _row(classes: int, pages: int, epochs: int, mean: float, spread: float, own: float) -> Promise:
    lucky, estimated = np.empty(NUM_TRIALS), np.empty(NUM_TRIALS)
    for trial in range(NUM_TRIALS):
        rng = generator(trial, "promises/epoch choice")
        truths = np.clip(mean + spread * rng.standard_normal(epochs), 0.02, 0.995)
        labels = np.repeat(np.arange(classes), pages)
        num_pages = len(labels)
        ease = np.sqrt(1 - own) * rng.standard_normal(num_pages)
        right = ease + np.sqrt(own) * rng.standard_normal((epochs, num_pages)) < stats.norm.ppf(truths)[:, None]
        wrong = (labels + rng.integers(1, classes, num_pages)) % classes
        outputs = list(np.where(right, labels, wrong))
        measured = EpochScores(labels, np.arange(num_pages), outputs, classes)
        scores = measured.under(np.ones((1, num_pages)))[0]
        lucky[trial] = scores.max() - truths[scores.argmax()]
        estimated[trial] = flattery(measured, measured, trial)
    error = 3 * float((estimated - lucky).std() / NUM_TRIALS**0.5)
    above = float(estimated.mean() - lucky.mean())
    return Promise(
        "flattery of the best epoch",
        f"{classes} classes of {pages} pages, {epochs} epochs, {mean:.0%} ± {spread:.0%} right, {own:.0%} own errors",
        f"on average not below the true value, at most {ABOVE} above it",
        f"{estimated.mean():.3f} estimated, {lucky.mean():.3f} true",
        NUM_TRIALS,
        -error <= above <= ABOVE + error,
    )
