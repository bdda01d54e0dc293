"""Validation pages under a recipe: the same pages as they might arrive in the test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from munseo._augment import DAMAGES, Recipe, apply_recipe
from munseo._data import Page, square
from munseo._model import ModelCard
from munseo._prediction.loader import Item, PageDataset, oriented
from munseo._randomness import generator

SHIFT_SEED = 0
"""The damage of a page is the same in every run, whatever its ``random_seed``: runs are compared on equal pages."""
SEVERITIES = (1 / 3, 2 / 3, 1.0)
"""Severities of a damage that has degrees."""


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


def profile_cells() -> list[tuple[str, float]]:
    """Every damage at every severity; those that are all or nothing at 1 alone."""
    return [(name, severity) for name, d in DAMAGES.items() for severity in (SEVERITIES if d.graded else (1.0,))]


def chosen_pages(pages: Sequence[Page], num_pages: int) -> list[Page]:
    """At most ``num_pages`` pages, the classes in their proportions, by the order of their IDs' own random keys."""
    keys = [generator(SHIFT_SEED, f"robustness/{page.id}").random() for page in pages]
    ranks: dict[int, float] = {}
    for label in sorted({page.label or 0 for page in pages}):
        members = sorted((place for place, page in enumerate(pages) if page.label == label), key=lambda p: keys[p])
        ranks |= {place: (number + 0.5) / len(members) for number, place in enumerate(members)}
    kept = sorted(sorted(ranks, key=lambda place: (ranks[place], place))[:num_pages])
    return [pages[place] for place in kept]


class DamagedPages(PageDataset):
    """Pages under every cell of the profile: all pages under the first cell, then all under the second, and so on.

    The clean squares are kept in memory (S · S · 3 bytes a page), since each is used some 60 times.

    Args:
        pages: N pages whose images can be decoded.
        card: Size and orientation.
    """

    def __init__(self, pages: Sequence[Page], card: ModelCard) -> None:
        self.pages = pages
        self.orientation = card.orientation
        self.cells = profile_cells()
        self._squares = [square(page, card.image_size) for page in pages]

    def __len__(self) -> int:
        return len(self.pages) * len(self.cells)

    def __getitem__(self, place: int) -> Item:
        cell, index = divmod(place, len(self.pages))
        label = self.pages[index].label
        return (
            oriented(self.image(index, *self.cells[cell]), self.orientation),
            -1 if label is None else label,
            index,
            -1,
        )

    def image(self, index: int, damage: str, severity: float) -> np.ndarray:
        """One page under one damage, as it would arrive: uint8 (S, S, 3)."""
        return damaged(self._squares[index], self.pages[index].id, damage, severity)


def damaged(image: np.ndarray, page_id: str, damage: str, severity: float) -> np.ndarray:
    """A square page under one damage of the profile, as it would arrive: uint8 (S, S, 3).

    At every severity the shape of the damage is the same, so that a curve shows what the strength does.
    """
    return DAMAGES[damage](image, severity, generator(SHIFT_SEED, f"robustness/{damage}/{page_id}"))
