"""Tables that spreadsheets open: workbooks, and protection against "CSV injection" in texts.

A name such as ``=cmd|…`` must not run when a spreadsheet opens a table. In a workbook every text is a text. In analysis
tables as CSV such text gets an apostrophe in front, which is removed when Munseo reads them. Predictions keep their IDs
byte for byte, since a server or a program compares them; there the user is warned.
"""

from __future__ import annotations

import csv
import errno
import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS, MAX_COLUMNS, MAX_CHARACTERS = 1_048_576, 16_384, 32_767
"""The most rows and columns of a sheet and characters of a cell, in Excel and in the format itself."""
WIDTHS = (8, 60)
"""The narrowest and the widest column, in characters; the first rows choose it between them."""
CSV_FOR_EXCEL = "utf-8-sig"
"""The encoding of a CSV for Excel: without the byte order mark Excel reads Hangul as the code page of its system."""

_NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet may take the text for a formula; plain numbers are none."""
    return text[:1] != "'" and _may_be_formula(text)


def inert_cell(text: str) -> str:
    """Return the text with an apostrophe in front if it may be a formula; ``original_cell`` removes it."""
    return f"'{text}" if _may_be_formula(text) else text


def original_cell(text: str) -> str:
    """Return the text that ``inert_cell`` was given."""
    return text[1:] if text[:1] == "'" and _may_be_formula(text) else text


def inert_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which all texts are inert, column names included."""
    return table.map(lambda cell: inert_cell(cell) if isinstance(cell, str) else cell).rename(
        columns=lambda name: inert_cell(str(name))
    )


def formula_warning(ids: Iterable[str]) -> str | None:
    """Return a warning about IDs that may be formulas, or None."""
    formulas = [page_id for page_id in ids if is_formula(page_id)]
    if not formulas:
        return None
    return (
        f"{len(formulas)} IDs begin as formulas do, such as {formulas[0][:60]!r}; they are written as they are. "
        "Open the file in a spreadsheet as text only, or predict to a workbook (.xlsx)"
    )


def _may_be_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


class CsvRows:
    """Writes rows as CSV that every reader reads back.

    Python leaves a lone carriage return without quotation marks, and readers take it for the end of a row; a row that
    has one is quoted as a whole.
    """

    def __init__(self, file: TextIO) -> None:
        self._plain = csv.writer(file, lineterminator="\n")
        self._quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(self, cells: Sequence[str]) -> None:
        """Write a row."""
        (self._quoted if any("\r" in cell for cell in cells) else self._plain).writerow(cells)


def csv_text(table: pd.DataFrame, float_format: str | None = None) -> str:
    """Return a table as CSV, for which ``CsvRows`` holds too."""
    text = table.to_csv(index=False, lineterminator="\n", float_format=float_format)
    if "\r" in text:
        text = table.to_csv(index=False, lineterminator="\n", float_format=float_format, quoting=csv.QUOTE_ALL)
    return str(text)


def cell_text(text: str) -> str:
    """Return a text as a cell of a workbook can hold it: without control characters, and not too long.

    Line ends become line feeds, as they do when XML is read.
    """
    text = _NOT_IN_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"


class Workbook:
    """A workbook that is written row by row, with one row in memory; a full sheet is followed by another one.

    Every text is a text, whatever it looks like: no formula, no link, no number that loses its zeros. A new or edited
    cell of such a column is a text too.

    Args:
        file: Where to write; it is there after ``close``.
        columns: Their names, which every sheet has as its first row.
        title: The name of the first sheet, at most 25 characters.
        first_rows: Some rows that show how wide the columns are; they are not written.
        numbers: Names of the columns that hold numbers.
    """

    def __init__(
        self,
        file: Path,
        columns: Sequence[str],
        title: str,
        first_rows: Sequence[Sequence[Any]],
        numbers: Collection[str] = (),
    ) -> None:
        import xlsxwriter

        # Strings are written as such, so that the library's guesses about them do not matter.
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._columns, self._title, self._num_sheets = columns, title, 0
        columns_of_rows = list(zip(columns, *first_rows, strict=True))
        self._is_number = [column in numbers for column in columns]
        low, high = WIDTHS
        self._widths = [min(high, max(low, *(_width(cell) for cell in cells)) + 2) for cells in columns_of_rows]
        self._begin_sheet()

    def write(self, row: Sequence[Any]) -> None:
        """Write a row: texts, numbers, yes or no for truth values, and nothing for None."""
        if self._row == MAX_ROWS:
            self._begin_sheet()
        for column, cell in enumerate(row):
            if isinstance(cell, bool):
                self._sheet.write_string(self._row, column, "yes" if cell else "no")
            elif isinstance(cell, str):
                self._sheet.write_string(self._row, column, cell_text(cell))
            elif cell is not None:
                self._sheet.write_number(self._row, column, cell)
        self._row += 1

    def close(self) -> None:
        """Write what is left, and pack the file.

        Raises:
            OSError: The file cannot be written, or a sheet of it would have more than 4 GB.
        """
        from xlsxwriter.exceptions import FileCreateError, FileSizeError

        self._end_sheet()
        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from None
        except FileSizeError:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from None

    def _begin_sheet(self) -> None:
        if self._num_sheets:
            self._end_sheet()
        self._num_sheets += 1
        title = self._title if self._num_sheets == 1 else f"{self._title} ({self._num_sheets})"
        self._sheet, self._row = self._book.add_worksheet(title), 0
        self._sheet.freeze_panes(1, 0)
        texts, numbers = (self._book.add_format({"num_format": form}) for form in ("@", "0.0000"))
        for column, (is_number, width) in enumerate(zip(self._is_number, self._widths, strict=True)):
            self._sheet.set_column(column, column, width, numbers if is_number else texts)
        self.write(self._columns)

    def _end_sheet(self) -> None:
        self._sheet.autofilter(0, 0, max(self._row - 1, 0), len(self._columns) - 1)


def _width(cell: Any) -> int:
    """Return about how many characters wide a cell is; a Hangul or Chinese character takes two."""
    text = f"{cell:.4f}" if isinstance(cell, float) else "" if cell is None else str(cell)
    return sum(1 + (ord(sign) >= 0x1100) for sign in text)
