"""The whole way: measure train and test pages, learn how pages lie, fit the recipe, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from munseo._augment import DAMAGES, Recipe
from munseo._data import Page
from munseo._errors import UserError
from munseo._randomness import generator
from munseo._shift.distributions import Row, Table, compare
from munseo._shift.jpeg_quality import fit_jpeg
from munseo._shift.measures import SKEWED_DEG
from munseo._shift.orientation import learn_orientation
from munseo._shift.readings import load_squares, read_pages
from munseo._shift.recipe_fit import Fit, fit_recipe
from munseo._shift.simulation import draw_from, simulate

LESSON = Recipe(
    "lesson",
    (
        ("rotation", 0.5, 0.0, 0.24),
        ("perspective", 0.3, 0.1, 0.6),
        ("table", 0.4, 0.0, 1.0),
        ("gradient", 0.3, 0.1, 0.9),
        ("focus_blur", 0.4, 0.1, 0.6),
        ("contrast", 0.3, 0.1, 0.7),
        ("noise", 0.5, 0.05, 0.5),
        ("occlusion", 0.2, 0.1, 0.6),
    ),
)
"""What the train pages go through from which the orientation is learned: whatever leaves up up and left left. Rotations
stay below 45°, so deskewing makes them upright again."""
LEAST_PAGES = 8
MOST_BYTES = 400_000_000
"""Of train pages kept in memory for the simulation."""


@dataclass(frozen=True)
class Shift:
    """What was found.

    Attributes:
        train_ids: Of the pages that were measured.
        test_ids: The same of the test pages.
        train: Measures of the train pages.
        test: Measures of the test pages.
        rows: The comparison.
        fit: The recipe and what simulated pages measure under it.
        states: (8,) share of the test pages in each state, see ``layout``.
        turned: Share of the straight test pages that are turned by a right angle or two.
    """

    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    train: Table
    test: Table
    rows: tuple[Row, ...]
    fit: Fit
    states: np.ndarray
    turned: float

    @property
    def mirrored(self) -> float:
        """Share of the test pages that are mirrored."""
        return float(self.states[4:].sum())


def find_shift(
    train_pages: Sequence[Page], test_pages: Sequence[Page], name: str, image_size: int, num_pages: int, seed: int
) -> Shift:
    """Measure how test pages differ from train pages, and fit a recipe to that. No label is looked at.

    Args:
        train_pages: At least 8, from any number of classes.
        test_pages: At least 8.
        name: Of the recipe.
        image_size: Side of the square that a model sees, px.
        num_pages: Of each part at most so many are drawn and measured.
        seed: The same seed gives the same result.

    Raises:
        UserError: Too few pages, or pages that cannot be read, all of them named.
    """
    _check_number(train_pages, test_pages)
    train_pages = _sample(train_pages, num_pages, seed, "shift/train")
    test_pages = _sample(test_pages, num_pages, seed, "shift/test")
    train = read_pages(train_pages, image_size, "Measuring train pages")
    test = read_pages(test_pages, image_size, "Measuring test pages")
    num_squares = max(8, min(len(train_pages), MOST_BYTES // (3 * image_size**2)))
    squares = load_squares(train_pages[:num_squares], image_size, "Reading train pages")
    lesson = simulate(squares, draw_from(LESSON, len(train_pages), seed, 0), seed, 0, "Learning how pages lie")
    orientation = learn_orientation(lesson.layouts)
    fit = fit_recipe(squares, train, test, orientation, name, seed)
    shrink = image_size / float(np.median(test.values["longest_side"]))
    jpeg = fit_jpeg(train.values["jpeg_quality"], test.values["jpeg_quality"], shrink)
    if jpeg is not None:
        entries = sorted((*fit.recipe.damages, jpeg), key=lambda entry: list(DAMAGES).index(entry[0]))
        fit = replace(fit, recipe=replace(fit.recipe, damages=tuple(entries)))
    train_table, test_table = train.table(orientation), test.table(orientation)
    straight = np.abs(test.values["skew"]) <= SKEWED_DEG
    upright = orientation.fractions(test.layouts[straight] if straight.any() else test.layouts)[[0, 4]].sum()
    return Shift(
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
    """The recipe under which train pages measure like test pages: what ``shift: measured`` trains and validates with.

    About a minute on two cores at 320 px.

    Args:
        train_pages: At least 8. Pages that a model is judged on should not be among them.
        test_pages: At least 8.
        image_size: Side of the square that the model sees, px.
        seed: The same seed gives the same recipe.
        name: Of the recipe.
        num_pages: Of each part at most so many are drawn and measured.

    Raises:
        UserError: Too few pages, or pages that cannot be read, all of them named.
    """
    return find_shift(train_pages, test_pages, name, image_size, num_pages, seed).fit.recipe


def _check_number(train_pages: Sequence[Page], test_pages: Sequence[Page]) -> None:
    parts = (("train", train_pages), ("test", test_pages))
    few = [f"{name}: {len(pages)} pages" for name, pages in parts if len(pages) < LEAST_PAGES]
    if few:
        raise UserError(f"To measure a shift takes at least {LEAST_PAGES} pages in each part.", few)


def _sample(pages: Sequence[Page], num_pages: int, seed: int, stream: str) -> tuple[Page, ...]:
    """At most so many pages, in their order."""
    if len(pages) <= num_pages:
        return tuple(pages)
    chosen = np.sort(generator(seed, stream).permutation(len(pages))[:num_pages])
    return tuple(pages[index] for index in chosen)
