"""The user's own text of pages: a column of the tables that list them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from munseo._data.data_table import DataTable
from munseo._data.image_finder import nfc
from munseo._data.tables import read_table
from munseo._errors import UserError

TEXT_COLUMN = "text"
"""The usual name of the column."""


def read_texts(
    tables: Iterable[Path], id_column: str | None, text_column: str | None, *, needed: bool = False
) -> dict[str, str]:
    """Return the text of each page by its ID, from those tables that have a column for it.

    Args:
        tables: Tables that list pages.
        id_column: Their column of IDs; None: ``ID``, or the first one.
        text_column: Their column of texts; None: ``text``.
        needed: Whether a table without this column is an error.

    Raises:
        UserError: A column that was named, or is needed, is missing in a table: all such tables are named.
    """
    texts: dict[str, str] = {}
    problems = []
    for path in tables:
        table = read_table(path)
        column = _column(table, text_column or TEXT_COLUMN)
        if column is None:
            columns = ", ".join(map(repr, table.columns))
            problems.append(f"{path.name}: there is no column {text_column or TEXT_COLUMN!r} (columns: {columns})")
            continue
        ids = _column(table, id_column or "ID") or _column(table, "file_name") or table.columns[0]
        places = table.columns.index(ids), table.columns.index(column)
        for row in table.rows:
            texts[nfc(row.cells[places[0]])] = row.cells[places[1]]
    if problems and (needed or (text_column is not None and not texts)):
        raise UserError(
            "text: no column with the text of the pages; name it with text_column, or take another source of words:",
            problems,
        )
    return texts


def _column(table: DataTable, wanted: str) -> str | None:
    folded = {name.casefold(): name for name in reversed(table.columns)}
    return wanted if wanted in table.columns else folded.get(wanted.casefold())
