"""Simulated pages: train pages under randomly drawn damages, and what they measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._augment import Recipe, RecipeEntry, apply_recipe
from munseo._randomness import generator
from munseo._shift.measures import read_square
from munseo._shift.readings import Readings, in_threads

BROAD = 0.35
"""Fraction of the severities that are drawn from the whole range, so that the search sees beyond the current one."""
SELDOM, OFTEN = 0.07, 0.93
"""Damages are drawn at least and at most this often, so that the effect of each can be measured."""
MIN_WIDTH = 0.02
"""Narrowest range of severities that is drawn from."""


@dataclass(frozen=True)
class DamageDraws:
    """The damages that M pages get."""

    entries: tuple[RecipeEntry, ...]  # the recipe that they were drawn around, one entry for each of D damages
    present: np.ndarray  # (M, D) bool
    severity: np.ndarray  # (M, D), also for damages that are absent


def draw_around(entries: Sequence[RecipeEntry], num_pages: int, seed: int, number: int) -> DamageDraws:
    """Draw damages near a recipe, a little broader, so that recipes near it can be judged by the same pages.

    The same seed and number (of the round) give the same draws.
    """
    rng = generator(seed, "shift/draws", number)
    chances = [float(np.clip(entry.probability, SELDOM, OFTEN)) for entry in entries]
    present = rng.random((num_pages, len(entries))) < chances
    strength = rng.random((num_pages, len(entries)))
    broad = rng.random((num_pages, len(entries))) < BROAD
    low = np.array([entry.low for entry in entries])
    width = np.array([max(entry.high - entry.low, MIN_WIDTH) for entry in entries])
    severity = np.where(broad, strength, np.minimum(low, 1 - width) + width * strength)
    return DamageDraws(tuple(entries), present, severity)


def draw_from(recipe: Recipe, num_pages: int, seed: int, number: int) -> DamageDraws:
    """Draw damages with exactly the probabilities and severities of a recipe."""
    rng = generator(seed, "shift/draws", number)
    shape = (num_pages, len(recipe.damages))
    present = rng.random(shape) < [entry.probability for entry in recipe.damages]
    low = np.array([entry.low for entry in recipe.damages])
    high = np.array([entry.high for entry in recipe.damages])
    return DamageDraws(recipe.damages, present, low + (high - low) * rng.random(shape))


def simulate(squares: Sequence[np.ndarray], draws: DamageDraws, seed: int, number: int, description: str) -> Readings:
    """Damage pages and measure them.

    The squares are letterboxed train pages (S, S, 3) uint8, each used about equally often. The same seed and number (of
    the round) give the same pages; ``description`` labels the progress bar.
    """
    num_pages = len(draws.present)
    order = generator(seed, "shift/pages", number).permutation(num_pages) % len(squares)

    def damaged(index: int) -> np.ndarray:
        chosen = []
        for column in np.flatnonzero(draws.present[index]):
            severity = float(draws.severity[index, column])
            chosen.append(RecipeEntry(draws.entries[column].name, 1.0, severity, severity))
        rng = generator(seed, "shift/damage", number, index)
        return apply_recipe(squares[order[index]], Recipe("drawn", tuple(chosen)), rng)

    return Readings.gather(list(in_threads(lambda index: read_square(damaged(index)), range(num_pages), description)))
