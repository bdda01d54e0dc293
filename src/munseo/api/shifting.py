"""``munseo shift``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from munseo._console import quietly, say
from munseo._data import DataLayout, load_pages
from munseo._errors import UserError
from munseo._report.plots.shift_plot import Language, shift_picture
from munseo._run.atomic import replacing, write_text
from munseo._shift import MeasuredShift, MeasureRow, MeasureTable, Origin, as_frame, find_shift, recipe_text, summarise
from munseo._shift.measured_shift import LEAST_PAGES
from munseo._spreadsheet import inert_table

RECIPE, COMPARISON, PAGES, PICTURE = "recipe.yaml", "comparison.csv", "shift.csv", "shift.png"
SIZES_PX = (96, 1024)


@dataclass(frozen=True)
class ShiftResult:
    """What ``shift`` found.

    Attributes:
        folder: Where the files are.
        rows: The comparison, a row a measure.
        summary: In a few sentences.
    """

    folder: Path
    rows: tuple[MeasureRow, ...]
    summary: tuple[str, ...]


def shift(
    data: Path | str,
    out: Path | str | None = None,
    *,
    image_size: int = 320,
    num_pages: int = 400,
    seed: int = 42,
    language: Language = "en",
    train_table: str | None = None,
    val_table: str | None = None,
    image_dir: str | None = None,
    test_dir: str | None = None,
    id_column: str | None = None,
    target_column: str | None = None,
    quiet: bool = False,
) -> ShiftResult:
    """Measure how the test pages of a data folder differ from its train pages, and fit a recipe to that.

    No label is looked at. The folder gets ``recipe.yaml`` (to read, edit and train with), ``comparison.csv`` (a row a
    measure), ``shift.csv`` (a row a page) and ``shift.png``.

    Args:
        data: The data folder.
        out: Where the results go; by default ``shift-<name of the data folder>``.
        image_size: Side of the square that the model will see, px: what a page looks like depends on it.
        num_pages: Of each part at most so many pages are drawn and measured.
        seed: The same seed gives the same result.
        language: Of the picture.
        train_table: As in ``DataLayout``, and so are the next ones.
        val_table: Table of the validation part.
        image_dir: Folder of the images.
        test_dir: Folder of the test part.
        id_column: Column of the file names.
        target_column: Column of the labels.
        quiet: Print nothing but errors.

    Raises:
        UserError: No test part, too few pages, or pages that cannot be read.
    """
    folder = Path(data)
    _check_words(image_size, num_pages)
    with quietly(quiet):
        layout = DataLayout(train_table, val_table, image_dir, test_dir, id_column, target_column)
        pages = load_pages(folder, layout)
        for note in pages.notes:
            say(note)
        if not pages.test:
            raise UserError(
                f"{folder}: has no test part, so there is nothing to compare with. Put its images into test/, or use "
                "the built-in recipe 'competition' where a recipe is asked for."
            )
        name = folder.resolve().name
        found = find_shift(pages.train, pages.test, name, image_size, num_pages, seed)
        summary = tuple(summarise(found))
        target = Path(out) if out else Path(f"shift-{name}")
        _write(target, found, summary, name, image_size, language)
    return ShiftResult(target, found.rows, summary)


def _check_words(image_size: int, num_pages: int) -> None:
    problems = []
    if not SIZES_PX[0] <= image_size <= SIZES_PX[1]:
        problems.append(f"image_size: {image_size} is not allowed; should be from {SIZES_PX[0]} to {SIZES_PX[1]}")
    if num_pages < LEAST_PAGES:
        problems.append(f"num_pages: {num_pages} is not allowed; should be {LEAST_PAGES} or more")
    if problems:
        raise UserError("shift: values that are not allowed; nothing was measured.", problems)


def _write(
    target: Path, found: MeasuredShift, summary: tuple[str, ...], name: str, image_size: int, language: Language
) -> None:
    target.mkdir(parents=True, exist_ok=True)
    origin = Origin(
        data=name,
        num_train=len(found.train_ids),
        num_test=len(found.test_ids),
        image_size=image_size,
        turned=found.turned,
        mirrored=found.mirrored,
    )
    write_text(target / RECIPE, recipe_text(found.fit.recipe, found.rows, origin, summary))
    comparison = as_frame(found.rows)
    write_text(target / COMPARISON, comparison.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    parts = [
        _part("train", found.train_ids, found.train),
        _part("test", found.test_ids, found.test),
        _part("simulated", [""] * len(found.fit.simulated["skew"]), found.fit.simulated),
    ]
    whole = pd.concat(parts, ignore_index=True)
    write_text(target / PAGES, inert_table(whole).to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    picture = shift_picture(found.rows, found.train, found.test, found.fit.simulated, language)
    with replacing(target / PICTURE) as beside:
        beside.write_bytes(picture)


def _part(part: str, ids: tuple[str, ...] | list[str], table: MeasureTable) -> pd.DataFrame:
    columns: dict[str, list[str] | np.ndarray] = {"part": [part] * len(ids), "ID": list(ids), **table}
    return pd.DataFrame(columns)
