"""The threshold for a target precision after a second look, whose rule was chosen on the pages that are tested.

Two worlds: views that know a little more than the first prediction and are far too sure, and views that know nothing.
The rule is tested itself, at a level that counts the candidates that it was chosen from. For comparison, the row says
how many promises are broken with the threshold of cross-fitted rules, of which each fold has another one.
"""

from __future__ import annotations

import numpy as np

from munseo._evaluation.calibration import apply_temperature, fit_temperature
from munseo._evaluation.precision_threshold import FAILURE_RATE, RATE_OF_A_CHOSEN_LOOK, threshold_for_precision
from munseo._evaluation.second_look import SecondLook, applied_rule, choose_second_look, cross_fit
from munseo._randomness import generator
from promise_checks.promise import Promise, at_most

NUM_TRIALS = 100
NUM_CLASSES = 5
NUM_NEW = 20_000
VIEWS = ("identity", "flip_horizontal", "flip_vertical", "rotate_180")
"""The set of views that all candidates share here."""
WORLDS = (("are far too sure, and know a little more", 0.35, 6.0), ("know nothing more", 0.0, 2.0))
"""What the views are, how much they know more, and how sure they are."""


def check() -> list[Promise]:
    """Count the promises that are broken on new pages."""
    return [_row(world, size, target) for world in WORLDS for size, target in ((350, 0.8), (350, 0.9), (1000, 0.9))]


def _row(world: tuple[str, float, float], num_pages: int, target: float) -> Promise:
    promised, broken, by_folds, coverage = 0, 0, 0, 0.0
    for trial in range(NUM_TRIALS):
        rng = generator(trial, "promises/second look", num_pages)
        labels, first, second = _draw(rng, num_pages, *world[1:])
        entry = choose_second_look(labels, first, dict.fromkeys(VIEWS, second), "probability", trial)
        look, seconds = SecondLook(entry["gate"], entry["blend"], tuple(entry["views"])), {VIEWS: second}
        crossed = cross_fit(labels, first, seconds, trial, np.arange(num_pages)).applied(first, seconds)
        temperature = fit_temperature(labels, crossed)
        truth, new, again = _draw(rng, NUM_NEW, *world[1:])
        final = apply_temperature(applied_rule(look, new, {VIEWS: again}), temperature)
        right, confidence = final.argmax(axis=1) == truth, final.max(axis=1)

        own = _threshold(labels, applied_rule(look, first, seconds), temperature, target, RATE_OF_A_CHOSEN_LOOK)
        other = _threshold(labels, crossed, temperature, target, FAILURE_RATE)
        if own is not None:
            promised += 1
            broken += bool(right[confidence >= own].mean() < target)
            coverage += float((confidence >= own).mean())
        by_folds += other is not None and bool(right[confidence >= other].mean() < target)
    covers = coverage / max(promised, 1)
    shares = [count / NUM_TRIALS for count in (broken, promised, by_folds)]
    return Promise(
        "precision threshold after a second look",
        f"views that {world[0]}; target {target}; {num_pages} pages",
        f"at most {FAILURE_RATE:.0%} broken",
        f"{shares[0]:.2f} (promised {shares[1]:.2f}, covers {covers:.2f}; cross-fitted rules: {shares[2]:.2f} broken)",
        NUM_TRIALS,
        at_most(broken / NUM_TRIALS, FAILURE_RATE, NUM_TRIALS),
    )


def _threshold(labels: np.ndarray, rows: np.ndarray, temperature: float, target: float, rate: float) -> float | None:
    calibrated = apply_temperature(rows, temperature)
    return threshold_for_precision(labels, calibrated, target, failure_rate=rate)["threshold"]


def _draw(
    rng: np.random.Generator, num_pages: int, more: float, sureness: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels (N,), first probabilities, and those of the views of a second look, (N, K) each."""
    labels = rng.integers(0, NUM_CLASSES, num_pages)
    strength = np.where(rng.random(num_pages) < 0.4, 1.0, 4.0)
    evidence = rng.normal(0, 1, (num_pages, NUM_CLASSES))
    evidence[np.arange(num_pages), labels] += strength
    second = evidence + rng.normal(0, 0.5, evidence.shape)
    second[np.arange(num_pages), labels] += more
    return labels, _softmax(strength[:, None] * evidence), _softmax(sureness * second)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
