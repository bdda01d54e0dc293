"""Something that a reader should know, in words and in a form that a report can translate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Remark:
    """A sentence with its key.

    Attributes:
        key: What it says; a report in another language looks its own sentence up by it.
        text: The sentence in English.
        values: What stands in the sentence's gaps.
    """

    key: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The English sentence, filled in."""
        return self.text.format(**self.values)

    def to_dict(self) -> dict[str, Any]:
        """As ``results.json`` holds it."""
        return {"key": self.key, "text": str(self), "values": self.values}
