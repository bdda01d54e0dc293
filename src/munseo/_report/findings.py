"""What the rules of the analysis find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Topic = Literal["generalisation", "shift", "errors", "confidence", "course", "data"]


@dataclass(frozen=True)
class Finding:
    """What one rule found, with the numbers it used.

    ``rule`` is the key of its sentence, ``numbers`` fill it.
    """

    rule: str
    topic: Topic
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Fall:
    """A class whose F1 differs between clean and damaged pages."""

    name: str
    clean: float
    shifted: float

    @property
    def drop(self) -> float:
        """F1 lost."""
        return self.clean - self.shifted


@dataclass(frozen=True)
class Cost:
    """Macro-F1 that one kind of damage takes."""

    damage: str
    drop: float
