"""Validation pages under a recipe: the same pages as they might arrive in the test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from munseo._augment import Recipe, apply_recipe
from munseo._data import Page, square
from munseo._prediction.loader import Item, PageDataset, oriented
from munseo._randomness import generator

SHIFT_SEED = 0
"""The damage of a page is the same in every run, whatever its ``random_seed``: runs are compared on equal pages."""


class ShiftedPages(PageDataset):
    """Every page several times, each time with other damage: all pages under draw 0, then all under draw 1, and so on.

    What a page goes through is a function of the recipe, the page's ID and the draw alone; neither its place nor the
    other pages matter.

    Args:
        pages: N pages whose images can be decoded.
        image_size: Side of the square, px.
        recipe: The damages.
        num_draws: How often each page comes.
        orientation: As in the configuration: it comes after the damage, as with a page that arrives damaged.
        seed: Another seed, other damage.
    """

    def __init__(
        self,
        pages: Sequence[Page],
        image_size: int,
        recipe: Recipe,
        num_draws: int,
        orientation: str = "as_is",
        seed: int = SHIFT_SEED,
    ) -> None:
        self.pages = pages
        self.image_size = image_size
        self.orientation = orientation
        self.recipe = recipe
        self.num_draws = num_draws
        self.seed = seed

    def __len__(self) -> int:
        return len(self.pages) * self.num_draws

    def __getitem__(self, place: int) -> Item:
        draw, index = divmod(place, len(self.pages))
        page = self.pages[index]
        return self.image(index, draw), -1 if page.label is None else page.label, index, -1

    def image(self, index: int, draw: int) -> np.ndarray:
        """One page under one draw, uint8 (S, S, 3)."""
        page = self.pages[index]
        rng = generator(self.seed, f"shifted/{page.id}", draw)
        damaged = apply_recipe(square(page, self.image_size), self.recipe, rng)
        return oriented(damaged, self.orientation)
