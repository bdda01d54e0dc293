"""The files that a table of predictions can be written to: parquet for programs, CSV and workbooks for people too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from munseo._console import say
from munseo._errors import NoRoomError, UserError
from munseo._run.atomic import replacing
from munseo._spreadsheet import CSV_FOR_EXCEL, CsvRows, Workbook, formula_warning, is_formula

METADATA = b"munseo.predictions"
"""Metadata key of a parquet file of predictions with the settings by which they were made."""
ROWS_A_GROUP = 65_536
"""Rows of a row group of a parquet file."""
_WIDTH_ROWS = 200
"""Rows from which a workbook takes the widths of its columns."""


class TableFile(Protocol):
    """A table that is written in pieces; it is there after ``close``."""

    def write(self, rows: pa.Table) -> None:
        """Write some rows; all pieces have the same columns."""

    def close(self) -> None:
        """Write what is left."""


class ParquetFile:
    """A parquet file, compressed, with the settings of the prediction in its metadata."""

    def __init__(self, file: Path, about: str) -> None:
        self._file, self._about = file, about
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Write some rows as one row group."""
        rows = rows.replace_schema_metadata({METADATA: self._about.encode()})
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema, compression="zstd")
        self._writer.write_table(rows, row_group_size=ROWS_A_GROUP)

    def close(self) -> None:
        """Write the end of the file."""
        if self._writer is not None:
            self._writer.close()


class CsvFile:
    """A CSV in UTF-8, for Excel with a byte order mark; a warning tells of IDs that a spreadsheet may compute."""

    def __init__(self, file: Path, excel: bool) -> None:
        self._file = file.open("w", encoding=CSV_FOR_EXCEL if excel else "utf-8", newline="")
        self._rows = CsvRows(self._file)
        self._has_header = False
        self._formulas: list[str] = []

    def write(self, rows: pa.Table) -> None:
        """Write some rows, texts as they are, numbers with six digits."""
        if not self._has_header:
            self._rows.write(rows.column_names)
            self._has_header = True
        for row in _plain_rows(rows):
            self._rows.write([f"{cell:.6f}" if isinstance(cell, float) else _word(cell) for cell in row])
        self._formulas += [page_id for page_id in rows["ID"].to_pylist() if is_formula(page_id)]

    def close(self) -> None:
        """Close the file, and warn."""
        self._file.close()
        warning = formula_warning(self._formulas)
        if warning is not None:
            say(f"predictions: {warning}")


class WorkbookFile:
    """A workbook for Excel and other spreadsheets."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._book: Workbook | None = None

    def write(self, rows: pa.Table) -> None:
        """Write some rows: texts as texts, numbers as numbers."""
        if self._book is None:
            first = list(_plain_rows(rows.slice(0, _WIDTH_ROWS)))
            numbers = [field.name for field in rows.schema if pa.types.is_floating(field.type)]
            self._book = Workbook(self._file, rows.column_names, "predictions", first, numbers)
        for row in _plain_rows(rows):
            self._book.write(row)

    def close(self) -> None:
        """Pack the file."""
        if self._book is not None:
            self._book.close()


@contextmanager
def table_file(output: Path, about: str = "{}", excel: bool = False) -> Iterator[TableFile]:
    """Give the file that an output's ending asks for; it replaces the output when the block ends without an error.

    Args:
        output: A file that ends in .parquet, .xlsx or .csv.
        about: The settings of the prediction as JSON, for parquet.
        excel: Whether a CSV is for Excel.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        with replacing(output) as temporary:
            file: TableFile
            if output.suffix.lower() == ".parquet":
                file = ParquetFile(temporary, about)
            elif output.suffix.lower() == ".xlsx":
                file = WorkbookFile(temporary)
            else:
                file = CsvFile(temporary, excel)
            try:
                yield file
            finally:
                file.close()
    except NoRoomError:
        raise
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror}); choose another path for it.") from None


def _plain_rows(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield rows as values of Python."""
    yield from zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _word(cell: str | bool | None) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
