"""Pages to predict, from whatever people have at hand: folders, images, PDFs, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from munseo._data.claimed_pages import ClaimedPage, claimed_in_table, report_repeats
from munseo._data.image_finder import ImageFinder, list_images, nfc, shown
from munseo._data.page import Page
from munseo._data.tables import read_table
from munseo._errors import UserError

SAMPLE = "sample_submission.csv"
TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class InputPages:
    """Pages to predict.

    Attributes:
        pages: In the order of the sample submission, of the table, or of the names.
        sample: The sample submission whose IDs and order the output has to keep, if there is one.
        notes: What was left out.
    """

    pages: tuple[Page, ...]
    sample: Path | None
    notes: tuple[str, ...]


def find_pages(inputs: Sequence[Path], id_column: str | None = None) -> InputPages:
    """Find the pages that some paths mean.

    A folder means its images, subfolders too; where a ``sample_submission.csv`` lies in it, or beside a folder called
    ``test``, it means the pages of that table. A table means its rows; their images lie in ``test/``, ``train/`` or
    beside the table. Labels are not read.

    Raises:
        UserError: Nothing is there, or names are not found: all of them in one message.
    """
    sample = _sample_for(inputs[0]) if len(inputs) == 1 else None
    entries: list[ClaimedPage] = []
    problems: list[str] = []
    left_out: list[str] = []
    for path in inputs if sample is None else [sample]:
        if path.is_dir():
            entries += _pages_of_folder(path, left_out, problems)
        elif path.suffix.lower() in TABLES and path.is_file():
            entries += _pages_of_table(path, inputs[0] if sample else None, id_column, problems)
        elif path.is_file():
            entries.append(ClaimedPage(nfc(path.name), path, None, str(path), str(path)))
        else:
            problems.append(f"{path}: there is no such file or folder")
    report_repeats([("inputs", entries)], problems)
    if problems:
        raise UserError(f"{len(problems)} of the pages to predict cannot be used; correct these names:", problems)
    if not entries:
        raise UserError(f"{', '.join(map(str, inputs))}: no images there.")
    pages = tuple(Page(entry.id, entry.path, None) for entry in entries if entry.path is not None)
    notes = (f"left out, as no image files: {', '.join(sorted(left_out)[:5])} ({len(left_out)})",) if left_out else ()
    return InputPages(pages, sample, notes)


def _sample_for(path: Path) -> Path | None:
    """The sample submission that belongs to a folder, or the path itself if it is one."""
    if path.name == SAMPLE and path.is_file():
        return path
    if path.is_dir():
        if (path / SAMPLE).is_file():
            return path / SAMPLE
        beside = path.resolve().parent / SAMPLE
        if path.resolve().name == "test" and beside.is_file():
            return beside
    return None


def _pages_of_folder(folder: Path, left_out: list[str], problems: list[str]) -> list[ClaimedPage]:
    found = list_images(folder, folder, left_out, problems)
    names = ((shown(path, folder), path) for path in found)
    return [ClaimedPage(name, path, None, str(path), str(path)) for name, path in names]


def _pages_of_table(table: Path, given: Path | None, id_column: str | None, problems: list[str]) -> list[ClaimedPage]:
    home = table.resolve().parent
    near = [given.resolve()] if given is not None and given.is_dir() and given.resolve() != home else []
    folders = [*near, *(home / name for name in ("test", "train") if (home / name).is_dir()), home]
    read = read_table(table)
    column = id_column or next((name for name in read.columns if name.casefold() == "id"), read.columns[0])
    return claimed_in_table(read, ImageFinder(folders, home), column, None, problems)
