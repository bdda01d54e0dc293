"""Confidence that means something: temperature scaling, reliability, and the threshold that a precision costs.

Confidence is the largest probability of a page. Everything here takes probabilities, not logits: a softmax forgets one
constant a page, which temperature scaling does not need.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

TEMPERATURES = np.geomspace(0.05, 20.0, 121)
SMALLEST = 1e-12
"""Probabilities below this are taken as this before their logarithm: one page must not decide the temperature."""
PRIOR_SD = 1.0
"""Of log T around 0. Worth less than a page's loss among hundreds; keeps ten flawless pages from claiming certainty."""
CERTAINTY = 0.9
"""How sure ``threshold_for_precision`` is of its promise, one-sided."""
NUM_CURVE_POINTS = 40


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature that calibrates (Guo et al., "On calibration of modern neural networks", 2017).

    Minimises the negative log-likelihood of ``softmax(log p / T)``, with a weak prior on log T.

    Args:
        labels: True classes, int (N,).
        probabilities: float (N, K); zeros are allowed.

    Returns:
        T between 0.05 and 20; above 1 the model was too sure. 1 without pages.
    """
    return best_temperature(temperature_losses(labels, probabilities), np.ones(len(labels)))


def temperature_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The loss of each page at each of 121 temperatures, float64 (121, N): for fits to many weightings of the pages."""
    logs = _logs(probabilities)
    true = logs[np.arange(len(labels)), labels]
    return np.stack([np.log(np.exp(logs / t).sum(axis=1)) - true / t for t in TEMPERATURES])


def best_temperature(losses: np.ndarray, weights: np.ndarray) -> float:
    """The temperature of the smallest loss: the lowest point of a parabola through the best three of the grid.

    Args:
        losses: From ``temperature_losses``, (121, N).
        weights: How many pages each row counts for, (N,).
    """
    steps = np.log(TEMPERATURES)
    total = losses @ weights + steps**2 / (2 * PRIOR_SD**2)
    best = int(np.clip(total.argmin(), 1, len(steps) - 2))
    below, at, above = total[best - 1 : best + 2]
    bend = below - 2 * at + above
    move = np.clip(0.5 * (below - above) / bend, -1, 1) if bend > 0 else 0.0
    return float(np.exp(steps[best] + move * (steps[1] - steps[0])))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature, float32 (N, K); the largest stays the largest."""
    powers = np.exp(_logs(probabilities) / temperature)
    scaled: np.ndarray = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    # At a high temperature two that were a last digit apart become equal, and argmax takes the first of equals.
    top = probabilities.argmax(axis=1)
    tied = np.flatnonzero(scaled.argmax(axis=1) != top)
    scaled[tied, top[tied]] = np.nextafter(scaled[tied].max(axis=1), np.float32(1))
    return scaled


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a run's temperature, and those of a run without one (1) exactly as they are."""
    return probabilities if temperature == 1 else apply_temperature(probabilities, temperature)


def reliability(
    labels: np.ndarray, probabilities: np.ndarray, num_bins: int = 15
) -> tuple[list[dict[str, Any]], float]:
    """The reliability diagram and the expected calibration error (Naeini et al., 2015; Guo et al., 2017).

    Args:
        labels: True classes, int (N,).
        probabilities: float (N, K).
        num_bins: Bins of equal width over confidence 0 to 1.

    Returns:
        Bins that hold pages, as ``{"low", "high", "count", "confidence", "accuracy"}`` (means over the bin), lowest
        first; and the mean distance of confidence and accuracy over pages (0 without pages).
    """
    confidence, right = _confidence(labels, probabilities)
    places = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    bins, error = [], 0.0
    for place in np.unique(places):
        inside = places == place
        mean, accuracy = float(confidence[inside].mean()), float(right[inside].mean())
        low, high = float(place / num_bins), float((place + 1) / num_bins)
        bins.append({"low": low, "high": high, "count": int(inside.sum()), "confidence": mean, "accuracy": accuracy})
        error += float(inside.mean()) * abs(mean - accuracy)
    return bins, error


def coverage_at(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> dict[str, float | None]:
    """What is answered, and how well, when pages with a confidence below ``threshold`` are left to a person.

    Returns:
        ``threshold``, ``coverage`` (share of pages answered) and ``precision`` (share of these that are right; None
        where no page is answered).
    """
    confidence, right = _confidence(labels, probabilities)
    answered = confidence >= threshold
    num_answered = int(answered.sum())
    return {
        "threshold": float(threshold),
        "coverage": num_answered / max(len(labels), 1),
        "precision": float(right[answered].mean()) if num_answered else None,
    }


def coverage_curve(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float | None]]:
    """Precision against coverage (El-Yaniv and Wiener, "Selective classification", 2010).

    Returns:
        Up to 40 rows of ``coverage_at``, smallest coverage first; the last one answers every page.
    """
    confidence, _ = _confidence(labels, probabilities)
    if not len(confidence):
        return []
    falling = np.sort(confidence)[::-1]
    ranks = np.ceil(np.linspace(0, 1, NUM_CURVE_POINTS + 1)[1:] * len(falling)).astype(int) - 1
    return [coverage_at(labels, probabilities, threshold) for threshold in np.unique(falling[ranks])[::-1]]


def threshold_for_precision(
    labels: np.ndarray, probabilities: np.ndarray, target: float, draws: int = 1
) -> dict[str, float | None]:
    """The confidence from which answers are right with probability ``target``: the lowest one that can be promised.

    A promise, not a hope: the share of right answers above the threshold must reach the target at its lower confidence
    bound (90 %, one-sided; Clopper and Pearson, 1934), as in Geifman and El-Yaniv, "Selective classification for deep
    neural networks" (2017). A plain share would promise 99 % on the strength of ten right pages. The price: 0.99 needs
    230 pages without a mistake above the threshold, 0.95 needs 45.

    Args:
        labels: True classes, int (N,).
        probabilities: float (N, K).
        target: Wanted share of right answers, above 0 and below 1.
        draws: How many of the rows are of one page. Draws of a page are not independent, and count as one page.

    Returns:
        ``target_precision``, ``threshold``, ``coverage``, and ``precision``: the plain share above the threshold.
        Threshold and precision are None and coverage is 0 where no threshold can be promised.
    """
    confidence, right = _confidence(labels, probabilities)
    order = np.argsort(-confidence, kind="stable")
    falling, hits = confidence[order], np.cumsum(right[order])
    answered = np.arange(1, len(order) + 1)
    # Of pages with the same confidence all are answered or none.
    closed = np.append(falling[1:] < falling[:-1], True)[: len(order)]
    bound = stats.beta.ppf(1 - CERTAINTY, hits / draws, (answered - hits) / draws + 1)
    kept = np.flatnonzero(closed & (hits > 0) & (bound >= target))
    if not len(kept):
        return {"target_precision": float(target), "threshold": None, "coverage": 0.0, "precision": None}
    return {"target_precision": float(target), **coverage_at(labels, probabilities, float(falling[kept[-1]]))}


def _confidence(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest probability, and whether it stands at the true class; both (N,)."""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def _logs(probabilities: np.ndarray) -> np.ndarray:
    """Log-probabilities, float64, the largest of a row 0: their powers neither overflow nor all vanish."""
    logs = np.log(np.clip(probabilities.astype(np.float64), SMALLEST, None))
    return np.asarray(logs - logs.max(axis=1, keepdims=True))
