"""``munseo doctor DATA``; ``munseo doctor fix`` stands in fixing.py."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from munseo.cli import fixing
from munseo.cli.words import Quiet

DEFAULT = "check"


class Language(StrEnum):
    """Of the page."""

    en = "en"
    ko = "ko"


class _DoctorGroup(TyperGroup):
    """Takes ``doctor DATA`` as ``doctor check DATA``: a data folder is no command."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the default command before words that name none."""
        helps = ctx.help_option_names
        if args and args[0] not in self.commands and not (len(args) == 1 and args[0] in helps):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


doctor = typer.Typer(
    cls=_DoctorGroup,
    help="Find broken files, duplicates, leaks and wrong labels: `munseo doctor DATA`.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    doctor.command(epilog=fixing.EPILOG)(fixing.fix)
    app.add_typer(doctor, name="doctor")


@doctor.command(
    DEFAULT,
    epilog="Examples:\n\n"
    "`munseo doctor data/rvl5` writes doctor-rvl5/doctor.html and issues.csv\n\n"
    "`munseo doctor data/rvl5 --run runs/2507… -o checks/rvl5`",
)
def check(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A data folder.", show_default=False)],
    run: Annotated[
        Path | None, typer.Option(help="A run of these classes: helps to judge labels, and tells what changed since.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Default: doctor-<name of the data folder>.")] = None,
    language: Annotated[Language, typer.Option(help="Of the page.")] = Language.en,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result.")] = 42,
    train_table: Annotated[str | None, typer.Option(help="Default: train.csv, else a folder per class.")] = None,
    val_table: Annotated[str | None, typer.Option(help="Default: val.csv if there is one.")] = None,
    image_dir: Annotated[str | None, typer.Option(help="Folder of the train images; default: train/.")] = None,
    test_dir: Annotated[str | None, typer.Option(help="Folder of the test images; default: test/.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Default: ID.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Default: target.")] = None,
    quiet: Quiet = False,
) -> None:
    """Look for broken files, duplicates, leaks and wrong labels; nothing is changed (`doctor DATA` is enough)."""
    from rich.console import Console
    from rich.table import Table

    from munseo._locale import Texts
    from munseo.api.doctoring import ISSUES, PAGE
    from munseo.api.doctoring import doctor as find

    found = find(data, run, out, language=language.value, seed=seed, train_table=train_table, val_table=val_table,
                 image_dir=image_dir, test_dir=test_dir, id_column=id_column, target_column=target_column,
                 quiet=quiet)  # fmt: skip
    words = Texts("en", "doctor")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    for kind, count in found.counts.items():
        table.add_row(f"{count:,}", words(kind))
    if found.counts:
        Console().print(table)
    typer.echo(f"{found.num_pages:,} pages, {sum(found.counts.values()):,} findings, {found.high:,} to mend first")
    typer.echo(found.folder / PAGE)
    typer.echo(found.folder / ISSUES)
