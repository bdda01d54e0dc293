"""``munseo shift``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from munseo.cli.words import Quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from munseo._shift import MeasureRow


LEGEND = (
    "distance: of train to test pages, 0 the same, 2 the most; outside: test pages beyond what 98 % of the train pages "
    "measure; recipe: the distance that is left under it; dim: no more than chance"
)


class Language(StrEnum):
    """Of the picture."""

    en = "en"
    ko = "ko"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:\n\n"
        "`munseo shift data/rvl5` writes shift-rvl5/recipe.yaml, comparison.csv, shift.csv and shift.png\n\n"
        "`munseo shift data/rvl5 --image-size 224 -o shifts/at224`"
    )(shift)


def shift(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A data folder with a test part.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Default: shift-<name of the data folder>.")] = None,
    image_size: Annotated[int, typer.Option(help="Side of the square that the model will see, in pixels.")] = 320,
    num_pages: Annotated[int, typer.Option(help="Of each part at most so many pages are measured.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result.")] = 42,
    language: Annotated[Language, typer.Option(help="Of the picture.")] = Language.en,
    train_table: Annotated[str | None, typer.Option(help="Default: train.csv, else a folder per class.")] = None,
    val_table: Annotated[str | None, typer.Option(help="Default: val.csv if there is one.")] = None,
    image_dir: Annotated[str | None, typer.Option(help="Folder of the train images; default: train/.")] = None,
    test_dir: Annotated[str | None, typer.Option(help="Folder of the test images; default: test/.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Default: ID.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Default: target.")] = None,
    quiet: Quiet = False,
) -> None:
    """Measure how test pages differ from train pages, without labels, and fit a recipe that simulates it."""
    from munseo.api.shifting import shift as find

    found = find(
        data,
        out,
        image_size=image_size,
        num_pages=num_pages,
        seed=seed,
        language=language.value,
        train_table=train_table,
        val_table=val_table,
        image_dir=image_dir,
        test_dir=test_dir,
        id_column=id_column,
        target_column=target_column,
        quiet=quiet,
    )
    _print_table(found.rows)
    for sentence in found.summary:
        typer.echo(sentence)
    typer.echo(found.folder)


def _print_table(rows: Sequence[MeasureRow]) -> None:
    """The measures that people read, the most shifted first."""
    from rich.console import Console
    from rich.table import Table

    from munseo._shift import MEASURES

    about = {measure.name: measure for measure in MEASURES}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in ("train: median (10–90 %)", "test", "distance", "outside", "recipe"):
        table.add_column(column, justify="right")
    for row in sorted((row for row in rows if about[row.name].shown), key=lambda row: -row.distance):
        unit = about[row.name].unit
        table.add_row(
            about[row.name].title + (f" ({unit})" if unit else ""),
            _ends(row.train),
            _ends(row.test),
            f"{row.distance:.2f}",
            f"{100 * row.outside:.0f} %",
            "–" if row.fitted is None else f"{row.fitted:.2f}",
            style=None if row.shifted else "dim",
        )
    console = Console()
    console.print(table)
    console.print(LEGEND, style="dim", highlight=False)
    console.print()


def _ends(ends: tuple[float, float, float]) -> str:
    low, middle, high = (f"{value:.3g}" for value in ends)
    return f"{middle} ({low}–{high})"
