"""Pages as a table or a folder lists them, before they are checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from munseo._data.container.contained_file import ImageFile
from munseo._data.data_table import DataTable
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.image_finder import ImageFinder, nfc, printable, shown
from munseo._data.label_checks import one_hot_columns
from munseo._data.left_out import LeftOut
from munseo._data.page import Page
from munseo._data.source import Source
from munseo._errors import UserError
from munseo._locale import Remark

_NAMED = 5  # the number of images that a note names
MAX_NAME = 4096  # the most characters of an ID, as of a path on Linux; thousands of rows wait to be written together


@dataclass(frozen=True, slots=True)
class ClaimedPage:
    """One page as a table or a folder claims it; all pages of a data set are in this state at once."""

    file: Page | None  # the ID and the file; None if it was not found, which has been noted as a problem
    id: str
    label: str | None  # as written; None in a split without labels
    where: str  # where it is claimed, such as ``train.csv:17``
    label_folder: str | None  # the folder that is named after the class; None where the row claims the label
    problem: ImageProblem | None = None  # why its file was not found, where that is not an error

    @classmethod
    def at(
        cls,
        id: str,
        path: ImageFile | None,
        label: str | None,
        where: str,
        label_folder: str | None = None,
        problem: ImageProblem | None = None,
    ) -> ClaimedPage:
        """Make a page from its ID and its file, which takes less memory in a ``Page`` than as a path."""
        return cls(None if path is None else Page(id, path, None), id, label, where, label_folder, problem)

    @property
    def path(self) -> ImageFile | None:
        """The file of the page, or its place in an archive or table; None if it was not found."""
        return None if self.file is None else self.file.path

    @property
    def label_where(self) -> str:
        """Where the label is claimed: the row, or the folder that is named after the class."""
        return self.label_folder or f"{self.where}: {self.id}"


def claimed_in_table(
    table: DataTable,
    finder: ImageFinder,
    id_column: str,
    target_column: str | None,
    problems: list[str],
    keeps_missing: bool = False,
) -> list[ClaimedPage]:
    """Read the rows of a table; empty cells, and files that are not found, are added to ``problems``.

    Without a ``target_column`` the pages have no labels. If the caller ``keeps_missing`` files, they are pages with a
    ``problem`` instead. Where the table holds the images, nothing is looked up.
    """
    problems.extend(table.problems)
    try:
        id_column = table.column(id_column)
        target_column = _label_column(table, id_column, target_column) if target_column else None
        files = table.images[table.image_column(id_column)] if table.images else repeat(None)
        _refuse_unread(table, id_column, target_column)
    except UserError as error:
        problems.append(error.message)
        return []
    pages = []
    for row, file in zip(table.rows, files, strict=False):
        values, where = row.values, table.where(row)
        name = values[id_column]
        if not name:
            problems.append(f"{where}: the ID is empty")
            continue
        label = values[target_column] if target_column else None
        if label == "":
            problems.append(f"{where}: {name}: the label is empty")
        if len(name) > MAX_NAME:
            problems.append(f"{where}: {ImageProblem(ProblemCode.LONG_ID, most=MAX_NAME)}")
            continue
        path: ImageFile | None = file
        problem = None
        if path is None:
            try:
                path = finder.find(name)
            except UnreadableError as error:
                problem = error.problem
                if not keeps_missing:
                    problems.append(f"{where}: {name}: {error}")
        pages.append(ClaimedPage.at(nfc(name), path, label or None, where, problem=problem))
    if not table.rows and not table.problems:
        problems.append(f"{table.path.name}: has no rows below its header")
    return pages


def _label_column(table: DataTable, id_column: str, name: str) -> str:
    try:
        return table.column(name)
    except UserError:
        columns = one_hot_columns(table, id_column)
        if columns is None:
            raise
    raise UserError(f"{table.path.name}: there is no column {name!r}, {columns}")


def _refuse_unread(table: DataTable, id_column: str, target_column: str | None) -> None:
    for column in (id_column, target_column):
        if column in table.unread:
            raise UserError(
                f"{table.path.name}: column {column!r} holds bytes that are no image, or several images a row; a page "
                "is one image: write one a row, or files and their names"
            )


def claimed_in_class_folders(folders: Sequence[Path], walk: FolderWalk, problems: list[str]) -> list[ClaimedPage]:
    """List the pages of folders that are named after their class; IDs are paths below ``walk.bound``.

    A class of which over a tenth was left out, of what may be pages, is added to ``problems``.
    """
    pages = []
    for folder in folders:
        label, name = nfc(printable(folder.name)), shown(folder, walk.bound)
        own = FolderWalk(walk.bound, LeftOut(), walk.follow_links)
        found = [
            claimed
            for source in own.sources(str(folder), f"{name}/")
            if (claimed := _claimed(source, label, f"{name}/", problems)) is not None
        ]
        if loses_too_much(len(found), own.left_out.num_lost):
            lost, reasons = own.left_out.num_lost, "; ".join(own.left_out.notes)
            total = len(found) + lost
            problems.append(
                f"{name}/: {lost} of {total} files that may be pages would be left out, which is over a tenth of the "
                f"class ({reasons})"
            )
        pages += found
        walk.left_out.add_all(own.left_out)
    return pages


def loses_too_much(num_kept: int, num_lost: int) -> bool:
    """Return whether a class loses all or over a tenth of its pages."""
    return num_lost > (num_kept + num_lost) / 10


def claimed_in_folder(
    folder: Path, class_names: Iterable[str], walk: FolderWalk, problems: list[str]
) -> list[ClaimedPage]:
    """List the pages of a test folder; IDs are paths below it, and its first level may be named after classes."""
    known, pages = set(class_names), []
    for source in walk.sources(str(folder), ""):
        first, slash, _ = source.id.partition("/")
        label = first if slash and first in known else None
        claimed = _claimed(source, label, f"{folder.name}/{first}/", problems, f"{folder.name}/")
        if claimed is not None:
            pages.append(claimed)
    return pages


def _claimed(
    source: Source, label: str | None, label_folder: str, problems: list[str], prefix: str = ""
) -> ClaimedPage | None:
    """Return a page of a folder; None if it cannot be used, which is added to ``problems``."""
    where = f"{prefix}{source.id}"
    if source.problem is not None:
        problems.append(f"{where}: {source.problem}")
        return None
    return ClaimedPage.at(source.id, source.file, label, where, label_folder)


def note_unlisted(table: Path, claimed: Sequence[ClaimedPage], folder: Path) -> Iterator[str]:
    """Yield a note if a folder has images without a row in a sample submission: no submission will have a row for them.

    Args:
        table: The sample submission.
        claimed: Its rows; a row without an image is a problem, which has been noted.
        folder: The folder of the images.
    """
    folders: dict[Path, Path] = {}
    known = {
        folders.setdefault(page.file.folder, page.file.folder.resolve()) / page.file.name
        for page in claimed
        if page.file is not None
    }
    top = folder.resolve()
    found = (source for source in FolderWalk(top).sources(str(top), "") if source.problem is None)
    unlisted = [source.id for source in found if source.member is None and Path(source.path) not in known]
    if unlisted:
        names = ", ".join(unlisted[:_NAMED]) + (", …" if len(unlisted) > _NAMED else "")
        values = {"table": table.name, "rows": len(claimed), "count": len(unlisted), "names": names}
        yield str(Remark("data.images_without_row", {**values, "folder": folder.name}))


def report_repeats(splits: Sequence[tuple[str, Sequence[ClaimedPage]]], problems: list[str]) -> None:
    """Add a problem for every ID, and for every file under two IDs, that occurs twice within a split or in two."""
    ids: dict[str, tuple[str, ClaimedPage]] = {}
    files: dict[Path, dict[str, tuple[str, ClaimedPage]]] = {}  # by folder and name
    for split, pages in splits:
        for page in pages:
            claim = split, page
            earlier = ids.setdefault(page.id, claim)
            if earlier[1] is not page:
                is_same = earlier[0] == split
                what = "duplicate ID" if is_same else f"is in {earlier[0]} too"
                labels = _second_label(earlier[1].label, page.label) if is_same else ""
                problems.append(f"{page.where}: {page.id}: {what} (first at {earlier[1].where}){labels}")
            elif page.file is not None:
                earlier = files.setdefault(page.file.folder, {}).setdefault(page.file.name, claim)
                if earlier[1] is not page:
                    where = f"{earlier[1].id} ({earlier[1].where})"
                    problems.append(f"{page.where}: {page.id}: is the same file as {where}")


def _second_label(first: str | None, second: str | None) -> str:
    """Return what a problem adds where a page is claimed with two labels."""
    if first is None or second is None or first == second:
        return ""
    return f"; it is {first!r} there and {second!r} here, but a page has one class: keep one of the rows"
