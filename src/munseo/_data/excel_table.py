"""Excel workbooks as tables: every cell as the text that people see, so that IDs keep their leading zeros.

Read with openpyxl, row by row: it knows the format of a cell, so that a 7 that is shown as 007 is "007", and a cell in
the last column of the last row costs no memory. pandas would read classes such as "None" and "NA" as missing.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, time
from pathlib import Path
from typing import Any

from munseo._data.data_table import DataTable, TableRows, checked_columns, file_and_sheet
from munseo._data.text_table import columns_without_header
from munseo._errors import UserError

WORKBOOK_EXTENSIONS = (".xlsx", ".xlsm")

MAX_UNPACKED_BYTES = 2**28  # what all parts of a workbook may unpack to
_MAX_PARTS = 10_000
_CHUNK = 2**16
_MOST_DIGITS = 15  # Excel keeps no more of a number
_PADDED = re.compile(r'(?:"([^"]*)")?(0+)(?:"([^"]*)")?')
"""A number format that shows leading zeros, such as ``00000``, perhaps with fixed text around it."""


def is_workbook(path: Path) -> bool:
    """Return whether a ZIP archive is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist() or "[Content_Types].xml" in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def read_excel_table(path: Path) -> DataTable:
    """Read a sheet of a workbook: the first one, or the one that ``FILE#SHEET`` names.

    The first row that is not empty names the columns. Rows and columns that are hidden are read as well; of merged
    cells the first has the value; of a formula the value is read that Excel stored.

    Raises:
        UserError: The workbook is damaged, unpacks to too much, or has no such sheet or no header.
    """
    file, sheet = file_and_sheet(path)
    _check_parts(file)
    # openpyxl would warn of every extension of the format that it does not know.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(path, file, sheet)
        except UserError:
            raise
        # KeyError, ValueError, BadZipFile, ParseError and others, by what is damaged.
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise UserError(f"{path}: is a damaged Excel workbook ({reason}); save it again in Excel.") from None


def _read(path: Path, file: Path, sheet: str | None) -> DataTable:
    # Imported here: it takes 0.1 s, and most tables are texts.
    import openpyxl

    with file.open("rb") as stream, closing(openpyxl.load_workbook(stream, read_only=True, data_only=True)) as book:
        names = [one.title for one in book.worksheets]
        if sheet is not None and sheet not in names:
            listed = ", ".join(map(repr, names))
            raise UserError(f"{path}: there is no sheet {sheet!r} (sheets: {listed}).")
        if not names:
            raise UserError(f"{path}: has no sheet with cells.")
        content = book[sheet or names[0]]
        # The size that a sheet claims is only a claim.
        content.reset_dimensions()
        first = next(((number, cells) for number, cells in _rows(content) if any(cells)), None)
        if first is None:
            raise UserError(f"{path}: is empty; its first row should name the columns.")
        header, named = first[1], columns_without_header(first[1])
        while not header[-1]:
            header.pop()
        columns = named or checked_columns(path, header)
        rows, problems = TableRows(columns), list[str]()
        for number, cells in _rows(content, len(columns) + 1, problems, path.name):
            if (number <= first[0] and not named) or not any(cells):
                continue
            if any(cells[len(columns) :]):
                most = len(columns)
                problems.append(f"{path.name}: row {number}: has a value beyond the {most} columns of the header")
            else:
                rows.append(number, [*cells, *[""] * len(columns)][: len(columns)])
    return DataTable(path, columns, rows, "Excel", tuple(problems))


def _rows(
    content: Any, max_column: int | None = None, problems: list[str] | None = None, name: str = ""
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row, from 1, and its cells as text."""
    for number, cells in enumerate(content.iter_rows(max_col=max_column), 1):
        texts = []
        for cell in cells:
            text, problem = _text(cell)
            texts.append(text)
            if problem and problems is not None:
                problems.append(f"{name}: row {number}: {problem}")
        yield number, texts


def _text(cell: Any) -> tuple[str, str | None]:
    """Return the text that a cell shows, and what is wrong with it."""
    value = cell.value
    if value is None:
        return "", None
    if cell.data_type == "e":
        return str(value), f"holds the error {value} of Excel"
    if isinstance(value, bool):
        return str(value).upper(), None
    if isinstance(value, int | float):
        return _text_of_number(value, cell.number_format or "")
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat(), None
    return str(value).strip(), None


def _text_of_number(value: float, number_format: str) -> tuple[str, str | None]:
    if value != value or abs(value) >= 10**_MOST_DIGITS:
        text = f"{value:.0f}"
        return (
            text,
            f"the number {text} has over {_MOST_DIGITS} digits, of which Excel keeps no more; write it as text",
        )
    if value != int(value):
        return repr(value), None
    padded = _PADDED.fullmatch(number_format)
    if padded and value >= 0:
        return f"{padded[1] or ''}{int(value):0{len(padded[2])}d}{padded[3] or ''}", None
    return str(int(value)), None


def _check_parts(file: Path) -> None:
    """Refuse a workbook by what it really unpacks to, before anything of it is parsed; its sizes are only claims."""
    left = MAX_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(file) as archive, file.open("rb") as stream:
            parts = archive.infolist()
            if len(parts) > _MAX_PARTS:
                count = len(parts)
                raise UserError(f"{file}: is no table: it has {count:,} parts.")
            if any(part.flag_bits & 1 for part in parts):
                raise UserError(f"{file}: has a password; save it without one.")
            for part in parts:
                left -= _unpacked_size(stream, part, left)
                if left < 0:
                    raise UserError(
                        f"{file}: unpacks to more than {MAX_UNPACKED_BYTES:,} bytes; leave out what is not needed, or "
                        "save it as CSV."
                    )
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, zlib.error) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file}: is a damaged Excel workbook ({error}); save it again in Excel.") from None


def _unpacked_size(stream: Any, part: zipfile.ZipInfo, most: int) -> int:
    """Return the bytes that a part unpacks to, or more than ``most`` as soon as it is known that there are more."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("a part is packed by another method")
    stream.seek(part.header_offset)
    head = stream.read(30)
    if head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("a part is not where it should be")
    stream.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    if part.compress_type == zipfile.ZIP_STORED:
        _refuse_entities(part.filename, stream.read(min(_CHUNK, part.compress_size)))
        return part.compress_size
    unpacker, size, packed = zlib.decompressobj(-15), 0, part.compress_size
    while not unpacker.eof and size <= most:
        data = unpacker.unconsumed_tail or stream.read(min(_CHUNK, packed))
        if not data:
            raise zipfile.BadZipFile("a part is cut short")
        packed -= 0 if unpacker.unconsumed_tail else len(data)
        unpacked = unpacker.decompress(data, _CHUNK)
        if size == 0:
            _refuse_entities(part.filename, unpacked)
        size += len(unpacked)
    return size


def _refuse_entities(name: str, start: bytes) -> None:
    """Refuse a document type, which no workbook has: entities in it may unpack to any number of bytes."""
    if b"<!DOCTYPE" in start.replace(b"\0", b""):
        raise zipfile.BadZipFile(f"{name} has a document type")


def write_edited_workbook(table: DataTable, target_column: str, edits: dict[int, str | None], output: Path) -> None:
    """Write the rows of a sheet as text into a new workbook, with other labels and without some rows."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(file_and_sheet(table.path)[1] or "Sheet1")

    def append(texts: Sequence[str]) -> None:
        cells = [WriteOnlyCell(sheet, text) for text in texts]
        for cell in cells:
            cell.data_type = "s"  # a text that begins with "=" is no formula
        sheet.append(cells)

    append(table.columns)
    index = table.columns.index(target_column)
    for row in table.rows:
        label = edits.get(row.line, row.cells[index])
        if label is not None:
            append([*row.cells[:index], label, *row.cells[index + 1 :]])
    book.save(output)
