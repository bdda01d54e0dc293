"""Text of users in tables that spreadsheets open: a name such as ``=cmd|…`` must not act there ("CSV injection").

Analysis tables get an apostrophe before such text, and lose it again when Munseo reads them. A submission keeps its IDs
byte by byte, since the server compares them: there the user is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may take it for a formula; plain numbers are none."""
    return text[:1] != "'" and _marked(text)


def inert_cell(text: str) -> str:
    """The text with an apostrophe before it, where it may act. ``original_cell`` takes it off again."""
    return f"'{text}" if _marked(text) else text


def original_cell(text: str) -> str:
    """What ``inert_cell`` was given."""
    return text[1:] if text[:1] == "'" and _marked(text) else text


def inert_table(table: pd.DataFrame) -> pd.DataFrame:
    """A copy with inert texts, column names among them."""
    return table.map(lambda cell: inert_cell(cell) if isinstance(cell, str) else cell).rename(
        columns=lambda name: inert_cell(str(name))
    )


def warning_of(ids: Iterable[str]) -> str | None:
    """What to say about a submission with such IDs, or None."""
    acting = [page_id for page_id in ids if is_formula(page_id)]
    if not acting:
        return None
    return (
        f"{len(acting)} IDs begin as formulas do, such as {acting[0][:60]!r}; they are written as they are. "
        "Open the file in a spreadsheet as text only"
    )


def _marked(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
