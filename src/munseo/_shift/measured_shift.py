"""The measured shift between train and test pages: measure both, learn how pages lie, fit a recipe, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from munseo._augment import DAMAGES, Recipe, RecipeEntry
from munseo._data import Page
from munseo._errors import UserError
from munseo._randomness import generator
from munseo._run.atomic import write_text
from munseo._shift.distributions import MeasureRow, MeasureTable, as_frame, compare
from munseo._shift.measures import SKEWED_DEG
from munseo._shift.orientation import learn_orientation
from munseo._shift.readings import load_squares, read_pages
from munseo._shift.recipe_file import Origin, recipe_text
from munseo._shift.recipe_fit import RecipeFit, fit_jpeg, fit_recipe
from munseo._shift.simulation import draw_from, simulate
from munseo._spreadsheet import csv_text, inert_table

LESSON = Recipe.of(
    "lesson",
    rotation=(0.5, 0.0, 0.24),
    perspective=(0.3, 0.1, 0.6),
    table=(0.4, 0.0, 1.0),
    gradient=(0.3, 0.1, 0.9),
    focus_blur=(0.4, 0.1, 0.6),
    contrast=(0.3, 0.1, 0.7),
    noise=(0.5, 0.05, 0.5),
    occlusion=(0.2, 0.1, 0.6),
)
"""Damages of the train pages from which the orientation is learned. They leave the top at the top: rotations stay below
45°, so that deskewing makes pages upright again."""
LEAST_PAGES = 8
"""Fewest pages of each split from which a shift can be measured."""
MAX_BYTES = 400_000_000
"""Memory for the train pages that are kept for the simulation."""


@dataclass(frozen=True)
class MeasuredShift:
    """The result of ``find_shift``."""

    train_ids: tuple[str, ...]  # IDs of the train pages that were measured
    test_ids: tuple[str, ...]
    train: MeasureTable
    test: MeasureTable
    rows: tuple[MeasureRow, ...]
    fit: RecipeFit  # the recipe, and the measures of pages that were simulated with it
    states: np.ndarray  # (8,) fraction of the test pages in each state, see ``orientation``
    turned: float  # fraction of the test pages without skew that are turned by 90, 180 or 270°

    @property
    def mirrored(self) -> float:
        """Fraction of the test pages that are mirrored."""
        return float(self.states[4:].sum())


def find_shift(
    train_pages: Sequence[Page], test_pages: Sequence[Page], name: str, image_size: int, num_pages: int, seed: int
) -> MeasuredShift:
    """Measure how test pages differ from train pages, and fit a recipe to that. Labels are not used.

        >>> pages = load_pages("data", DataLayout())
        >>> shift = find_shift(pages.train, pages.test, "data", image_size=320, num_pages=400, seed=42)
        >>> shift.fit.recipe.damages

    Args:
        train_pages: At least 8 pages, from any number of classes.
        test_pages: At least 8 pages.
        name: Name of the recipe.
        image_size: Side of the square that a model sees, px.
        num_pages: At most this many pages of each split are sampled and measured.
        seed: The same seed gives the same result.

    Raises:
        UserError: Too few pages, or pages that cannot be read, all of them named.
    """
    _check_number(train_pages, test_pages)
    train_pages = _sample(train_pages, num_pages, seed, "shift/train")
    test_pages = _sample(test_pages, num_pages, seed, "shift/test")
    train = read_pages(train_pages, image_size, "Measuring train pages")
    test = read_pages(test_pages, image_size, "Measuring test pages")
    num_squares = max(8, min(len(train_pages), MAX_BYTES // (3 * image_size**2)))
    squares = load_squares(train_pages[:num_squares], image_size, "Reading train pages")
    lesson = simulate(squares, draw_from(LESSON, len(train_pages), seed, 0), seed, 0, "Learning how pages lie")
    orientation = learn_orientation(lesson.layouts)
    fit = fit_recipe(squares, train, test, orientation, name, seed)
    shrink = image_size / float(np.median(test.values["longest_side"]))
    jpeg = fit_jpeg(train.values["jpeg_quality"], test.values["jpeg_quality"], shrink)
    if jpeg is not None:
        entries = sorted((*fit.recipe.damages, jpeg), key=lambda entry: list(DAMAGES).index(entry.name))
        fit = replace(fit, recipe=replace(fit.recipe, damages=tuple(entries)))
    train_table, test_table = train.table(orientation), test.table(orientation)
    straight = np.abs(test.values["skew"]) <= SKEWED_DEG
    upright = orientation.fractions(test.layouts[straight] if straight.any() else test.layouts)[[0, 4]].sum()
    return MeasuredShift(
        tuple(page.id for page in train_pages),
        tuple(page.id for page in test_pages),
        train_table,
        test_table,
        tuple(compare(train_table, test_table, fit.simulated, seed)),
        fit,
        orientation.fractions(test.layouts),
        float(1 - upright),
    )


def measure_recipe(
    train_pages: Sequence[Page],
    test_pages: Sequence[Page],
    image_size: int,
    seed: int = 42,
    name: str = "measured",
    num_pages: int = 300,
) -> Recipe:
    """Return the recipe under which train pages measure like test pages, as ``shift: measured`` uses it.

    The arguments are those of ``find_shift``. Pages that a model is judged on should not be among the train pages. This
    takes about a minute on two cores at 320 px.

    Raises:
        UserError: Too few pages, or pages that cannot be read, all of them named.
    """
    return find_shift(train_pages, test_pages, name, image_size, num_pages, seed).fit.recipe


def _check_number(train_pages: Sequence[Page], test_pages: Sequence[Page]) -> None:
    splits = (("train", train_pages), ("test", test_pages))
    few = [f"{name}: {len(pages)} pages" for name, pages in splits if len(pages) < LEAST_PAGES]
    if few:
        raise UserError(f"To measure a shift takes at least {LEAST_PAGES} pages in each part.", few)


def _sample(pages: Sequence[Page], num_pages: int, seed: int, stream: str) -> tuple[Page, ...]:
    """Return at most ``num_pages`` random pages, in their order."""
    if len(pages) <= num_pages:
        return tuple(pages)
    chosen = np.sort(generator(seed, stream).permutation(len(pages))[:num_pages])
    return tuple(pages[index] for index in chosen)


MENTIONED = 0.05
"""Damages of fewer pages than this fraction are not mentioned in the summary."""
FAR_DEG = 30.0
"""A third of the pages that lie in any direction are skewed by more than this; nobody feeds paper like that."""
POSES = ("mirror", "quarter_turn", "rotation")
"""Damages that the first sentence covers, as measured on the pages and not as fitted."""


def summarise(shift: MeasuredShift) -> list[str]:
    """Return one to three sentences: how test pages lie, what the recipe does, how close simulated pages come."""
    sentences = [_describe_poses(shift), _describe_damages(shift.fit.recipe.damages)]
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        sentences = ["Test pages measure like train pages: no damage is common enough to mention."]
    distances = f"{shift.fit.after:.2f} under the recipe, {shift.fit.before:.2f} without (0 is the same, 2 the most)"
    return [*sentences, f"Mean distance of train pages to test pages: {distances}."]


def _describe_poses(shift: MeasuredShift) -> str:
    skewed = float(np.mean(np.abs(shift.test["skew"]) > SKEWED_DEG))
    usual = float(np.mean(np.abs(shift.train["skew"]) > SKEWED_DEG))
    far = float(np.mean(np.abs(shift.test["skew"]) > FAR_DEG))
    circle = f", {_percent(far)} by more than {FAR_DEG:.0f}°: over the whole circle" if far >= MENTIONED else ""
    parts = []
    if shift.mirrored >= MENTIONED:
        parts.append(f"{_percent(shift.mirrored)} are mirrored")
    if shift.turned >= MENTIONED:
        parts.append(f"{_percent(shift.turned)} lie on their side or upside down")
    if skewed - usual >= MENTIONED:
        parts.append(f"{_percent(skewed)} are skewed ({_percent(usual)} of the train pages){circle}")
    return f"Of the test pages about {_joined(parts)}." if parts else ""


def _describe_damages(damages: tuple[RecipeEntry, ...]) -> str:
    mentioned = [entry for entry in damages if entry.name not in POSES and entry.probability >= MENTIONED]
    mentioned.sort(key=lambda entry: -entry.probability)
    parts = [f"{DAMAGES[entry.name].noun} on {_percent(entry.probability)}" for entry in mentioned]
    return f"The recipe that makes train pages look like them puts {_joined(parts)}." if parts else ""


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def write_shift(folder: Path, shift: MeasuredShift, summary: Sequence[str], data_name: str, image_size: int) -> None:
    """Write ``recipe.yaml``, ``comparison.csv`` (one row for each measure) and ``shift.csv`` (one row for each page).

    The folder is made if necessary. The summary goes into the comments of the recipe, with the name of the data folder
    and the size at which pages were measured, px.
    """
    folder.mkdir(parents=True, exist_ok=True)
    origin = Origin(
        data=data_name,
        num_train=len(shift.train_ids),
        num_test=len(shift.test_ids),
        image_size=image_size,
        turned=shift.turned,
        mirrored=shift.mirrored,
    )
    write_text(folder / "recipe.yaml", recipe_text(shift.fit.recipe, shift.rows, origin, summary))
    write_text(folder / "comparison.csv", _csv(as_frame(shift.rows)))
    simulated = shift.fit.simulated
    pages = (
        _rows("train", shift.train_ids, shift.train),
        _rows("test", shift.test_ids, shift.test),
        _rows("simulated", [""] * len(simulated["skew"]), simulated),
    )
    write_text(folder / "shift.csv", _csv(inert_table(pd.concat(pages, ignore_index=True))))


def _csv(table: pd.DataFrame) -> str:
    return csv_text(table, float_format="%.6g")


def _rows(part: str, ids: Sequence[str], measures: MeasureTable) -> pd.DataFrame:
    return pd.DataFrame({"part": part, "ID": list(ids), **measures})
