"""A page, and the set of pages that a run works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Page:
    """One document image and what is known of it."""

    id: str
    """As the table writes it, in Unicode's composed form (NFC)."""
    path: Path
    label: int | None
    """Index into ``PageSet.class_names``; None where it is not known."""


@dataclass(frozen=True)
class PageSet:
    """All pages of a data folder, in the order of its tables."""

    train: tuple[Page, ...]
    val: tuple[Page, ...] | None
    """The fixed validation part, or None where the train part is to be split."""
    test: tuple[Page, ...]
    """In the order of the sample submission where there is one; empty where there is no test part."""
    class_names: tuple[str, ...]
    class_targets: tuple[str, ...]
    """What a submission writes for each class, such as "0" to "16"."""
    tables: dict[str, Path]
    """The tables that were read: ``train``, ``val``, ``meta``, ``sample_submission``."""
    notes: tuple[str, ...]
    """What was done without asking, such as files left out; to be said and to stand in the report."""
