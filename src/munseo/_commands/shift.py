"""``munseo shift``: how test pages differ from train pages, and a recipe that simulates it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from munseo._commands import options
from munseo._console import quietly, say
from munseo._errors import UserError

if TYPE_CHECKING:
    from munseo._shift import MeasureRow

EXAMPLES = (
    "`munseo shift data/rvl5` writes shift-rvl5/recipe.yaml, comparison.csv, shift.csv and shift.png",
    "`munseo shift data/rvl5 --image-size 224 -o shifts/at224`",
)
IMAGE_SIZES_PX = (96, 1024)
LEGEND = (
    "distance: of train to test pages, 0 the same, 2 the most; outside: test pages beyond what 98 % of the train pages "
    "measure; recipe: the distance that is left under it; dim: no more than chance"
)


@dataclass(frozen=True)
class ShiftResult:
    """The result of ``shift``: the folder of the files, one row for each measure, and a summary in a few sentences."""

    folder: Path
    rows: tuple[MeasureRow, ...]
    summary: tuple[str, ...]


def shift(
    data: options.DataArgument,
    out: Annotated[
        Path | str | None, typer.Option("--out", "-o", help="Output folder; default: shift-DATA, here.")
    ] = None,
    *,
    image_size: Annotated[int, typer.Option(help="Side of the square that the model will see, in pixels.")] = 320,
    num_pages: Annotated[int, typer.Option(help="Measure at most this many train pages and test pages.")] = 400,
    seed: options.Seed = 42,
    language: options.LanguageOption = "en",
    train_table: options.TrainTable = None,
    val_table: options.ValTable = None,
    image_dir: options.ImageDir = None,
    test_dir: options.TestDir = None,
    id_column: options.IdColumn = None,
    target_column: options.TargetColumn = None,
    follow_links: options.FollowAllLinks = False,
    quiet: options.Quiet = False,
) -> ShiftResult:
    """Measure how test pages differ from train pages, and fit a recipe that simulates it.

    No label is used. The output folder gets `recipe.yaml` (to read, edit and train with), `comparison.csv` (one row for
    each measure), `shift.csv` (one row for each page) and `shift.png`.

    Returns:
        The comparison, a summary, and the folder that holds the files.

    Raises:
        UserError: There is no test split, there are too few pages, or pages cannot be read.
    """
    folder = options.existing_data(data)
    from munseo._data import DataLayout, load_pages
    from munseo._report.shift_plot import shift_picture
    from munseo._run.atomic import replacing
    from munseo._shift import find_shift, summarise, write_shift

    _check_options(image_size, num_pages)
    with quietly(quiet):
        pages = load_pages(
            folder, DataLayout(train_table, val_table, image_dir, test_dir, id_column, target_column, follow_links)
        )
        for note in pages.notes:
            say(note)
        if not pages.test:
            raise UserError(
                f"{folder}: has no test split, so there is nothing to compare with. Put its images into test/, or use "
                "the built-in recipe 'competition' where a recipe is asked for."
            )
        name = folder.resolve().name
        measured = find_shift(pages.train, pages.test, name, image_size, num_pages, seed)
        summary = tuple(summarise(measured))
        target = Path(out) if out else Path(f"shift-{name}")
        write_shift(target, measured, summary, name, image_size)
        picture = shift_picture(measured.rows, measured.train, measured.test, measured.fit.simulated, language)
        with replacing(target / "shift.png") as temporary:
            temporary.write_bytes(picture)
    return ShiftResult(target, measured.rows, summary)


def _check_options(image_size: int, num_pages: int) -> None:
    from munseo._shift.measured_shift import LEAST_PAGES

    problems = []
    least, most = IMAGE_SIZES_PX
    if not least <= image_size <= most:
        problems.append(f"image_size: {image_size} is not allowed; should be from {least} to {most}")
    if num_pages < LEAST_PAGES:
        problems.append(f"num_pages: {num_pages} is not allowed; should be {LEAST_PAGES} or more")
    if problems:
        raise UserError("shift: values that are not allowed; nothing was measured.", problems)


def show(result: ShiftResult) -> None:
    """Print the measures that people read, the most shifted first, then the summary and the folder."""
    from rich.console import Console
    from rich.table import Table

    from munseo._locale import Texts
    from munseo._shift import MEASURES

    titles = Texts("en", "measure")
    measures = {measure.name: measure for measure in MEASURES}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in ("train: median (10–90 %)", "test", "distance", "outside", "recipe"):
        table.add_column(column, justify="right")
    for row in sorted((row for row in result.rows if measures[row.name].shown), key=lambda row: -row.distance):
        unit = measures[row.name].unit
        table.add_row(
            titles(row.name) + (f" ({unit})" if unit else ""),
            _range(row.train),
            _range(row.test),
            f"{row.distance:.2f}",
            f"{100 * row.outside:.0f} %",
            "–" if row.fitted is None else f"{row.fitted:.2f}",
            style=None if row.shifted else "dim",
        )
    console = Console()
    console.print(table)
    console.print(LEGEND, style="dim", highlight=False)
    console.print()
    for sentence in result.summary:
        typer.echo(sentence)
    typer.echo(result.folder)


def _range(percentiles: tuple[float, float, float]) -> str:
    low, median, high = (f"{value:.3g}" for value in percentiles)
    return f"{median} ({low}–{high})"
