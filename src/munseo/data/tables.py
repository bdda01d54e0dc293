"""Tables as people make them: CSV from any editor or Korean Excel, and parquet. Every value is text."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from munseo.errors import UserError


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the CSV (the header is line 1) or its number in the parquet file, and its values."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table that was read."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    encoding: str
    """``UTF-8``, ``CP949`` or ``parquet``."""
    problems: tuple[str, ...]
    """Rows that could not be read, with their lines; they are not among ``rows``."""

    def where(self, row: Row) -> str:
        """Name a row for a message, such as ``train.csv:17``."""
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


def read_table(path: Path) -> Table:
    """Read a CSV (UTF-8 with or without BOM, or CP949; any line ends) or a parquet file.

    Blank lines are left out; spaces around values are taken off.

    Raises:
        UserError: It is missing, of another format or encoding, without a header, or with a column twice. Single
            rows that are too long or too short are not raised but listed in ``Table.problems``.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such table.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
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


def _read_csv(path: Path, text: str, encoding: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    problems: list[str] = []
    line = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                if not columns:
                    columns = _checked_columns(path, cells)
                elif len(cells) == len(columns):
                    rows.append(Row(line, dict(zip(columns, cells, strict=True))))
                else:
                    problems.append(
                        f"{path.name}:{line}: has {len(cells)} values; the header has {len(columns)} columns"
                    )
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}:{line}: is not valid CSV ({error}); a quotation mark may be left open.") from None
    if not columns:
        raise UserError(f"{path}: is empty; its first line should name the columns.")
    return Table(path, columns, tuple(rows), encoding, tuple(problems))


def _read_parquet(path: Path, data: bytes) -> Table:
    try:
        content = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: is a damaged parquet file ({str(error).splitlines()[0]}).") from None
    columns = _checked_columns(path, content.column_names)
    values = [[_text(value) for value in column.to_pylist()] for column in content.columns]
    rows = (
        Row(number, dict(zip(columns, row, strict=True))) for number, row in enumerate(zip(*values, strict=True), 1)
    )
    return Table(path, columns, tuple(row for row in rows if any(row.values.values())), "parquet", ())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _checked_columns(path: Path, names: list[str]) -> tuple[str, ...]:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise UserError(f"{path}:1: the header names a column twice: {', '.join(map(repr, doubled))}.")
    return tuple(names)
