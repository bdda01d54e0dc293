"""``munseo doctor fix``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SHOWN = 20
EPILOG = (
    "Examples:\n\n"
    "`munseo doctor fix data/rvl5 doctor-rvl5/issues.csv -o data/rvl5/train.fixed.csv`\n\n"
    "`munseo train … train_table=train.fixed.csv` trains on it"
)


def fix(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A data folder.", show_default=False)],
    issues: Annotated[
        Path, typer.Argument(metavar="ISSUES", help="issues.csv with its column action filled in.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new file; a folder where train and val tables are corrected.")
    ],
    train_table: Annotated[str | None, typer.Option(help="Default: train.csv.")] = None,
    val_table: Annotated[str | None, typer.Option(help="Default: val.csv if there is one.")] = None,
    image_dir: Annotated[str | None, typer.Option(help="Folder of the train images; default: train/.")] = None,
    test_dir: Annotated[str | None, typer.Option(help="Folder of the test images; default: test/.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Default: ID.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Default: target.")] = None,
) -> None:
    """Write a corrected copy of the labelled table; the original is never touched."""
    from munseo._console import inert
    from munseo.api.fixing import fix as write

    for table in write(data, issues, output, train_table=train_table, val_table=val_table, image_dir=image_dir,
                       test_dir=test_dir, id_column=id_column, target_column=target_column):  # fmt: skip
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
