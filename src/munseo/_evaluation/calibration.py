"""Calibration of confidence: temperature scaling, reliability, and precision by coverage.

Confidence is the largest probability of a page. Everything here takes probabilities, float (N, K), instead of logits: a
softmax loses one constant per page, which temperature scaling does not need. Labels are true classes, int (N,).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from munseo._evaluation.group_folds import deal_groups

TEMPERATURES = np.geomspace(0.05, 20.0, 121)
"""Candidate temperatures."""
SMALLEST = 1e-12
"""Smaller probabilities count as this one before their logarithm is taken: one page must not decide the temperature."""
PRIOR_SD = 1.0
"""Standard deviation of the prior of log T around 0. It weighs less than one page's loss among hundreds, and keeps ten
flawless pages from claiming certainty."""
NUM_FOLDS = 5
"""Folds in which the temperature is judged."""
NUM_CURVE_POINTS = 40
"""Points of a coverage curve, at most."""


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Fit the temperature that calibrates (Guo et al., "On calibration of modern neural networks", 2017).

    Minimises the negative log-likelihood of ``softmax(log p / T)``, with a weak prior on log T; p may be 0.

    Returns:
        T between 0.05 and 20; above 1 where the model was too sure, 1 without pages.
    """
    return best_temperature(temperature_losses(labels, probabilities), np.ones(len(labels)))


def temperature_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the loss of each page at each candidate temperature, float64 (121, N), for fits to many weightings."""
    logs = _logs(probabilities)
    true = logs[np.arange(len(labels)), labels]
    return np.stack([np.log(np.exp(logs / t).sum(axis=1)) - true / t for t in TEMPERATURES])


def best_temperature(losses: np.ndarray, weights: np.ndarray) -> float:
    """Return the temperature of the smallest loss: the minimum of a parabola through the best three candidates.

    ``losses`` (121, N) are those of ``temperature_losses``; a row counts for as many pages as its weight (N,) says.
    """
    steps = np.log(TEMPERATURES)
    total = losses @ weights + steps**2 / (2 * PRIOR_SD**2)
    best = int(np.clip(total.argmin(), 1, len(steps) - 2))
    below, at, above = total[best - 1 : best + 2]
    bend = below - 2 * at + above
    move = np.clip(0.5 * (below - above) / bend, -1, 1) if bend > 0 else 0.0
    return float(np.exp(steps[best] + move * (steps[1] - steps[0])))


def apply_temperature(probabilities: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """Return probabilities at a temperature, float32 (N, K); the largest stays the largest.

    ``temperature`` is one for all rows, or one for each, (N,).
    """
    powers = np.exp(_logs(probabilities) / np.reshape(temperature, (-1, 1)))
    scaled: np.ndarray = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    # At a high temperature two values that differed in the last digit become equal, and argmax takes the first.
    top = probabilities.argmax(axis=1)
    tied = np.flatnonzero(scaled.argmax(axis=1) != top)
    scaled[tied, top[tied]] = np.nextafter(scaled[tied].max(axis=1), np.float32(1))
    return scaled


def cross_fitted_temperatures(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return for each row the temperature that the other rows give, float64 (N,): a judge of calibration without bias.

    A temperature fitted to the very pages that it is judged on looks better than it is on others. The groups are dealt
    out to five folds, and each fold gets the temperature of the other four (Stone, "Cross-validatory choice", 1974).

    Args:
        labels: True classes, int (N,).
        probabilities: Float (N, K).
        groups: Number of the group of each row, int (N,); rows of one group, such as draws of a page, share a fold.
    """
    folds = deal_groups(groups, NUM_FOLDS, 0, "calibration/folds")
    temperatures = np.ones(len(labels))
    for fold in np.unique(folds):
        rest = folds != fold
        temperatures[~rest] = fit_temperature(labels[rest], probabilities[rest])
    return temperatures


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a run's temperature, and those of a run without one (1) exactly as they are."""
    return probabilities if temperature == 1 else apply_temperature(probabilities, temperature)


def reliability(
    labels: np.ndarray, probabilities: np.ndarray, num_bins: int = 15
) -> tuple[list[dict[str, Any]], float]:
    """Return the reliability diagram and the expected calibration error (Naeini et al., 2015; Guo et al., 2017).

    Returns:
        The bins (of equal width) that hold pages, lowest first, as ``{"low", "high", "count", "confidence",
        "accuracy"}`` (means over the bin); and the mean distance of confidence and accuracy over pages, or 0.
    """
    confidence, right = confidence_and_hits(labels, probabilities)
    indices = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    bins, error = [], 0.0
    for index in np.unique(indices):
        inside = indices == index
        mean, accuracy = float(confidence[inside].mean()), float(right[inside].mean())
        low, high = float(index / num_bins), float((index + 1) / num_bins)
        bins.append({"low": low, "high": high, "count": int(inside.sum()), "confidence": mean, "accuracy": accuracy})
        error += float(inside.mean()) * abs(mean - accuracy)
    return bins, error


def coverage_at(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> dict[str, float | None]:
    """Return how many pages are predicted, and how well, when those below ``threshold`` are left to a person.

    Returns:
        ``threshold``, ``coverage`` (fraction of pages at or above it) and ``precision`` (fraction of these that are
        right; None where there are none).
    """
    confidence, right = confidence_and_hits(labels, probabilities)
    covered = confidence >= threshold
    num_covered = int(covered.sum())
    return {
        "threshold": float(threshold),
        "coverage": num_covered / max(len(labels), 1),
        "precision": float(right[covered].mean()) if num_covered else None,
    }


def coverage_curve(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float | None]]:
    """Return precision against coverage (El-Yaniv and Wiener, "Selective classification", 2010).

    Returns:
        Up to 40 rows of ``coverage_at``, smallest coverage first; the last one covers every page.
    """
    confidence, _ = confidence_and_hits(labels, probabilities)
    if not len(confidence):
        return []
    falling = np.sort(confidence)[::-1]
    ranks = np.ceil(np.linspace(0, 1, NUM_CURVE_POINTS + 1)[1:] * len(falling)).astype(int) - 1
    return [coverage_at(labels, probabilities, threshold) for threshold in np.unique(falling[ranks])[::-1]]


def confidence_and_hits(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest probability, and whether it is that of the true class; both (N,)."""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def _logs(probabilities: np.ndarray) -> np.ndarray:
    """Return log-probabilities, float64, whose row maximum is 0: their powers neither overflow nor all vanish."""
    logs = np.log(np.clip(probabilities.astype(np.float64), SMALLEST, None))
    return np.asarray(logs - logs.max(axis=1, keepdims=True))
