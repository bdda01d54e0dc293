"""Tables as people make them: text of any editor, Excel workbooks, JSON lines, parquet, and archives of pages.

Every value is text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, chain
from pathlib import Path

from munseo._data.archive_table import read_archive_table
from munseo._data.container.archives import is_archive
from munseo._data.data_table import DataTable, TableRow, TableRows, TableShard, checked_columns, file_and_sheet
from munseo._data.excel_table import WORKBOOK_EXTENSIONS, is_workbook, read_excel_table
from munseo._data.image_finder import nfc
from munseo._data.parquet_table import has_images, read_parquet_table
from munseo._data.text_table import TextLayout, encoding_of, layout_of, rows_of_json
from munseo._errors import UserError

TABLE_EXTENSIONS = (".csv", ".tsv", ".txt", ".jsonl", ".parquet", *WORKBOOK_EXTENSIONS)  # the extensions of tables

MAX_BYTES = 2**28
"""Larger texts are refused before reading: all rows are held in memory, and two million of them fit in."""

SPLIT_NAMES = {"train": ("train",), "val": ("val", "valid", "validation", "dev"), "test": ("test",)}
"""What a split is called, here and by other tools."""

_PARQUET = ("data/{name}-*.parquet", "{name}-*.parquet", "{name}.parquet", "{name}/*.parquet", "data/{name}.parquet")
_ARCHIVES = ("{name}-*.tar", "{name}_*.tar", "{name}.tar", "{name}.zip", "{name}/*.tar", "data/{name}-*.tar")


_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # how a workbook starts: one of today, and an old or encrypted one


def is_table(path: Path) -> bool:
    """Return whether a path has the extension of a table, perhaps with a sheet: ``labels.xlsx#pages``."""
    return file_and_sheet(path)[0].suffix.lower() in TABLE_EXTENSIONS


def table_files(path: Path) -> list[Path]:
    """Return the files of a table: a pattern such as ``data/train-*.parquet`` means several, in the order of names."""
    file, _ = file_and_sheet(path)
    if not file.is_file() and set("*?") & set(file.name) and file.parent.is_dir():
        return sorted(file.parent.glob(file.name), key=lambda one: nfc(one.name))
    return [file] if file.is_file() else []


def shards_of(data_dir: Path, split: str) -> Path | None:
    """Return the tables or archives in a data folder that hold the pages of a split, as one pattern for ``read_table``.

    They are called as Hugging Face's datasets (``data/train-00000-of-00004.parquet``) and WebDataset
    (``train-000000.tar``) call them. A parquet table without images is none of them.

    Args:
        data_dir: The data folder.
        split: ``train``, ``val`` or ``test``.
    """
    for name in SPLIT_NAMES[split]:
        for pattern in _PARQUET:
            files = table_files(path := data_dir / pattern.format(name=name))
            if files and has_images(files[0]):
                return path
        for pattern in _ARCHIVES:
            if table_files(path := data_dir / pattern.format(name=name)):
                return path
    return None


def read_table(path: Path) -> DataTable:
    """Read a table.

    It is a text whose columns are separated (UTF-8, UTF-16 or CP949; any line ends), JSON lines, a sheet of an Excel
    workbook, a parquet file, or a ZIP or TAR archive of pages. A pattern means all files that match, as one table.

    Blank lines are skipped; spaces around values are removed. ``layout_of`` says how separator and header are found.

    Raises:
        UserError: The file is missing, has another format or encoding, has no header, or has a column twice. Rows that
            are too long or too short are not raised but listed in ``DataTable.problems``.
    """
    files = table_files(path)
    if not files:
        raise UserError(f"{path}: there is no such table.")
    if files == [file_and_sheet(path)[0]]:
        return _read_file(path, files[0])
    return _joined(path, [_read_file(file, file) for file in files])


def _read_file(path: Path, file: Path) -> DataTable:
    try:
        with file.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    if head.startswith(b"PAR1"):
        return read_parquet_table(path)
    if head.startswith(_ZIP) and (file.suffix.lower() in WORKBOOK_EXTENSIONS or is_workbook(file)):
        return read_excel_table(path)
    if is_archive(file.name):
        return read_archive_table(path)
    if head.startswith(_OLE):
        raise UserError(
            f"{path}: is an old Excel workbook (.xls), or one with a password; save it as .xlsx without a password."
        )
    if head.startswith(_ZIP):
        raise UserError(f"{path}: is an OpenDocument table or another ZIP archive; save it as .xlsx or 'CSV UTF-8'.")
    return _read_text(path)


def _joined(path: Path, tables: Sequence[DataTable]) -> DataTable:
    """Return several tables with the same columns as one; its rows are numbered through."""
    first = tables[0]
    columns = ", ".join(first.columns)
    problems = [
        f"{table.path.name}: has other columns than {first.path.name} ({columns})"
        for table in tables
        if set(table.columns) != set(first.columns) or table.images.keys() != first.images.keys()
    ]
    if problems:
        raise UserError(f"{path}: these tables cannot be read as one.", problems)
    last_rows = [max((row.line for row in table.rows), default=0) for table in tables]
    before = [0, *accumulate(last_rows)]
    rows = TableRows(first.columns)
    for table, offset in zip(tables, before, strict=False):
        for row in table.rows:
            values = row.values
            rows.append(row.line + offset, [values[name] for name in first.columns])
    return replace(
        first,
        path=path,
        rows=rows,
        problems=tuple(problem for table in tables for problem in table.problems),
        images={name: list(chain.from_iterable(table.images[name] for table in tables)) for name in first.images},
        files=tuple(TableShard(table.path.name, offset) for table, offset in zip(tables, before, strict=False)),
        notes=tuple(note for table in tables for note in table.notes),
    )


def _read_text(path: Path) -> DataTable:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: is larger than {MAX_BYTES:,} bytes; leave out what is not needed, or split it.")
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
                    columns = checked_columns(path, cells)
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
