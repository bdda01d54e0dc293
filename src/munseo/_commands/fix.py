"""``munseo doctor fix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from munseo._commands import options
from munseo._console import inert

if TYPE_CHECKING:
    from munseo._doctor.corrections import CorrectedTable

EXAMPLES = (
    "`munseo doctor fix data/rvl5 doctor-rvl5/issues.csv -o data/rvl5/train.fixed.csv`",
    "`munseo train … train_table=train.fixed.csv` trains on it",
)
SHOWN = 20
"""Changes that are printed for each table; the others are counted."""


def fix(
    data: options.DataArgument,
    issues: Annotated[
        Path | str,
        typer.Argument(metavar="ISSUES", help="issues.csv with its column action filled in.", show_default=False),
    ],
    output: Annotated[
        Path | str,
        typer.Option(
            "--output", "-o", help="A new file; a folder if train and val tables are corrected.", show_default=False
        ),
    ],
    *,
    train_table: options.TrainTable = None,
    val_table: options.ValTable = None,
    image_dir: options.ImageDir = None,
    test_dir: options.TestDir = None,
    id_column: options.IdColumn = None,
    target_column: options.TargetColumn = None,
    follow_links: options.FollowAllLinks = False,
) -> list[CorrectedTable]:
    """Write corrected copies of the labelled tables; the originals are never changed.

    The column `action` of a row decides what happens to its page: `keep`, `relabel` (to `new_target`, or if that is
    empty to `suggested_target`), `drop`, or nothing, which leaves it as it is. The `review.csv` of `munseo ui` works
    too.

    Returns:
        Each corrected table and what was changed in it.

    Raises:
        UserError: Rows are wrong, all of which are named; or the output exists or would be read as another table.
    """
    folder = options.existing_data(data)
    from munseo._data import DataLayout
    from munseo._doctor.corrections import write_corrections

    layout = DataLayout(train_table, val_table, image_dir, test_dir, id_column, target_column, follow_links)
    return write_corrections(folder, Path(issues), Path(output), layout)


def show(tables: list[CorrectedTable]) -> None:
    """Print the changes in each table."""
    for table in tables:
        typer.echo(
            f"{table.table.name}: {len(table.relabelled):,} relabelled, {len(table.dropped):,} dropped, "
            f"{table.num_kept:,} kept ({table.num_undecided:,} of them without a decision)"
        )
        changes = [f"{page}  {old} -> {new}" for page, old, new in table.relabelled]
        changes += [f"{page}  dropped" for page in table.dropped]
        for line in changes[:SHOWN]:
            typer.echo(f"    {inert(line)}")
        if len(changes) > SHOWN:
            typer.echo(f"    … and {len(changes) - SHOWN:,} more")
        if table.emptied:
            typer.echo(f"    without a row now: {', '.join(table.emptied)}")
        typer.echo(table.output)
