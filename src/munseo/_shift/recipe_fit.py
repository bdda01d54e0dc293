"""The fit of a recipe: a first guess from single measures, then rounds of simulation and search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from munseo._augment import DAMAGES, Recipe, RecipeEntry
from munseo._console import say
from munseo._shift.measures import FITTED, SKEWED_DEG
from munseo._shift.orientation import Orientation
from munseo._shift.readings import Readings
from munseo._shift.recipe_search import PRICE, DamageResponse, Target, improve_recipe
from munseo._shift.simulation import draw_around, draw_from, simulate

NUM_ROUNDS = 4
"""Rounds of simulation and search."""
PAGES_PER_TEST_PAGE = 4
"""Pages simulated in a round for each test page."""
MIN_PAGES, MAX_PAGES = 100, 400
"""Least and largest number of pages simulated in a round."""
FITTED_DAMAGES = tuple(damage.name for damage in DAMAGES.values() if damage.measure in FITTED)
"""Damages that the measures can tell apart. JPEG is fitted separately, on files of full size (``fit_jpeg``)."""
CERTAIN = 0.95
"""Test pages that are no farther away than this quantile of random splits have no shift, and the recipe is empty."""
TAIL = 0.025
"""Fraction of the train pages beyond which a test page counts as damaged in the first guess."""
WHOLE_CIRCLE_DEG = 18.0
"""Skews modulo 90° of pages in any direction are even from 0 to 45°; half of the skewed ones are above 24°."""
FIRST_RANGE = (0.1, 0.7)
"""Range of severities of the first guess."""


@dataclass(frozen=True)
class RecipeFit:
    """The result of the fit."""

    recipe: Recipe
    simulated: dict[str, np.ndarray]  # measures of freshly simulated train pages under the recipe: (M,) each
    before: float  # distance of train to test pages, the mean over all measures that were fitted
    after: float  # distance of simulated to test pages


def fit_recipe(
    squares: Sequence[np.ndarray], train: Readings, test: Readings, orientation: Orientation, name: str, seed: int
) -> RecipeFit:
    """Fit the recipe under which train pages measure like test pages; the same seed gives the same recipe.

    The squares are letterboxed train pages (S, S, 3) uint8, and the orientation was learned from the train pages.
    """
    train_table, test_table = train.table(orientation), test.table(orientation)
    target = Target.of(train_table, test_table)
    chance = target.chance(train_table, test_table, seed)
    target = replace(target, price=PRICE * float(chance.mean()))
    before = _distance(target, train_table)
    num_pages = int(np.clip(PAGES_PER_TEST_PAGE * len(test.layouts), MIN_PAGES, MAX_PAGES))
    entries: list[RecipeEntry] = []
    if before > np.quantile(chance, CERTAIN):
        entries = first_guess(train_table, test_table, test, orientation)
        response = DamageResponse()
        for number in range(1, NUM_ROUNDS + 1):
            draws = draw_around(entries, num_pages, seed, number)
            drawn = simulate(squares, draws, seed, number, f"Fitting, round {number} of {NUM_ROUNDS}")
            response.learn(draws, target.indicator(drawn.table(orientation)))
            entries = improve_recipe(entries, response, target)
    recipe = Recipe(name, tuple(_rounded(entry) for entry in entries if entry.probability > 0))
    last = NUM_ROUNDS + 1
    final = simulate(squares, draw_from(recipe, num_pages, seed, last), seed, last, "Checking the recipe")
    simulated = final.table(orientation)
    after = _distance(target, simulated)
    if after >= before:
        # Two samples of the same pages differ by chance; damage fitted to that would only be noise.
        recipe, simulated, after = Recipe(name, ()), dict(train_table), before
    say(f"distance of simulated to test pages: {after:.3f}; of train to test pages: {before:.3f}")
    return RecipeFit(recipe, simulated, before, after)


def _distance(target: Target, table: Mapping[str, np.ndarray]) -> float:
    return float(target.distance(target.indicator(table).mean(axis=0)))


def first_guess(
    train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], readings: Readings, orientation: Orientation
) -> list[RecipeEntry]:
    """Return the recipe that the search starts from: each damage judged by the one measure that shows it best."""
    guess = {name: RecipeEntry(name, 0.0, *FIRST_RANGE) for name in FITTED_DAMAGES}
    for name in FITTED_DAMAGES:
        measure, trend = DAMAGES[name].measure, DAMAGES[name].trend
        if measure is not None and trend:
            fraction = _fraction_beyond(trend * train[measure], trend * test[measure])
            guess[name] = RecipeEntry(name, fraction, *FIRST_RANGE)
    straight = np.abs(test["skew"]) <= SKEWED_DEG
    layouts = readings.layouts[straight] if straight.any() else readings.layouts
    states = orientation.fractions(layouts)
    guess["mirror"] = RecipeEntry("mirror", float(states[4:].sum()), 1.0, 1.0)
    guess["quarter_turn"] = RecipeEntry("quarter_turn", float(1 - states[0] - states[4]), 1.0, 1.0)
    guess["rotation"] = _first_rotation(np.abs(train["skew"]), np.abs(test["skew"]))
    return [guess[name] for name in FITTED_DAMAGES]


def _fraction_beyond(train: np.ndarray, test: np.ndarray) -> float:
    """Return the fraction of test pages above nearly all train pages."""
    return max(0.0, float(np.mean(test > np.quantile(train, 1 - TAIL))) - TAIL)


def _first_rotation(train_deg: np.ndarray, test_deg: np.ndarray) -> RecipeEntry:
    limit = max(SKEWED_DEG, float(np.quantile(train_deg, 0.9)))
    skewed = test_deg > limit
    fraction = max(0.0, float(skewed.mean() - (train_deg > limit).mean()))
    if fraction < TAIL:
        return RecipeEntry("rotation", 0.0, 0.0, 0.1)
    middle = float(np.median(test_deg[skewed]))
    if middle > WHOLE_CIRCLE_DEG:
        return RecipeEntry("rotation", min(1.0, fraction / (1 - limit / 45)), 0.0, 1.0)
    # Angles are drawn uniformly up to the reach, and those below the limit were not counted.
    reach = 2 * middle - limit
    return RecipeEntry("rotation", min(1.0, fraction * reach / (reach - limit)), 0.0, reach / 180)


BEST_QUALITY, WORST_QUALITY = 95, 8
"""JPEG qualities at severities 0 and 1 of the damage ``jpeg``."""
NOTICEABLE = 5
"""How much lower than nearly all train files the quality of a test file must be."""
MIN_FRACTION = 0.05
"""Fewer test files than this fraction are not worth an entry."""


def fit_jpeg(train: np.ndarray, test: np.ndarray, shrink: float) -> RecipeEntry | None:
    """Fit the damage ``jpeg`` to the qualities of files, or return None if test files were not saved worse.

    ``shrink`` is the side of the page that a model sees, divided by that of the file: shrinking heals that much.
    """
    worse = test < np.quantile(train, 0.05) - NOTICEABLE
    if worse.mean() < MIN_FRACTION:
        return None
    qualities = np.quantile(test[worse], (0.95, 0.05))
    severity = np.clip((BEST_QUALITY - qualities) / (BEST_QUALITY - WORST_QUALITY) * min(1.0, shrink), 0, 1)
    return _rounded(RecipeEntry("jpeg", float(worse.mean()), float(severity[0]), float(severity[1])))


def _rounded(entry: RecipeEntry) -> RecipeEntry:
    return RecipeEntry(entry.name, *(round(value, 2) for value in entry[1:]))
