"""``munseo runs``: the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from munseo._commands.options import existing_runs
from munseo._console import inert
from munseo._errors import UserError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = ("`munseo runs`", "`munseo runs results --sort public`", "`munseo runs --csv > runs.csv`")


def runs(
    folder: Annotated[Path | str, typer.Argument(metavar="FOLDER", help="The folder that holds the runs.")] = "runs",
    sort: Annotated[str, typer.Option(help="Column to sort by, best first.")] = "val_macro_f1",
) -> pd.DataFrame:
    """Compare the runs of a folder (`munseo runs FOLDER` is enough).

    Returns:
        The leaderboard, one row for each run, the best first.

    Raises:
        UserError: There is no such folder or column.
    """
    folder = existing_runs(folder)
    from munseo._report.leaderboard import COLUMNS, leaderboard

    table = leaderboard(folder)
    if sort not in table.columns:
        raise UserError(f"sort: no column {sort!r}; the columns are {', '.join(map(str, table.columns))}.")
    ascending = not COLUMNS[sort].largest_first
    return table.sort_values(sort, ascending=ascending, na_position="last", ignore_index=True)


def show(
    runs: pd.DataFrame, *, csv: Annotated[bool, typer.Option("--csv", help="Print CSV with every column.")] = False
) -> None:
    """Print the leaderboard."""
    if csv:
        from munseo._spreadsheet import inert_table

        typer.echo(inert_table(runs).to_csv(index=False, lineterminator="\n"), nl=False)
        return
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
