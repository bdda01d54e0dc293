"""A page, and the set of pages that a run works on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from munseo._data.container.archive_bytes import ArchiveMember
from munseo._data.container.contained_file import ContainedFile, ImageFile
from munseo._data.image_error import ImageProblem


@dataclass(frozen=True, slots=True, init=False)
class Page:
    """One document image and what is known about it.

    A path takes three times the memory of everything else, and a run holds all of its pages at once. So the folder is
    stored once for all of its pages.
    """

    id: str  # as the table writes it, in Unicode's composed form (NFC)
    label: int | None  # index into ``PageSet.class_names``; None where it is not known
    folder: Path  # folder of the file ``name``, or the archive or table that it is in
    name: str
    member: ArchiveMember | None  # where it is in an archive or table; None for a file of its own

    def __init__(self, id: str, path: ImageFile, label: int | None) -> None:
        """Make a page from its ID, its file and its label."""
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "label", label)
        if isinstance(path, ContainedFile):
            object.__setattr__(self, "folder", shared(path.container))
            object.__setattr__(self, "name", path.member.name)
            object.__setattr__(self, "member", path.member)
            return
        object.__setattr__(self, "member", None)
        object.__setattr__(self, "folder", shared(path.parent))
        # A part of a path is kept in a table of Python for good. The ID mostly ends with the name and can share it.
        end = id.rpartition("/")[2]
        object.__setattr__(self, "name", end if path.name == end else path.name)

    def labelled(self, label: int | None) -> Page:
        """Return the page with a label: itself where it has none so far and gets none."""
        return self if label == self.label else Page(self.id, self.path, label)

    @property
    def path(self) -> ImageFile:
        """The file of the page, or its place in an archive or table."""
        if self.member is not None:
            return ContainedFile(self.folder, self.member)
        return joined(self.folder, self.name)


def joined(folder: Path, name: str) -> Path:
    """Return ``folder / name``, but without entering ``name`` into Python's table of the parts of paths for good."""
    return Path(os.path.join(folder, name))  # noqa: PTH118


@lru_cache(maxsize=1024)
def shared(folder: Path) -> Path:
    """Return the first of all paths that equal this one."""
    return folder


@dataclass(frozen=True)
class MissingPage:
    """A page that a table names and whose file was not found."""

    split: str  # ``train``, ``val`` or ``test``
    id: str
    label: int | None
    problem: ImageProblem


@dataclass(frozen=True)
class PageSet:
    """All pages of a data folder, in the order of its tables."""

    train: tuple[Page, ...]
    val: tuple[Page, ...] | None  # None if the train pages are to be split
    # The test pages in the order of the sample submission, if there is one; empty without a test split.
    test: tuple[Page, ...]
    class_names: tuple[str, ...]
    class_targets: tuple[str, ...]  # what a submission writes for each class, such as "0" to "16"
    tables: dict[str, Path]  # tables that were read: ``train``, ``val``, ``meta``, ``sample_submission``
    # What was done without asking, such as skipped files; it is printed and written into the report.
    notes: tuple[str, ...]
    missing: tuple[MissingPage, ...] = ()  # only where they were asked for; otherwise a missing file is an error
