"""Whether the learning rate that was used is the one that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from munseo._report.facts import Facts

TOLERANCE = 0.01
"""Relative difference below which two rates count as equal: schedules step per batch, and rates are rounded."""

BEGINS_LOW = ("OneCycleLR",)
"""Schedules that begin below the configured rate by design; all others begin at it, unless there is a warm-up."""


@dataclass(frozen=True)
class Disagreement:
    """The configured rate and the one that was used instead.

    ``above``: higher than configured. ``below``: never reached. ``first``: the run should have begun at the configured
    rate and did not.
    """

    kind: Literal["above", "below", "first"]
    configured: float
    used: float


def disagreement(facts: Facts) -> Disagreement | None:
    """Compare the rates; ``None`` when they agree or are not known.

    The configured rate is the peak of every schedule here, so the highest rate used must equal it. A schedule that only
    falls must begin at it as well; one with warm-up begins low, and that is as asked.
    """
    rates = facts.rates
    if rates.configured is None:
        return None
    if rates.highest is not None and _differ(rates.highest, rates.configured):
        return Disagreement("above" if rates.highest > rates.configured else "below", rates.configured, rates.highest)
    begins_low = facts.config.scheduler_name in BEGINS_LOW or facts.config.warmup_epochs > 0
    if rates.first is not None and not begins_low and _differ(rates.first, rates.configured):
        return Disagreement("first", rates.configured, rates.first)
    return None


def _differ(used: float, configured: float) -> bool:
    return abs(used / configured - 1) > TOLERANCE
