"""The rules of the analysis: each looks at the facts and finds one thing, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from munseo._report.facts import Facts
from munseo._report.findings import Finding, find_rate_disagreement
from munseo._report.shift_rules import CONFIDENCE_RULES, SHIFT_RULES

GAP_LARGE = 0.05
"""Training is far ahead of validation from this difference in macro-F1."""
GAP_SMALL = 0.02
"""Training is hardly ahead of validation up to this difference in macro-F1."""
FEW_PAGES = 10
"""A class with fewer validation pages has few: one page changes its recall by 10 points or more."""
WEAK_BELOW = 0.9
"""A class with a lower F1 is weak."""
SURE = 0.9
"""A mistake with at least this confidence is a confident one."""
STALE_FRACTION = 0.9
"""A falling schedule that ends above this fraction of its highest rate has hardly fallen."""
FALLING = ("CosineAnnealingLR", "OneCycleLR")
"""Schedules that end near zero, but only after the planned epochs."""


def analyse(facts: Facts) -> tuple[Finding, ...]:
    """Return all findings, in the order of the rules."""
    return tuple(finding for rules in RULES.values() for rule in rules if (finding := rule(facts)) is not None)


def overfitting(facts: Facts) -> Finding | None:
    """Find training far ahead of validation, hardly ahead, or behind; in between nothing is found.

    With MixUp or CutMix the training metrics are those of blended pages and cannot be compared.
    """
    train = facts.results.train.macro_f1 if facts.results.train else None
    if facts.results.val is None or train is None or facts.get("effective", "mixes"):
        return None
    val = facts.results.val.macro_f1
    numbers = {"train": train, "val": val, "gap": train - val}
    if train - val >= GAP_LARGE:
        return Finding("gap_large", numbers)
    if train < val:
        return Finding("gap_negative", numbers)
    return Finding("gap_small", numbers) if train - val <= GAP_SMALL else None


def interval_width(facts: Facts) -> Finding | None:
    """Find the smallest difference between two runs that these validation pages can show."""
    if facts.results.val is None or facts.results.val.macro_f1_interval is None:
        return None
    low, high = facts.results.val.macro_f1_interval
    numbers = {"low": low, "high": high, "half": (high - low) / 2, "pages": facts.results.val.num_pages}
    return Finding("interval_width", numbers)


def server_score(facts: Facts) -> Finding | None:
    """Find whether chance in the choice of validation pages explains the server's score."""
    part, score = next(iter(facts.scores.given.items()), ("", None))
    if score is None or facts.results.val is None or facts.results.val.macro_f1_interval is None:
        return None
    low, high = facts.results.val.macro_f1_interval
    numbers = {"part": part, "score": score, "low": low, "high": high}
    if score < low:
        return Finding("server_below", {**numbers, "distance": low - score})
    if score > high:
        return Finding("server_above", {**numbers, "distance": score - high})
    return Finding("server_inside", numbers)


def folds_differ(facts: Facts) -> Finding | None:
    """Find the range of macro-F1 over the folds."""
    values = [fold.scores.macro_f1 for fold in facts.folds if fold.scores.macro_f1 is not None]
    if len(values) < 2:
        return None
    numbers = {"spread": max(values) - min(values), "low": min(values), "high": max(values)}
    return Finding("folds_differ", numbers)


def overconfident(facts: Facts) -> Finding | None:
    """Find a validation loss that ends a tenth above its minimum while macro-F1 gained half a point since."""
    if len(facts.curves) != 1 or len(facts.curves[0]) < 3:
        return None
    loss = facts.curves[0]["val_loss"].to_numpy(dtype=float)
    f1 = facts.curves[0]["val_macro_f1"].to_numpy(dtype=float)
    if np.isnan(loss).any() or np.isnan(f1).any():
        return None
    lowest = int(loss.argmin())
    last, f1_best = float(loss[-3:].mean()), float(f1[lowest:].max())
    if last < 1.1 * loss[lowest] or f1_best < f1[lowest] + 0.005:
        return None
    numbers = {
        "lowest": float(loss[lowest]),
        "epoch": lowest + 1,
        "last": last,
        "f1_then": float(f1[lowest]),
        "f1_best": f1_best,
    }
    return Finding("overconfident", numbers)


def weakest_classes(facts: Facts) -> Finding | None:
    """Find up to three classes with the lowest F1, if it is low."""
    if facts.results.val is None:
        return None
    weak = sorted((entry for entry in facts.results.val.per_class if entry.f1 < WEAK_BELOW), key=lambda entry: entry.f1)
    return Finding("weakest", {"classes": tuple(weak[:3])}) if weak else None


def small_support(facts: Facts) -> Finding | None:
    """Find which of the weakest classes have few validation pages."""
    weakest = weakest_classes(facts)
    classes = weakest.numbers["classes"] if weakest else ()
    small = tuple(entry.name for entry in classes if entry.support < FEW_PAGES)
    return Finding("small_support", {"classes": small, "least": FEW_PAGES}) if small else None


def main_pairs(facts: Facts) -> Finding | None:
    """Find the fewest confused pairs that make up half of the errors, if they are few."""
    if facts.results.val is None or facts.results.val.num_errors == 0:
        return None
    pairs, errors = facts.results.val.confusions, facts.results.val.num_errors
    reached = np.cumsum([pair.count for pair in pairs])
    needed = int(np.searchsorted(reached, errors / 2)) + 1
    if needed > 5 or pairs[0].count < 2:
        return None
    numbers = {
        "num_pairs": needed,
        "all_pairs": len(pairs),
        "share": float(reached[needed - 1] / errors),
        "errors": errors,
        "pairs": pairs[:needed],
    }
    return Finding("main_pairs", numbers)


def sure_mistakes(facts: Facts) -> Finding | None:
    """Find mistakes so confident that no threshold would catch them."""
    shown = [mistake.confidence for mistake in facts.gallery if mistake.confidence is not None]
    sure = sum(confidence >= SURE for confidence in shown)
    return Finding("sure_mistakes", {"sure": sure, "shown": len(shown)}) if sure else None


def rate_disagrees(facts: Facts) -> Finding | None:
    """Find a learning rate that differs from the configured one."""
    rates = find_rate_disagreement(facts)
    if rates is None:
        return None
    return Finding("rate_disagrees", {"configured": rates.configured, "used": rates.used})


def long_horizon(facts: Facts) -> Finding | None:
    """Find a schedule that was laid out for many more epochs than were trained, so that the rate hardly fell."""
    course, rates = facts.course, facts.rates
    if not course.epochs_done or not rates.last or not rates.highest or facts.config.scheduler_name not in FALLING:
        return None
    share = rates.last / rates.highest
    if course.epochs_done >= facts.epochs_planned or share < STALE_FRACTION:
        return None
    numbers = {
        "scheduler": facts.config.scheduler_name,
        "planned": facts.epochs_planned,
        "done": course.epochs_done,
        "share": share,
    }
    return Finding("long_horizon", numbers)


def still_improving(facts: Facts) -> Finding | None:
    """Find that training ended with the planned epochs although the last or last but one was the best."""
    course = facts.course
    if course.stopped != "epochs" or course.best_epoch is None or not course.epochs_done or course.epochs_done < 2:
        return None
    if course.best_epoch < course.epochs_done - 2:
        return None
    numbers = {"monitor": facts.monitor, "best": course.best_epoch + 1, "done": course.epochs_done}
    return Finding("still_improving", numbers)


def first_epoch_best(facts: Facts) -> Finding | None:
    """Find that no epoch after the first was better."""
    course = facts.course
    if course.best_epoch != 0 or not course.epochs_done or course.epochs_done < 3:
        return None
    rate = facts.rates.highest or facts.config.lr
    return Finding("first_epoch_best", {"done": course.epochs_done, "monitor": facts.monitor, "rate": rate})


def few_val_pages(facts: Facts) -> Finding | None:
    """Find classes that are judged on few pages."""
    supports = [entry.support for entry in facts.results.val.per_class] if facts.results.val else []
    few = [support for support in supports if support < FEW_PAGES]
    if not few:
        return None
    numbers = {"count": len(few), "classes": len(supports), "least": FEW_PAGES, "smallest": min(few)}
    return Finding("few_val_pages", numbers)


def imbalance(facts: Facts) -> Finding | None:
    """Find class sizes in training, after balancing, that differ by half or more, if nothing else evens them out."""
    counts = facts.class_counts
    if not counts or facts.config.balancing_keys:
        return None
    smallest, largest = min(counts, key=lambda c: c.after), max(counts, key=lambda c: c.after)
    if smallest.after == 0 or largest.after < 1.5 * smallest.after:
        return None
    numbers = {
        "largest": largest.after,
        "smallest": smallest.after,
        "name": smallest.name,
        "ratio": largest.after / smallest.after,
    }
    return Finding("imbalance", numbers)


def skipped_pages(facts: Facts) -> Finding | None:
    """Find pages that could not be read."""
    return Finding("skipped", {"count": len(facts.skipped)}) if facts.skipped else None


RULES: dict[str, tuple[Callable[[Facts], Finding | None], ...]] = {
    "generalisation": (overfitting, interval_width, server_score, folds_differ, overconfident),
    "shift": SHIFT_RULES,
    "errors": (weakest_classes, small_support, main_pairs, sure_mistakes),
    "confidence": CONFIDENCE_RULES,
    "course": (rate_disagrees, long_horizon, still_improving, first_epoch_best),
    "data": (few_val_pages, imbalance, skipped_pages),
}
"""The rules below the headings of the analysis, in their order.

A new rule is one function, an entry here, and the text ``finding.RULE`` in both languages.
"""
