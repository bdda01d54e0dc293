"""Protection against "CSV injection": a name such as ``=cmd|…`` must not run when a spreadsheet opens a table.

In analysis tables such text gets an apostrophe in front, which is removed when Munseo reads them. A submission keeps
its IDs byte for byte, since the server compares them; there the user is warned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

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
        "Open the file in a spreadsheet as text only"
    )


def _may_be_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
