"""A table that was read: its columns, rows and images, and where each row is."""

from __future__ import annotations

import difflib
import hashlib
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from munseo._data.container.contained_file import ContainedFile
from munseo._data.text_table import TextLayout
from munseo._errors import UserError

OTHER_NAMES = {"ID": ("file_name",), "target": ("label", "cls")}
"""What other tools call the columns that have these names here."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table."""

    line: int  # the line in the text, whose header is line 1, or the number of the row in the parquet file
    # The columns of the table. All rows share them, because a dictionary a row would take three times the memory.
    columns: tuple[str, ...]
    cells: tuple[str, ...]  # values in the order of the columns

    @property
    def values(self) -> dict[str, str]:
        """The values by column."""
        return dict(zip(self.columns, self.cells, strict=True))


class TableRows(Sequence[TableRow]):
    """The rows of a table, made when they are asked for: as objects they would take twice the memory of their text."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._lines = array("q")
        self._cells: list[str] = []  # row after row

    def append(self, line: int, cells: Iterable[str]) -> None:
        """Add a row with as many cells as there are columns."""
        self._lines.append(line)
        self._cells.extend(cells)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> TableRow: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[TableRow]: ...

    def __getitem__(self, index: int | slice) -> TableRow | Sequence[TableRow]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        start = range(len(self))[index] * len(self._columns)
        return TableRow(self._lines[index], self._columns, tuple(self._cells[start : start + len(self._columns)]))


@dataclass(frozen=True)
class TableShard:
    """One of several files that are one table: its name, and the rows before its own."""

    name: str
    rows_before: int


@dataclass(frozen=True)
class DataTable:
    """A table that was read."""

    path: Path  # the file; a pattern for several files, and ``FILE#SHEET`` for a sheet of a workbook
    columns: tuple[str, ...]
    rows: Sequence[TableRow]  # those that could be read; ``problems`` has messages about the others, with their lines
    encoding: str  # ``UTF-8``, ``UTF-16``, ``CP949``, ``Excel``, ``parquet`` or ``archive``
    problems: tuple[str, ...]
    # How a text separates its columns, and whether it names them; None for anything but a text.
    layout: TextLayout | None = None
    # The pages that the table itself holds, by the column whose cells are their IDs: one for each row.
    images: Mapping[str, Sequence[ContainedFile]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()  # columns whose values are no text, and which were not read
    files: tuple[TableShard, ...] = ()  # the files of a table that is in several
    notes: tuple[str, ...] = ()  # what was left out, and how names were read

    def where(self, row: TableRow) -> str:
        """Return the name of a row for a message, such as ``train.csv:17``."""
        name, number = self.path.name, row.line
        if self.files:
            index = bisect_right([file.rows_before for file in self.files], number - 1) - 1
            name, number = self.files[index].name, number - self.files[index].rows_before
        if self.encoding == "archive":
            return f"{name}: sample {number}"
        return f"{name}:{number}" if self.layout is not None else f"{name}: row {number}"

    def column(self, wanted: str) -> str:
        """Find a column by its name; upper and lower case may differ.

        ``file_name`` and ``label``, as in image folders of Hugging Face, and ``cls``, as in WebDataset, are found under
        ``ID`` and ``target`` too. So is the column of the images that the table holds, under ``ID``.

        Raises:
            UserError: There is no such column; the message names the nearest one.
        """
        folded = {name.casefold(): name for name in reversed(self.columns)}
        if wanted in self.columns:
            return wanted
        if wanted.casefold() in folded:
            return folded[wanted.casefold()]
        images = [self.image_column(wanted)] if wanted == "ID" and self.images else []
        for other in (*OTHER_NAMES.get(wanted, ()), *images):
            if other in self.columns:
                return other
        near = difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.5)
        hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
        line = ":1" if self.layout is not None else ""
        columns = ", ".join(map(repr, self.columns))
        raise UserError(f"{self.path.name}{line}: there is no column {wanted!r}{hint} (columns: {columns})")

    def image_column(self, id_column: str) -> str:
        """Return the column of the images that the table holds: that of the IDs, or the only one.

        Raises:
            UserError: It has several, and the IDs are in none of them.
        """
        if id_column in self.images:
            return id_column
        if len(self.images) > 1:
            names = ", ".join(map(repr, self.images))
            raise UserError(f"{self.path.name}: has images in several columns ({names}); name one as id_column")
        return next(iter(self.images))

    def sha256(self) -> str:
        """Return the SHA-256 of the file; where it holds images, or is in several, that of the cells.

        The images have digests of their own, and may be more than anyone wants to read twice.
        """
        if not self.images and not self.files:
            file, _ = file_and_sheet(self.path)
            with file.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        total = hashlib.sha256(repr(self.columns).encode())
        for row in self.rows:
            total.update(repr(row.cells).encode())
        return total.hexdigest()


def id_column_of(table: DataTable) -> str:
    """Return the column that names the pages, where nobody says which.

    It is ``ID`` or ``file_name``, that of the images that the table holds, or the first one.
    """
    try:
        return table.column("ID")
    except UserError:
        return table.columns[0]


def file_and_sheet(path: Path) -> tuple[Path, str | None]:
    """Return the file that ``FILE#SHEET`` means, and the sheet; a file that has this very name comes first."""
    name, mark, sheet = path.name.rpartition("#")
    if not mark or path.is_file():
        return path, None
    return path.with_name(name), sheet


def checked_columns(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table.

    Raises:
        UserError: There is none, or a name occurs twice.
    """
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise UserError(f"{path}:1: the header names a column twice: {', '.join(map(repr, doubled[:5]))}.")
    if not names:
        raise UserError(f"{path}: has no columns; write it again with an ID column.")
    return tuple(names)
