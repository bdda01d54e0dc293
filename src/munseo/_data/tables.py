"""Tables as people make them: CSV from any editor or from Korean Excel, and parquet. Every value is text."""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from munseo._errors import UserError

TABLE_EXTENSIONS = (".csv", ".parquet")  # the extensions of tables

MAX_BYTES = 2**28
"""Larger tables are refused before reading: all rows are held in memory, and two million of them fit in. The same limit
holds for what a parquet file unpacks to."""

_BATCH_ROWS = 256
"""The rows of a parquet file that are read at once; a value may be stored once and be megabytes in every row."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table."""

    line: int  # the line in the CSV, whose header is line 1, or the number of the row in the parquet file
    # The columns of the table. All rows share them, because a dictionary a row would take three times the memory.
    columns: tuple[str, ...]
    cells: tuple[str, ...]  # values in the order of the columns

    @property
    def values(self) -> dict[str, str]:
        """The values by column."""
        return dict(zip(self.columns, self.cells, strict=True))


@dataclass(frozen=True)
class DataTable:
    """A table that was read."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]  # those that could be read; ``problems`` has messages about the others, with their lines
    encoding: str  # ``UTF-8``, ``CP949`` or ``parquet``
    problems: tuple[str, ...]

    def where(self, row: TableRow) -> str:
        """Return the name of a row for a message, such as ``train.csv:17``."""
        return f"{self.path.name}: row {row.line}" if self.encoding == "parquet" else f"{self.path.name}:{row.line}"

    def column(self, wanted: str) -> str:
        """Find a column by its name; upper and lower case may differ.

        Raises:
            UserError: There is no such column; the message names the nearest one.
        """
        folded = {name.casefold(): name for name in reversed(self.columns)}
        if wanted in self.columns:
            return wanted
        if wanted.casefold() in folded:
            return folded[wanted.casefold()]
        near = difflib.get_close_matches(wanted.casefold(), folded, n=1, cutoff=0.5)
        hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
        line = "" if self.encoding == "parquet" else ":1"
        columns = ", ".join(map(repr, self.columns))
        raise UserError(f"{self.path.name}{line}: there is no column {wanted!r}{hint} (columns: {columns})")


def read_table(path: Path) -> DataTable:
    """Read a CSV (UTF-8 with or without BOM, or CP949; any line ends) or a parquet file.

    Blank lines are skipped; spaces around values are removed.

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
    text, encoding = _decode(path, data)
    return _read_csv(path, text, encoding)


def _decode(path: Path, data: bytes) -> tuple[str, str]:
    for codec, encoding in (("utf-8-sig", "UTF-8"), ("cp949", "CP949")):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise UserError(f"{path}: is neither UTF-8 nor CP949 text; save it as 'CSV UTF-8'.")


def _read_csv(path: Path, text: str, encoding: str) -> DataTable:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: tuple[str, ...] = ()
    rows: list[TableRow] = []
    problems: list[str] = []
    line = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                if not columns:
                    columns = _checked_columns(path, cells)
                elif len(cells) == len(columns):
                    rows.append(TableRow(line, columns, tuple(cells)))
                else:
                    problems.append(
                        f"{path.name}:{line}: has {len(cells)} values; the header has {len(columns)} columns"
                    )
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}:{line}: is not valid CSV ({error}); a quotation mark may be left open.") from None
    if not columns:
        raise UserError(f"{path}: is empty; its first line should name the columns.")
    return DataTable(path, columns, tuple(rows), encoding, tuple(problems))


def _read_parquet(path: Path, data: bytes) -> DataTable:
    rows: list[TableRow] = []
    number = unpacked = 0
    try:
        with pq.ParquetFile(io.BytesIO(data)) as content:
            columns = _checked_columns(path, content.schema_arrow.names)
            for batch in content.iter_batches(_BATCH_ROWS):
                # A kilobyte can hold gigabytes of one repeated value.
                unpacked += sum(map(_num_bytes, batch.columns))
                if unpacked > MAX_BYTES:
                    raise UserError(f"{path}: unpacks to more than {MAX_BYTES:,} bytes; leave out what is not needed.")
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    values = tuple("" if cell is None else str(cell).strip() for cell in cells)
                    if any(values):
                        rows.append(TableRow(number, columns, values))
    # ArrowInvalid is a ValueError, and so is a date beyond Python's own.
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, UserError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: is a damaged parquet file ({reason}); write it again.") from None
    return DataTable(path, columns, tuple(rows), "parquet", ())


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
