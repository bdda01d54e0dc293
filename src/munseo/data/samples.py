"""What one step of training sees of one page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A page of the train part, or a numbered copy of it."""

    index: int
    """Position of the page in the train part."""
    copy: int = 0
    """0 is the page itself; 1, 2, … are its cutout copies, each cut differently."""
