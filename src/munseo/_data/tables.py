"""Tables as people make them: text of any editor and of Excel, JSON lines, and parquet. Every value is text."""

from __future__ import annotations

import csv
import difflib
import io
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from munseo._data.text_table import TextLayout, encoding_of, layout_of, rows_of_json
from munseo._errors import UserError

TABLE_EXTENSIONS = (".csv", ".tsv", ".txt", ".jsonl", ".parquet")  # the extensions of tables

OTHER_NAMES = {"ID": "file_name", "target": "label"}
"""What other tools call the columns that have these names here."""

MAX_BYTES = 2**28
"""Larger tables are refused before reading: all rows are held in memory, and two million of them fit in. The same limit
holds for what a parquet file unpacks to."""

_BATCH_ROWS = 256
"""The rows of a parquet file that are read at once; a value may be stored once and be megabytes in every row."""


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
class DataTable:
    """A table that was read."""

    path: Path
    columns: tuple[str, ...]
    rows: Sequence[TableRow]  # those that could be read; ``problems`` has messages about the others, with their lines
    encoding: str  # ``UTF-8``, ``UTF-16``, ``CP949`` or ``parquet``
    problems: tuple[str, ...]
    # How a text separates its columns, and whether it names them; None in a parquet file.
    layout: TextLayout | None = None

    def where(self, row: TableRow) -> str:
        """Return the name of a row for a message, such as ``train.csv:17``."""
        return f"{self.path.name}: row {row.line}" if self.encoding == "parquet" else f"{self.path.name}:{row.line}"

    def column(self, wanted: str) -> str:
        """Find a column by its name; upper and lower case may differ.

        ``file_name`` and ``label``, as in image folders of Hugging Face, are found under ``ID`` and ``target`` too.

        Raises:
            UserError: There is no such column; the message names the nearest one.
        """
        folded = {name.casefold(): name for name in reversed(self.columns)}
        if wanted in self.columns:
            return wanted
        if wanted.casefold() in folded:
            return folded[wanted.casefold()]
        if (other := OTHER_NAMES.get(wanted)) in self.columns:
            return other
        near = difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.5)
        hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
        line = "" if self.encoding == "parquet" else ":1"
        columns = ", ".join(map(repr, self.columns))
        raise UserError(f"{self.path.name}{line}: there is no column {wanted!r}{hint} (columns: {columns})")


def read_table(path: Path) -> DataTable:
    """Read a text whose columns are separated (UTF-8, UTF-16 or CP949; any line ends), JSON lines or a parquet file.

    Blank lines are skipped; spaces around values are removed. ``layout_of`` says how separator and header are found.

    Raises:
        UserError: The file is missing, has another format or encoding, has no header, or has a column twice. Rows that
            are too long or too short are not raised but listed in ``DataTable.problems``.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such table.")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: is larger than {MAX_BYTES:,} bytes; leave out what is not needed, or split it.")
    if data.startswith(b"PAR1"):
        return _read_parquet(path, data)
    if data.startswith(b"PK\x03\x04"):
        raise UserError(f"{path}: is an Excel workbook or another ZIP archive; save it as 'CSV UTF-8'.")
    encoding = encoding_of(path, io.BytesIO(data))
    text = data.decode(encoding.codec)
    layout = layout_of(io.StringIO(text, newline=""))
    if layout.is_json:
        return _read_json(path, text, encoding.name, layout)
    return _read_csv(path, text, encoding.name, layout)


def _read_json(path: Path, text: str, encoding: str, layout: TextLayout) -> DataTable:
    lines = list(rows_of_json(path, io.StringIO(text, newline="")))
    columns = tuple(dict.fromkeys(name for _, values in lines for name in values))
    rows = [TableRow(line, columns, tuple(values.get(name, "") for name in columns)) for line, values in lines]
    return DataTable(path, columns, tuple(rows), encoding, (), layout)


def _read_csv(path: Path, text: str, encoding: str, layout: TextLayout) -> DataTable:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator, strict=True)
    columns = layout.columns or ()
    rows = TableRows(columns)
    problems: list[str] = []
    line = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                if not columns:
                    columns = _checked_columns(path, cells)
                    rows = TableRows(columns)
                elif len(cells) == len(columns):
                    rows.append(line, cells)
                else:
                    problems.append(
                        f"{path.name}:{line}: has {len(cells)} values; the header has {len(columns)} columns"
                    )
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}:{line}: is not valid CSV ({error}); a quotation mark may be left open.") from None
    if not columns:
        raise UserError(f"{path}: is empty; its first line should name the columns.")
    return DataTable(path, columns, rows, encoding, tuple(problems), layout)


def _read_parquet(path: Path, data: bytes) -> DataTable:
    number = unpacked = 0
    try:
        with pq.ParquetFile(io.BytesIO(data)) as content:
            columns = _checked_columns(path, content.schema_arrow.names)
            rows = TableRows(columns)
            for batch in content.iter_batches(_BATCH_ROWS):
                # A kilobyte can hold gigabytes of one repeated value.
                unpacked += sum(map(_num_bytes, batch.columns))
                if unpacked > MAX_BYTES:
                    raise UserError(f"{path}: unpacks to more than {MAX_BYTES:,} bytes; leave out what is not needed.")
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    values = tuple("" if cell is None else str(cell).strip() for cell in cells)
                    if any(values):
                        rows.append(number, values)
    # ArrowInvalid is a ValueError, and so is a date beyond Python's own.
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, UserError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: is a damaged parquet file ({reason}); write it again.") from None
    return DataTable(path, columns, rows, "parquet", ())


def _num_bytes(column: pa.Array) -> int:
    """Return the bytes of a column with every value written out; a dictionary stores each value only once."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = column.dictionary
        if pa.types.is_primitive(values.type):
            return int(column.indices.nbytes)
        return int(pc.sum(pc.binary_length(values).take(column.indices)).as_py() or 0)
    if pa.types.is_map(kind):
        return _num_bytes(column.keys) + _num_bytes(column.items)
    if pa.types.is_struct(kind):
        return sum(map(_num_bytes, column.flatten()))
    return _num_bytes(column.flatten()) if pa.types.is_nested(kind) else int(column.nbytes)


def _checked_columns(path: Path, names: list[str]) -> tuple[str, ...]:
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise UserError(f"{path}:1: the header names a column twice: {', '.join(map(repr, doubled[:5]))}.")
    if not names:
        raise UserError(f"{path}: has no columns; write it again with an ID column.")
    return tuple(names)
