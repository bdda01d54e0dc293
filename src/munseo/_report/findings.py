"""Findings of the rules of the analysis, and comparisons that both rules and sections need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from munseo._report.facts import Facts

RATE_TOLERANCE = 0.01
"""The relative difference below which two learning rates count as equal: schedules step per batch, and rates are
rounded."""

BEGINS_LOW = ("OneCycleLR",)
"""Schedules that begin below the configured rate by design; all others begin at it, unless there is a warm-up."""


@dataclass(frozen=True)
class Finding:
    """The finding of a rule. The key of its sentence is ``finding.<rule>``; ``numbers`` fill the placeholders."""

    rule: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class ClassDrop:
    """A class whose F1 differs between clean and damaged pages."""

    name: str
    clean: float
    shifted: float

    @property
    def drop(self) -> float:
        """The F1 that is lost."""
        return self.clean - self.shifted


@dataclass(frozen=True)
class DamageCost:
    """The macro-F1 that one kind of damage costs."""

    damage: str
    drop: float


@dataclass(frozen=True)
class RateDisagreement:
    """The configured learning rate and the one that was used instead.

    Attributes:
        kind: ``above``: higher than configured. ``below``: the configured rate was never reached. ``first``: the run
            should have begun at the configured rate and did not.
    """

    kind: Literal["above", "below", "first"]
    configured: float
    used: float


def class_drops(facts: Facts) -> list[ClassDrop]:
    """Return each class's F1 on clean and damaged pages, the largest drop first; empty without shifted validation."""
    if facts.results.val is None or facts.results.shifted is None:
        return []
    clean = {entry.name: entry.f1 for entry in facts.results.val.per_class}
    shifted = facts.results.shifted.per_class
    drops = [ClassDrop(entry.name, clean[entry.name], entry.f1) for entry in shifted if entry.name in clean]
    return sorted(drops, key=lambda row: -row.drop)


def find_rate_disagreement(facts: Facts) -> RateDisagreement | None:
    """Compare the used learning rates with the configured one; return None when they agree or are not known.

    The configured rate is the peak of every schedule, so the highest rate used must equal it. A schedule that only
    falls must begin at it as well; one with warm-up begins low, as configured.
    """
    rates = facts.rates
    if rates.configured is None:
        return None
    if rates.highest is not None and _differ(rates.highest, rates.configured):
        kind: Literal["above", "below"] = "above" if rates.highest > rates.configured else "below"
        return RateDisagreement(kind, rates.configured, rates.highest)
    begins_low = facts.config.scheduler_name in BEGINS_LOW or facts.config.warmup_epochs > 0
    if rates.first is not None and not begins_low and _differ(rates.first, rates.configured):
        return RateDisagreement("first", rates.configured, rates.first)
    return None


def _differ(used: float, configured: float) -> bool:
    return abs(used / configured - 1) > RATE_TOLERANCE
