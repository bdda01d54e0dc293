"""A page, and the set of pages that a run works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True, init=False)
class Page:
    """One document image and what is known of it.

    A path takes three times the memory of all the rest, and the pages of an archive are held all at once: the folder is
    kept once for all of its pages.
    """

    id: str
    """As the table writes it, in Unicode's composed form (NFC)."""
    label: int | None
    """Index into ``PageSet.class_names``; None where it is not known."""
    folder: Path
    name: str
    """Of the file in its folder."""

    def __init__(self, id: str, path: Path, label: int | None) -> None:
        """Know a page by its ID, its file and its label."""
        name = path.name
        for field, value in (
            ("id", id),
            ("label", label),
            ("folder", _one_for_all(path.parent)),
            ("name", id if name == id else name),
        ):
            object.__setattr__(self, field, value)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / self.name


@lru_cache(maxsize=1024)
def _one_for_all(folder: Path) -> Path:
    """The first of equal paths."""
    return folder


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
