"""``munseo runs``: the leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from munseo._commands.options import existing_runs
from munseo._console import inert
from munseo._errors import UserError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = (
    "`munseo runs`",
    "`munseo runs results --sort public`",
    "`munseo runs --wide` prints every column, `munseo runs --csv > runs.csv` too",
)
NARROWEST_MODEL = 8
"""The fewest characters of a model's name; the other columns fit into 80 beside it."""


def runs(
    folder: Annotated[Path | str, typer.Argument(metavar="FOLDER", help="The folder that holds the runs.")] = "runs",
    sort: Annotated[
        str | None, typer.Option(help="Column to sort by, best first; default: shifted macro-F1, then clean.")
    ] = None,
) -> pd.DataFrame:
    """Compare the runs of a folder (`munseo runs FOLDER` is enough).

    Returns:
        The leaderboard, one row for each run, the best first.

    Raises:
        UserError: There is no such folder or column.
    """
    folder = existing_runs(folder)
    from munseo._report.leaderboard import COLUMNS, by_shifted_score, leaderboard

    table = leaderboard(folder)
    if sort is None:
        return by_shifted_score(table)
    if sort not in table.columns:
        raise UserError(f"sort: no column {sort!r}; the columns are {', '.join(map(str, table.columns))}.")
    ascending = not COLUMNS[sort].largest_first
    return table.sort_values(sort, ascending=ascending, na_position="last", ignore_index=True)


def show(
    runs: pd.DataFrame,
    *,
    wide: Annotated[bool, typer.Option("--wide", help="Print every column; for wide terminals.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with every column.")] = False,
) -> None:
    """Print the leaderboard."""
    if csv:
        from munseo._spreadsheet import csv_text, inert_table

        typer.echo(csv_text(inert_table(runs)), nl=False)
    elif wide:
        _print_wide(runs)
    else:
        _print_narrow(runs)


def _print_wide(runs: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in runs.columns:
        table.add_column(str(column), overflow="fold", justify="right" if runs[column].dtype.kind == "f" else "left")
    for row in runs.itertuples(index=False):
        values = ("" if value != value or value is None else value for value in row)
        texts = (f"{value:.4f}" if isinstance(value, float) else str(value) for value in values)
        table.add_row(*(Text(inert(text)) for text in texts))
    Console().print(table)


def _print_narrow(runs: pd.DataFrame) -> None:
    """Print what fits into 80 columns; a run without scores has its status in place of the first one."""
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console

    from munseo._run.run_reference import short_ids

    ids = short_ids([str(name) for name in runs["name"]])
    rows = [_cells(row, ids) for row in runs.to_dict("records")]
    columns = list(zip(_TITLES, *rows, strict=True))
    widths = [max(map(cell_len, cells)) for cells in columns]
    console = Console(highlight=False)
    others = sum(widths) - widths[_MODEL] + _GAP * (len(widths) - 1)
    widths[_MODEL] = min(widths[_MODEL], max(NARROWEST_MODEL, console.width - others))

    def line(cells: Sequence[str]) -> str:
        shown = []
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            if number == _MODEL and cell_len(cell) > width:
                cell = cell.rpartition(".")[0] or cell  # the model first, then the weights that it began with
            if cell_len(cell) > width:
                cell = set_cell_size(cell, width - 1).rstrip() + "…"
            blanks = " " * (width - cell_len(cell))
            shown.append(blanks + cell if number > _MODEL else cell + blanks)
        return (" " * _GAP).join(shown).rstrip()

    console.print(line(_TITLES), style="bold", markup=False, soft_wrap=True)
    for cells in rows:
        console.print(line(cells), markup=False, soft_wrap=True)
    for name, status in zip(runs["name"], runs["status"], strict=True):
        if str(status).startswith("unreadable"):
            console.print(inert(f"{ids[str(name)]}: {status}"), markup=False, soft_wrap=True)


_TITLES = ("run", "model", "size", "shifted F1", "clean F1", "server", "minutes")
_MODEL, _GAP = 1, 2


def _cells(row: Mapping[Any, Any], ids: dict[str, str]) -> list[str]:
    status = str(row["status"]).partition(":")[0]
    shifted = _with_half_width(row, "val_shifted_macro_f1")
    clean = _number(row["val_macro_f1"], "{:.4f}".format)
    if not shifted:
        shifted = "–" if clean else status
    size = _number(row["image_size"], "{:.0f}".format)
    server, minutes = _number(row["public"], "{:.4f}".format), _number(row["minutes"], "{:.1f}".format)
    model = "" if row["model"] != row["model"] else str(row["model"])
    return [inert(cell) for cell in (ids[str(row["name"])], model, size, shifted, clean, server, minutes)]


def _with_half_width(row: Mapping[Any, Any], key: str) -> str:
    """Return a score with half the width of its 95% interval, if there is one."""
    value = _number(row[key], "{:.4f}".format)
    half = _number((row[f"{key}_high"] - row[f"{key}_low"]) / 2, "{:.4f}".format)
    return f"{value} ±{half}" if value and half else value


def _number(value: Any, text: Callable[[Any], str]) -> str:
    return "" if value is None or value != value else text(value)
