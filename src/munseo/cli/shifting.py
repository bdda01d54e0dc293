"""``munseo shift``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo.cli.words import Quiet


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
    train_table: Annotated[str | None, typer.Option(help="Default: train.csv, else a folder per class.")] = None,
    val_table: Annotated[str | None, typer.Option(help="Default: val.csv if there is one.")] = None,
    image_dir: Annotated[str | None, typer.Option(help="Folder of the train images; default: train/.")] = None,
    test_dir: Annotated[str | None, typer.Option(help="Folder of the test images; default: test/.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Default: ID.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Default: target.")] = None,
    quiet: Quiet = False,
) -> None:
    """Measure how test pages differ from train pages, without labels, and fit a recipe that simulates it."""
    from munseo.api.shifting import COMPARISON
    from munseo.api.shifting import shift as find

    folder = find(
        data,
        out,
        image_size=image_size,
        num_pages=num_pages,
        seed=seed,
        train_table=train_table,
        val_table=val_table,
        image_dir=image_dir,
        test_dir=test_dir,
        id_column=id_column,
        target_column=target_column,
        quiet=quiet,
    )
    _print_table(folder / COMPARISON)
    typer.echo(folder)


def _print_table(file: Path) -> None:
    import csv

    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("measure")
    for column in ("train median (10–90 %)", "test median (10–90 %)", "distance", "KS", "outside", "simulated"):
        shown.add_column(column, justify="right")
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        unit = f" ({row['unit']})" if row["unit"] else ""
        shown.add_row(
            f"{row['measure']}{unit}".replace("_", " "),
            _ends(row, "train"),
            _ends(row, "test"),
            f"{float(row['distance']):.2f}",
            f"{float(row['ks']):.2f}",
            f"{100 * float(row['outside']):.0f} %",
            f"{float(row['distance_simulated']):.2f}" if row["distance_simulated"] else "–",
            style=None if row["shifted"] == "True" else "dim",
        )
    Console().print(shown)
    Console().print("distance: 0 the same, 2 the most; simulated: that of train pages under the recipe; dim: no more "
                    "than chance", style="dim", soft_wrap=True)  # fmt: skip


def _ends(row: dict[str, str], part: str) -> str:
    middle, low, high = (float(row[f"{part}_{end}"]) for end in ("median", "p10", "p90"))
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"
