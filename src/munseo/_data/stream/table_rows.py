"""The files that a table names, row by row: a table of a million rows is never held in memory."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.claimed_pages import MAX_NAME
from munseo._data.data_table import OTHER_NAMES, file_and_sheet
from munseo._data.excel_table import WORKBOOK_EXTENSIONS
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.image_finder import ImageFinder
from munseo._data.parquet_table import ParquetTable, damaged_parquet, has_images
from munseo._data.source import Source, as_id
from munseo._data.tables import read_table
from munseo._data.text_table import TextLayout, encoding_of, layout_of, rows_of_json
from munseo._errors import UserError

MAX_LINE = 2**20  # the most characters of a line; a file without line ends would otherwise be read completely
_BATCH_ROWS = 256  # the rows of a parquet file that are read at once


def walk_table(table: Path, id_column: str | None, follow_links: bool = False) -> Iterator[Source]:
    """Yield the files that the ID column of a table names; they are in ``test/``, ``train/`` or next to the table.

    Where a parquet table holds images, these are yielded instead.

    A row whose file is not found is a source with a problem. A name that is spelled exactly like the file is looked up
    on the disk; the folders are listed, and the listings held, only for other names (another extension or none,
    decomposed Hangul).

    Args:
        table: A text with columns, JSON lines, a workbook (``FILE#SHEET``) or a parquet file.
        id_column: The column with the names; None: ``ID``, or the first column.
        follow_links: Whether links may leave the folders.

    Raises:
        UserError: The table cannot be read, or has no such column.
    """
    if has_images(table):
        yield from _images_of_parquet(table, id_column)
        return
    home = table.resolve().parent
    folders = [*(home / name for name in ("test", "train") if (home / name).is_dir()), home]
    finder = ImageFinder(folders, home, follow_links)
    for row, name in enumerate(_values(table, id_column), 1):
        if not 0 < len(name) <= MAX_NAME:
            problem = ImageProblem(ProblemCode.LONG_ID, most=MAX_NAME) if name else ImageProblem(ProblemCode.NO_ID)
            yield Source(f"{table.name}: row {row}", str(table), None, problem)
            continue
        try:
            path = _exact(name, folders) or str(finder.find(name))
        except UnreadableError as error:
            yield Source(as_id(name), str(home / name), None, error.problem)
        else:
            yield Source(as_id(name), path)


def _values(table: Path, id_column: str | None) -> Iterator[str]:
    """Yield the ID column as text without surrounding spaces; blank lines of a CSV are skipped."""
    file, _ = file_and_sheet(table)
    if not file.is_file():
        raise UserError(f"{table}: there is no such table.")  # a FIFO would block
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
        if head == b"PAR1":
            yield from _values_of_parquet(table, id_column)
        elif file.suffix.lower() in WORKBOOK_EXTENSIONS:
            yield from _values_of_workbook(table, id_column)
        else:
            yield from _values_of_text(table, id_column)
    except OSError as error:
        raise UserError(f"{table}: cannot be read ({error.strerror or error}).") from None
    except pa.ArrowException as error:
        raise damaged_parquet(table, error) from None
    except csv.Error as error:
        raise UserError(f"{table}: is not valid CSV ({error}); a quotation mark may be left open.") from None


def _values_of_parquet(table: Path, id_column: str | None) -> Iterator[str]:
    with pq.ParquetFile(table) as content:
        column = _column(table, content.schema_arrow.names, id_column)
        for batch in content.iter_batches(_BATCH_ROWS, columns=[column]):
            # One by one: to_pylist would write out all values of a dictionary at once.
            values = (cell.as_py() for cell in batch.column(0))
            yield from ("" if value is None else str(value).strip() for value in values)


def _values_of_workbook(table: Path, id_column: str | None) -> Iterator[str]:
    """Yield the values of a sheet, which is read whole: it has a million rows at most."""
    read = read_table(table)
    if read.problems:
        raise UserError(f"{table}: has rows that cannot be read.", list(read.problems))
    index = read.columns.index(_column(table, list(read.columns), id_column))
    for row in read.rows:
        yield row.cells[index]


def _images_of_parquet(table: Path, id_column: str | None) -> Iterator[Source]:
    """Yield the images that a table holds; their IDs are their own, or those of the column that is named."""
    try:
        content = ParquetTable(table)
        try:
            name = id_column if id_column in content.images else next(iter(content.images))
            places = content.places(content.images[name])
            column = name if id_column in (None, name) else _column(table, list(content.texts), id_column)
            own = column != name
            batches = content.batches([column]) if own else ()
            ids = (value for batch in batches for value in content.values(column, batch))
            for index, place in enumerate(places):
                page_id = as_id(next(ids, "")) if own else places.id(index)
                problem = None if page_id else ImageProblem(ProblemCode.NO_ID)
                yield Source(page_id or f"{table.name}: row {index + 1}", str(table), place.member, problem)
        finally:
            content.close()
    except (pa.ArrowException, OSError) as error:
        raise damaged_parquet(table, error) from None


def _values_of_text(table: Path, id_column: str | None) -> Iterator[str]:
    with table.open("rb") as content:
        codec = encoding_of(table, content).codec
    with table.open(encoding=codec, newline="") as file:
        layout = layout_of(_lines(table, file))
        file.seek(0)
        lines = _lines(table, file)
        yield from (_values_of_json if layout.is_json else _values_of_columns)(table, lines, layout, id_column)


def _values_of_json(table: Path, lines: Iterator[str], layout: TextLayout, id_column: str | None) -> Iterator[str]:
    column: str | None = None
    for _, values in rows_of_json(table, lines):
        column = _column(table, list(values), id_column) if column is None else column
        yield values.get(column, "")


def _values_of_columns(table: Path, lines: Iterator[str], layout: TextLayout, id_column: str | None) -> Iterator[str]:
    reader = csv.reader(lines, delimiter=layout.separator, strict=True)
    header: Sequence[str] | None = layout.columns
    if header is None:
        header = next((row for row in reader if any(cell.strip() for cell in row)), None)
    if header is None:
        raise UserError(f"{table}: is empty; its first line should name the columns.")
    names = [cell.strip() for cell in header]
    index = names.index(_column(table, names, id_column))
    for row in reader:
        if any(cell.strip() for cell in row):
            yield row[index].strip() if index < len(row) else ""


def _lines(table: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), ""), 1):
        if len(line) > MAX_LINE:
            raise UserError(f"{table}:{number}: has more than {MAX_LINE:,} characters in a line; that is no table.")
        yield line


def _column(table: Path, names: Sequence[str], name: str | None) -> str:
    folded = {known.casefold(): known for known in reversed(names)}
    if name is None:
        return folded.get("id", next((other for other in OTHER_NAMES["ID"] if other in names), names[0]))
    if name in names:
        return name
    if name.casefold() in folded:
        return folded[name.casefold()]
    columns = ", ".join(map(repr, names))
    raise UserError(f"{table}: there is no column {name!r} (columns: {columns}).")


def _exact(name: str, folders: Sequence[Path]) -> str | None:
    """Return the file with exactly this name, if there is one and no link is on the way to it."""
    parts = name.split("/")
    if "\\" in name or "\0" in name or re.match(r"[A-Za-z]:", name) or any(part in ("", ".", "..") for part in parts):
        return None
    for folder in folders:
        path = str(folder)
        for part in parts:
            path = f"{path}/{part}"
            if os.path.islink(path):  # noqa: PTH114
                return None
        if os.path.isfile(path):  # noqa: PTH113
            return path
    return None
