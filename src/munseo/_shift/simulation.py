"""Train pages under drawn damages, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._augment import Recipe, apply_recipe
from munseo._augment.recipe import Entry
from munseo._randomness import generator
from munseo._shift.measures import read_square
from munseo._shift.readings import Readings, in_threads

BROAD = 0.35
"""Share of the severities that are drawn from the whole range, so that the search sees beyond the current one."""
SELDOM, OFTEN = 0.07, 0.93
"""Damages are drawn at least and at most so often, so that the answer to each is seen."""
LEAST_WIDTH = 0.02


@dataclass(frozen=True)
class Draws:
    """Which damages M pages get.

    Attributes:
        entries: What they were drawn around, one a damage.
        present: (M, D) bool.
        severity: (M, D), of damages that are absent too.
    """

    entries: tuple[Entry, ...]
    present: np.ndarray
    severity: np.ndarray


def draw_around(entries: Sequence[Entry], num_pages: int, seed: int, number: int) -> Draws:
    """Draw damages near a recipe, a little broader, so that recipes near it can be judged by the same pages.

    Args:
        entries: The recipe.
        num_pages: How many.
        seed: The same seed and number give the same draws.
        number: Of the round.
    """
    rng = generator(seed, "shift/draws", number)
    present = rng.random((num_pages, len(entries))) < [float(np.clip(entry[1], SELDOM, OFTEN)) for entry in entries]
    place = rng.random((num_pages, len(entries)))
    broad = rng.random((num_pages, len(entries))) < BROAD
    low = np.array([entry[2] for entry in entries])
    width = np.array([_width(entry) for entry in entries])
    severity = np.where(broad, place, np.minimum(low, 1 - width) + width * place)
    return Draws(tuple(entries), present, severity)


def draw_from(recipe: Recipe, num_pages: int, seed: int, number: int) -> Draws:
    """Draw damages exactly as the recipe says."""
    rng = generator(seed, "shift/draws", number)
    shape = (num_pages, len(recipe.damages))
    present = rng.random(shape) < [entry[1] for entry in recipe.damages]
    low, high = (np.array([entry[index] for entry in recipe.damages]) for index in (2, 3))
    return Draws(recipe.damages, present, low + (high - low) * rng.random(shape))


def simulate(squares: Sequence[np.ndarray], draws: Draws, seed: int, number: int, description: str) -> Readings:
    """Damage pages and measure them.

    Args:
        squares: Letterboxed train pages (S, S, 3) uint8; each is used about equally often.
        draws: For M pages.
        seed: The same seed and number give the same pages.
        number: Of the round.
        description: Beside the progress bar.
    """
    num_pages = len(draws.present)
    order = generator(seed, "shift/pages", number).permutation(num_pages) % len(squares)
    names = [entry[0] for entry in draws.entries]

    def one(index: int) -> np.ndarray:
        chosen = [
            (names[place], 1.0, float(draws.severity[index, place]), float(draws.severity[index, place]))
            for place in np.flatnonzero(draws.present[index])
        ]
        rng = generator(seed, "shift/damage", number, index)
        return apply_recipe(squares[order[index]], Recipe("drawn", tuple(chosen)), rng)

    return Readings.gather(list(in_threads(lambda index: read_square(one(index)), range(num_pages), description)))


def _width(entry: Entry) -> float:
    return max(entry[3] - entry[2], LEAST_WIDTH)
