"""Rules of the analysis for damaged pages, confidence and views."""

from __future__ import annotations

import numpy as np

from munseo._report.facts import Facts
from munseo._report.findings import DamageCost, Finding, class_drops

DROP_LARGE = 0.05
"""Damage costs much from this drop of macro-F1."""
DROP_SMALL = 0.02
"""Damage costs little up to this drop of macro-F1."""
CLASS_DROP = 0.1
"""A class suffers from this drop of its F1."""
HARMFUL = 0.05
"""One kind of damage is harmful from this drop of macro-F1."""
HARMLESS = 0.01
"""One kind of damage is harmless below this drop of macro-F1."""
EPOCH_GAIN = 0.005
"""Another epoch would have been better from this gain of macro-F1 on damaged pages."""
SURE_TEMPERATURE = 1.1
"""A temperature within a tenth of 1 changes no decision that a threshold makes."""
NEARER = 2
"""How many times nearer a score must be to one validation than to the other to agree with it."""
PRECISION = 0.95
"""The precision that a sentence is about; the table of the section has the others."""


def shift_drop(facts: Facts) -> Finding | None:
    """Find how much the validation on clean pages overstates the result on damaged ones."""
    if facts.results.val is None or facts.results.shifted is None or not facts.results.val.macro_f1:
        return None
    clean, shifted = facts.results.val.macro_f1, facts.results.shifted.macro_f1
    drop = clean - shifted
    rule = "shift_large" if drop >= DROP_LARGE else "shift_some" if drop > DROP_SMALL else "shift_small"
    return Finding(rule, {"clean": clean, "shifted": shifted, "ratio": shifted / clean, "drop": drop})


def shift_classes(facts: Facts) -> Finding | None:
    """Find up to three classes that lose most."""
    suffering = tuple(row for row in class_drops(facts) if row.drop >= CLASS_DROP)[:3]
    return Finding("shift_classes", {"suffering": suffering}) if suffering else None


def damages_break(facts: Facts) -> Finding | None:
    """Find up to five kinds of damage that cost most."""
    costs = _costs(facts)
    harmful = tuple(cost for cost in costs if cost.drop >= HARMFUL)[:5]
    return Finding("damages_break", {"harmful": harmful}) if harmful else None


def damages_bear(facts: Facts) -> Finding | None:
    """Find kinds of damage that cost next to nothing even at their strongest."""
    harmless = tuple(cost for cost in _costs(facts) if cost.drop < HARMLESS)
    return Finding("damages_bear", {"harmless": harmless, "least": HARMLESS}) if harmless else None


def shift_epoch(facts: Facts) -> Finding | None:
    """Find what it cost on damaged pages that another metric chose the epoch."""
    best = facts.course.best_epoch
    if len(facts.curves) != 1 or best is None or "val_shifted_macro_f1" not in facts.curves[0]:
        return None
    curve = facts.curves[0][["epoch", "val_shifted_macro_f1"]].dropna().to_numpy(dtype=float)
    chosen = curve[curve[:, 0] == best, 1]
    if not len(chosen):
        return None
    epoch, highest = curve[curve[:, 1].argmax()]
    if highest < chosen[0] + EPOCH_GAIN:
        return None
    numbers = {"epoch": best + 1, "best": int(epoch) + 1, "at_chosen": float(chosen[0]), "at_best": float(highest)}
    return Finding("shift_epoch", numbers)


def server_likeness(facts: Facts) -> Finding | None:
    """Find which validation the server clearly agrees with, where the two differ enough to tell."""
    part, score = next(iter(facts.scores.given.items()), ("", None))
    if score is None or facts.results.val is None or facts.results.shifted is None:
        return None
    clean, shifted = facts.results.val.macro_f1, facts.results.shifted.macro_f1
    if clean - shifted <= DROP_SMALL:
        return None
    to_clean, to_shifted = abs(score - clean), abs(score - shifted)
    if max(to_clean, to_shifted) < NEARER * min(to_clean, to_shifted):
        return None
    like = "shifted" if to_shifted < to_clean else "clean"
    numbers = {"part": part, "score": score, "clean": clean, "shifted": shifted}
    return Finding(f"server_like_{like}", numbers)


def server_expected(facts: Facts) -> Finding | None:
    """Find whether the server's score is in the interval of the expected score."""
    part, score = next(iter(facts.scores.given.items()), ("", None))
    if score is None or facts.results.expected is None or facts.results.expected.interval is None:
        return None
    low, high = facts.results.expected.interval
    rule = "expected_inside" if low <= score <= high else "expected_outside"
    return Finding(rule, {"part": part, "score": score, "low": low, "high": high})


def calibrated(facts: Facts) -> Finding | None:
    """Find confidence far from the fraction of right predictions, on the pages that the temperature was fitted on."""
    fitted = facts.results.calibration
    if fitted is None or fitted.temperature is None or not fitted.reliability:
        return None
    part = fitted.reliability.get(fitted.fitted_on) or [*fitted.reliability.values()][-1]
    if part.ece_before is None or part.ece_after is None:
        return None
    numbers = {"temperature": fitted.temperature, "before": part.ece_before, "after": part.ece_after}
    if fitted.temperature >= SURE_TEMPERATURE:
        return Finding("too_sure", numbers)
    return Finding("too_cautious", numbers) if fitted.temperature <= 1 / SURE_TEMPERATURE else None


def routable(facts: Facts) -> Finding | None:
    """Find how many pages need no person."""
    rows = facts.results.calibration.coverage if facts.results.calibration else ()
    row = next((row for row in rows if np.isclose(row.target_precision, PRECISION)), None)
    if row is None:
        return None
    if row.threshold is None:
        return Finding("not_routable", {"target": row.target_precision})
    numbers = {"target": row.target_precision, "coverage": row.coverage, "threshold": row.threshold}
    return Finding("routable", numbers)


def views_hurt(facts: Facts) -> Finding | None:
    """Find views that make predictions worse, and whether the run uses them."""
    if facts.results.views is None or not facts.results.views.hurting:
        return None
    views = tuple(f"`{name}`" for name in facts.results.views.hurting)
    in_use = tuple(f"`{name}`" for name in facts.results.views.hurting_and_configured)
    if in_use:
        return Finding("configured_view_hurts", {"views": views, "in_use": in_use})
    return Finding("views_hurt", {"views": views})


def _costs(facts: Facts) -> list[DamageCost]:
    profile = facts.results.robustness
    return [DamageCost(damage.damage, profile.drop(damage)) for damage in profile.damages] if profile else []


SHIFT_RULES = (
    *(shift_drop, shift_classes, damages_break, damages_bear, shift_epoch),
    *(server_likeness, server_expected),
)
CONFIDENCE_RULES = (calibrated, routable, views_hurt)
