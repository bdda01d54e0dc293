"""The pages that folders, images, PDFs and tables on the command line mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from munseo._data.claimed_pages import ClaimedPage, claimed_in_table, note_unlisted, report_repeats
from munseo._data.container.archives import is_archive, list_archive
from munseo._data.data_table import id_column_of
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_finder import ImageFinder, nfc
from munseo._data.left_out import LeftOut
from munseo._data.page import Page
from munseo._data.source import Source, as_id
from munseo._data.tables import is_table, read_table, table_files
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


def find_pages(inputs: Sequence[Path], id_column: str | None = None, follow_links: bool = False) -> InputPages:
    """Find the pages that some paths mean.

    A folder means its images, including those of subfolders and archives; an archive means the images in it. If a
    ``sample_submission.csv`` is in a folder, or next to a folder called ``test``, the folder means the pages of that
    table. A table means its rows; their images are in ``test/``, ``train/`` or next to the table, or in the table
    itself. Labels are not read. Links that leave a folder are problems, unless they are followed.

    Raises:
        UserError: There are no images, or names are not found: all of them in one message.
    """
    sample = sample_submission_for(inputs)
    claimed: list[ClaimedPage] = []
    problems: list[str] = []
    notes: list[str] = []
    left_out = LeftOut()
    for path in inputs if sample is None else [sample]:
        if path.is_dir():
            sources = FolderWalk(path, left_out, follow_links).sources(str(path), "")
            claimed += _pages_of_sources(sources, problems)
        elif is_table(path) and table_files(path):
            read = read_table(path)
            notes += read.notes
            finder = _finder(path, inputs[0] if sample else None, follow_links)
            claimed += claimed_in_table(read, finder, id_column or id_column_of(read), None, problems)
        elif is_archive(path.name) and path.is_file():
            claimed += _pages_of_sources(list_archive(str(path), as_id(path.name), left_out), problems)
        elif path.is_file():
            claimed.append(ClaimedPage.at(nfc(path.name), path, None, str(path)))
        else:
            problems.append(f"{path}: there is no such file or folder")
    report_repeats([("inputs", claimed)], problems)
    if problems:
        raise UserError(f"{len(problems)} of the pages to predict cannot be used; correct these names:", problems)
    if not claimed:
        raise UserError(f"{', '.join(map(str, inputs))}: no images there.", list(left_out.notes))
    pages = tuple(page.file for page in claimed if page.file is not None)
    unlisted = note_unlisted(sample, claimed, folder) if sample and (folder := _images_of(sample, inputs[0])) else ()
    return InputPages(pages, sample, (*notes, *left_out.notes, *unlisted))


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


def _pages_of_sources(sources: Iterable[Source], problems: list[str]) -> Iterator[ClaimedPage]:
    for source in sources:
        if source.problem is not None:
            problems.append(f"{source.id}: {source.problem}")
        else:
            yield ClaimedPage.at(source.id, source.file, None, source.where)


def _finder(table: Path, given: Path | None, follow_links: bool) -> ImageFinder:
    home = table.resolve().parent
    near = [given.resolve()] if given is not None and given.is_dir() and given.resolve() != home else []
    folders = [*near, *(home / name for name in ("test", "train") if (home / name).is_dir()), home]
    return ImageFinder(folders, home, follow_links)
