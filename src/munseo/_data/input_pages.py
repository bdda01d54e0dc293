"""The pages that folders, images, PDFs and tables on the command line mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from munseo._data.claimed_pages import ClaimedPage, claimed_in_table, note_unlisted, report_repeats
from munseo._data.image_finder import ImageFinder, list_images, nfc, shown
from munseo._data.page import Page
from munseo._data.tables import TABLE_EXTENSIONS, read_table
from munseo._errors import UserError

SAMPLE = "sample_submission.csv"  # the name of a sample submission


@dataclass(frozen=True)
class InputPages:
    """Pages to predict, in the order of the sample submission, of the table, or of the names.

    If there is a sample submission, the output must keep its IDs and its order.
    """

    pages: tuple[Page, ...]
    sample: Path | None
    notes: tuple[str, ...]


def find_pages(inputs: Sequence[Path], id_column: str | None = None) -> InputPages:
    """Find the pages that some paths mean.

    A folder means its images, including those of subfolders; if a ``sample_submission.csv`` is in it, or next to a
    folder called ``test``, it means the pages of that table. A table means its rows; their images are in ``test/``,
    ``train/`` or next to the table. Labels are not read.

    Raises:
        UserError: There are no images, or names are not found: all of them in one message.
    """
    sample = sample_submission_for(inputs)
    claimed: list[ClaimedPage] = []
    problems: list[str] = []
    left_out: list[str] = []
    for path in inputs if sample is None else [sample]:
        if path.is_dir():
            files = list_images(path, path, left_out, problems)
            claimed += [ClaimedPage.at(shown(file, path), file, None, str(file)) for file in files]
        elif path.suffix.lower() in TABLE_EXTENSIONS and path.is_file():
            claimed += _pages_of_table(path, inputs[0] if sample else None, id_column, problems)
        elif path.is_file():
            claimed.append(ClaimedPage.at(nfc(path.name), path, None, str(path)))
        else:
            problems.append(f"{path}: there is no such file or folder")
    report_repeats([("inputs", claimed)], problems)
    if problems:
        raise UserError(f"{len(problems)} of the pages to predict cannot be used; correct these names:", problems)
    if not claimed:
        raise UserError(f"{', '.join(map(str, inputs))}: no images there.")
    pages = tuple(page.file for page in claimed if page.file is not None)
    unlisted = note_unlisted(sample, claimed, folder) if sample and (folder := _images_of(sample, inputs[0])) else ()
    notes = (f"left out, as no image files: {', '.join(sorted(left_out)[:5])} ({len(left_out)})",) if left_out else ()
    return InputPages(pages, sample, (*notes, *unlisted))


def sample_submission_for(inputs: Sequence[Path]) -> Path | None:
    """Return the sample submission that a single input is, or that belongs to the folder that it is."""
    if len(inputs) != 1:
        return None
    path = inputs[0]
    if path.name == SAMPLE and path.is_file():
        return path
    if path.is_dir():
        if (path / SAMPLE).is_file():
            return path / SAMPLE
        sibling = path.resolve().parent / SAMPLE
        if path.resolve().name == "test" and sibling.is_file():
            return sibling
    return None


def _images_of(sample: Path, given: Path) -> Path | None:
    """Return the folder whose images a sample submission should list; None where train images lie among them."""
    home = sample.resolve().parent
    if given.is_dir() and given.resolve() != home:
        return given
    if (home / "test").is_dir():
        return home / "test"
    return None if (home / "train").is_dir() else home


def _pages_of_table(table: Path, given: Path | None, id_column: str | None, problems: list[str]) -> list[ClaimedPage]:
    home = table.resolve().parent
    near = [given.resolve()] if given is not None and given.is_dir() and given.resolve() != home else []
    folders = [*near, *(home / name for name in ("test", "train") if (home / name).is_dir()), home]
    read = read_table(table)
    column = id_column or next((name for name in read.columns if name.casefold() == "id"), read.columns[0])
    return claimed_in_table(read, ImageFinder(folders, home), column, None, problems)
