"""Pages as a table or a folder lists them, before they are checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from munseo._data.image_error import ImageProblem, UnreadableError
from munseo._data.image_finder import ImageFinder, list_images, nfc, printable, shown
from munseo._data.label_checks import one_hot_columns
from munseo._data.page import Page
from munseo._data.tables import DataTable
from munseo._errors import UserError
from munseo._locale import Remark

_NAMED = 5  # the number of images that a note names


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
        path: Path | None,
        label: str | None,
        where: str,
        label_folder: str | None = None,
        problem: ImageProblem | None = None,
    ) -> ClaimedPage:
        """Make a page from its ID and its file, which takes less memory in a ``Page`` than as a path."""
        return cls(None if path is None else Page(id, path, None), id, label, where, label_folder, problem)

    @property
    def path(self) -> Path | None:
        """The file of the page; None if it was not found."""
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
    ``problem`` instead.
    """
    problems.extend(table.problems)
    try:
        id_column = table.column(id_column)
        target_column = _label_column(table, id_column, target_column) if target_column else None
    except UserError as error:
        problems.append(error.message)
        return []
    pages = []
    for row in table.rows:
        values, where = row.values, table.where(row)
        name = values[id_column]
        if not name:
            problems.append(f"{where}: the ID is empty")
            continue
        label = values[target_column] if target_column else None
        if label == "":
            problems.append(f"{where}: {name}: the label is empty")
        path = problem = None
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


def claimed_in_class_folders(
    folders: Sequence[Path], data_dir: Path, left_out: list[str], problems: list[str]
) -> list[ClaimedPage]:
    """List the images of folders that are named after their class; IDs are paths below ``data_dir``."""
    return [
        ClaimedPage.at(
            name := shown(path, data_dir), path, nfc(printable(folder.name)), name, f"{shown(folder, data_dir)}/"
        )
        for folder in folders
        for path in list_images(folder, data_dir, left_out, problems)
    ]


def claimed_in_folder(
    folder: Path, class_names: Iterable[str], left_out: list[str], problems: list[str]
) -> list[ClaimedPage]:
    """List the images of a test folder; IDs are paths below it, and its first level may be named after classes."""
    known, pages = set(class_names), []
    for path in list_images(folder, folder, left_out, problems):
        name = shown(path, folder)
        first, slash, _ = name.partition("/")
        label = first if slash and first in known else None
        pages.append(ClaimedPage.at(name, path, label, f"{folder.name}/{name}", f"{folder.name}/{first}/"))
    return pages


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
    unlisted = [shown(path, top) for path in list_images(top, top, [], []) if path not in known]
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
