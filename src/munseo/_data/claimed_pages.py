"""What a table or a folder says about pages, before it is known whether all of it is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from munseo._data.image_error import UnreadableError
from munseo._data.image_finder import ImageFinder, list_images, nfc, printable, shown
from munseo._data.tables import DataTable
from munseo._errors import UserError


@dataclass(frozen=True, slots=True)
class ClaimedPage:
    """One page as claimed."""

    id: str
    path: Path | None
    """None where the file was not found, which has been noted as a problem."""
    label: str | None
    """As written; None in a part without labels."""
    where: str
    """Where it is claimed, such as ``train.csv:17``."""
    label_where: str
    """Where the label is claimed: the row, or the folder that is named after the class."""


def claimed_in_table(
    table: DataTable, finder: ImageFinder, id_column: str, target_column: str | None, problems: list[str]
) -> list[ClaimedPage]:
    """Read the rows of a table; empty cells, and files that are not found, are added to ``problems``.

    Args:
        table: The rows.
        finder: Where their images are.
        id_column: The column with the file names.
        target_column: The column with the labels, or None for a part without.
        problems: Gets one line for each thing that is wrong.
    """
    problems.extend(table.problems)
    try:
        id_column = table.column(id_column)
        target_column = table.column(target_column) if target_column else None
    except UserError as error:
        problems.append(error.message)
        return []
    entries = []
    for row in table.rows:
        values = row.values
        where, name = table.where(row), values[id_column]
        if not name:
            problems.append(f"{where}: the ID is empty")
            continue
        label = values[target_column] if target_column else None
        if label == "":
            problems.append(f"{where}: {name}: the label is empty")
        path = None
        try:
            path = finder.find(name)
        except UnreadableError as error:
            problems.append(f"{where}: {name}: {error}")
        entries.append(ClaimedPage(nfc(name), path, label or None, where, f"{where}: {nfc(name)}"))
    if not table.rows and not table.problems:
        problems.append(f"{table.path.name}: has no rows below its header")
    return entries


def claimed_in_class_folders(
    folders: Sequence[Path], data_dir: Path, left_out: list[str], problems: list[str]
) -> list[ClaimedPage]:
    """List the images of folders that are named after their class; IDs are paths below ``data_dir``."""
    entries = []
    for folder in folders:
        for path in list_images(folder, data_dir, left_out, problems):
            name = shown(path, data_dir)
            entries.append(ClaimedPage(name, path, nfc(printable(folder.name)), name, f"{shown(folder, data_dir)}/"))
    return entries


def claimed_in_folder(
    folder: Path, class_names: Iterable[str], left_out: list[str], problems: list[str]
) -> list[ClaimedPage]:
    """List the images of a test folder; IDs are paths below it, and its first level may be named after classes."""
    known = set(class_names)
    entries = []
    for path in list_images(folder, folder, left_out, problems):
        name = shown(path, folder)
        first, slash, _ = name.partition("/")
        label = first if slash and first in known else None
        entries.append(ClaimedPage(name, path, label, f"{folder.name}/{name}", f"{folder.name}/{first}/"))
    return entries


def report_repeats(parts: Sequence[tuple[str, Sequence[ClaimedPage]]], problems: list[str]) -> None:
    """Add IDs, and files under two IDs, that occur twice within a part or in two parts."""
    ids: dict[str, tuple[str, ClaimedPage]] = {}
    paths: dict[Path, tuple[str, ClaimedPage]] = {}
    for part, entries in parts:
        for entry in entries:
            earlier = ids.setdefault(entry.id, (part, entry))
            if earlier[1] is not entry:
                what = "duplicate ID" if earlier[0] == part else f"is in {earlier[0]} too"
                problems.append(f"{entry.where}: {entry.id}: {what} (first at {earlier[1].where})")
            elif entry.path is not None:
                earlier = paths.setdefault(entry.path, (part, entry))
                if earlier[1] is not entry:
                    where = f"{earlier[1].id} ({earlier[1].where})"
                    problems.append(f"{entry.where}: {entry.id}: is the same file as {where}")
