"""From what was measured to a recipe: a first guess by single measures, then rounds of simulation and search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from munseo._augment import DAMAGES, Recipe
from munseo._augment.recipe import Entry
from munseo._console import say
from munseo._shift.measures import SKEWED_DEG
from munseo._shift.orientation import Orientation
from munseo._shift.readings import Readings
from munseo._shift.recipe_search import PRICE, Answer, Target, improve
from munseo._shift.simulation import draw_around, draw_from, simulate

NUM_ROUNDS = 4
FEWEST, MOST = 100, 400
"""Pages simulated in a round: four for each test page, within these."""
SIGNS: dict[str, tuple[str, int]] = {
    "table": ("corner_darkness", 1),
    "perspective": ("line_spread", 1),
    "gradient": ("light_fall", 1),
    "focus_blur": ("edge_width", 1),
    "contrast": ("contrast", -1),
    "darkness": ("brightness", -1),
    "noise": ("noise", 1),
    "occlusion": ("covered", 1),
}
"""The measure that shows a damage best, and whether it rises or falls; the first guess is read off it."""
UNTOLD = ("ink_fade", "show_through", "stain", "overlay", "rescale", "jpeg")
FITTED_DAMAGES = tuple(name for name in DAMAGES if name not in UNTOLD)
"""Those that the measures tell apart. Faded ink, a second page and show-through look like blur and noise on pale paper,
a stain like a shadow, a thumbnail like a lens out of focus; JPEG is fitted by itself, on files of full size."""
CERTAIN = 0.95
"""Test pages that are no farther away than this quantile of random partings have no shift, and the recipe is empty."""
TAIL = 0.025
WHOLE_CIRCLE_DEG = 18.0
"""Skews modulo 90° of pages that lie in any direction are even from 0 to 45°; half of the skewed ones lie above 24°."""
FIRST_RANGE = (0.1, 0.7)


@dataclass(frozen=True)
class Fit:
    """What came of the search.

    Attributes:
        recipe: The recipe.
        simulated: Measures of train pages under it, drawn afresh: (M,) each.
        before: Distance of train to test pages, the mean over all measures that were fitted.
        after: The same of simulated to test pages.
    """

    recipe: Recipe
    simulated: dict[str, np.ndarray]
    before: float
    after: float


def fit_recipe(
    squares: Sequence[np.ndarray], train: Readings, test: Readings, orientation: Orientation, name: str, seed: int
) -> Fit:
    """Fit the recipe under which train pages measure like test pages.

    Args:
        squares: Letterboxed train pages (S, S, 3) uint8.
        train: Readings of train pages.
        test: Readings of test pages.
        orientation: Learned from the train pages.
        name: Of the recipe.
        seed: The same seed gives the same recipe.
    """
    train_table, test_table = train.table(orientation), test.table(orientation)
    target = Target.of(train_table, test_table)
    chance = target.chance(train_table, test_table, seed)
    target = replace(target, price=PRICE * float(chance.mean()))
    before = _distance(target, train_table)
    num_pages = int(np.clip(4 * len(test.layouts), FEWEST, MOST))
    entries: list[Entry] = []
    if before > np.quantile(chance, CERTAIN):
        entries = first_guess(train_table, test_table, test, orientation)
        answer = Answer()
        for number in range(1, NUM_ROUNDS + 1):
            draws = draw_around(entries, num_pages, seed, number)
            drawn = simulate(squares, draws, seed, number, f"Fitting, round {number} of {NUM_ROUNDS}")
            answer.learn(draws, target.indicator(drawn.table(orientation)))
            entries = improve(entries, answer, target)
    recipe = Recipe(name, tuple(_rounded(entry) for entry in entries if entry[1] > 0))
    last = NUM_ROUNDS + 1
    final = simulate(squares, draw_from(recipe, num_pages, seed, last), seed, last, "Checking the recipe")
    simulated = final.table(orientation)
    after = _distance(target, simulated)
    if after >= before:
        # Chance alone parts two samples of the same pages; damage fitted to that would only be noise.
        recipe, simulated, after = Recipe(name, ()), dict(train_table), before
    say(f"distance of simulated to test pages: {after:.3f}; of train to test pages: {before:.3f}")
    return Fit(recipe, simulated, before, after)


def first_guess(
    train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], readings: Readings, orientation: Orientation
) -> list[Entry]:
    """Where the search starts: each damage by the one measure that shows it best."""
    found = {name: (name, 0.0, *FIRST_RANGE) for name in FITTED_DAMAGES}
    for name, (measure, sign) in SIGNS.items():
        share = _beyond(sign * train[measure], sign * test[measure])
        found[name] = (name, share, *FIRST_RANGE)
    straight = np.abs(test["skew"]) <= SKEWED_DEG
    layouts = readings.layouts[straight] if straight.any() else readings.layouts
    states = orientation.fractions(layouts)
    found["mirror"] = ("mirror", float(states[4:].sum()), 1.0, 1.0)
    found["quarter_turn"] = ("quarter_turn", float(1 - states[0] - states[4]), 1.0, 1.0)
    found["rotation"] = _first_rotation(np.abs(train["skew"]), np.abs(test["skew"]))
    return [found[name] for name in FITTED_DAMAGES]


def _distance(target: Target, table: Mapping[str, np.ndarray]) -> float:
    return float(target.distance(target.indicator(table).mean(axis=0)))


def _first_rotation(train_deg: np.ndarray, test_deg: np.ndarray) -> Entry:
    limit = max(SKEWED_DEG, float(np.quantile(train_deg, 0.9)))
    skewed = test_deg > limit
    share = max(0.0, float(skewed.mean() - (train_deg > limit).mean()))
    if share < TAIL:
        return ("rotation", 0.0, 0.0, 0.1)
    middle = float(np.median(test_deg[skewed]))
    if middle > WHOLE_CIRCLE_DEG:
        return ("rotation", min(1.0, share / (1 - limit / 45)), 0.0, 1.0)
    # Evenly drawn angles up to the reach, of which those below the limit were not counted.
    reach = 2 * middle - limit
    return ("rotation", min(1.0, share * reach / (reach - limit)), 0.0, reach / 180)


def _beyond(train: np.ndarray, test: np.ndarray) -> float:
    """Share of test pages above nearly all train pages."""
    return max(0.0, float(np.mean(test > np.quantile(train, 1 - TAIL))) - TAIL)


def _rounded(entry: Entry) -> Entry:
    name, probability, low, high = entry
    return name, round(probability, 2), round(low, 2), round(high, 2)
