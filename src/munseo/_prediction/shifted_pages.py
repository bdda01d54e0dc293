"""Damaged validation pages: under a recipe, as pages may arrive in the test set, and under one damage at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from munseo._augment import DAMAGES, Recipe, apply_recipe
from munseo._data import Page, square
from munseo._model import ModelCard
from munseo._prediction.loader import Item, PageDataset, oriented
from munseo._randomness import generator

SHIFT_SEED = 0
"""Seed of the damage. It is the same in every run, whatever its ``random_seed``: runs are compared on equal pages."""
SEVERITIES = (1 / 3, 2 / 3, 1.0)
"""Severities of a damage that has degrees."""


class ShiftedPages(PageDataset):
    """Every page several times, each time with other damage: all pages in draw 0, then all pages in draw 1, and so on.

    The damage of a page is a function of the seed, the recipe, the page's ID and the draw only; its index and the other
    pages do not matter. The orientation is applied after the damage, as for a page that arrives damaged.
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

    def __getitem__(self, number: int) -> Item:
        draw, index = divmod(number, len(self.pages))
        page = self.pages[index]
        return self.image(index, draw), -1 if page.label is None else page.label, index, -1

    def image(self, index: int, draw: int) -> np.ndarray:
        """Return one page in one draw, uint8 (S, S, 3)."""
        page = self.pages[index]
        rng = generator(self.seed, f"shifted/{page.id}", draw)
        damaged = apply_recipe(square(page, self.image_size), self.recipe, rng)
        return oriented(damaged, self.orientation)


def profile_cells() -> list[tuple[str, float]]:
    """Return every damage with every severity; a damage without degrees has severity 1 only."""
    return [(name, severity) for name, d in DAMAGES.items() for severity in (SEVERITIES if d.graded else (1.0,))]


def chosen_pages(pages: Sequence[Page], num_pages: int) -> list[Page]:
    """Choose at most ``num_pages`` pages with the classes in their proportions, by random keys of their IDs."""
    keys = [generator(SHIFT_SEED, f"robustness/{page.id}").random() for page in pages]
    ranks: dict[int, float] = {}
    for label in sorted({page.label or 0 for page in pages}):
        members = sorted((index for index, page in enumerate(pages) if page.label == label), key=lambda i: keys[i])
        ranks |= {index: (number + 0.5) / len(members) for number, index in enumerate(members)}
    kept = sorted(sorted(ranks, key=lambda index: (ranks[index], index))[:num_pages])
    return [pages[index] for index in kept]


class DamagedPages(PageDataset):
    """Pages in every cell of the robustness profile: all pages in the first cell, then all in the second, and so on.

    The clean squares are kept in memory (S · S · 3 bytes per page), since each is used some 60 times.
    """

    def __init__(self, pages: Sequence[Page], card: ModelCard) -> None:
        self.pages = pages
        self.orientation = card.orientation
        self.cells = profile_cells()
        self._squares = [square(page, card.image_size) for page in pages]

    def __len__(self) -> int:
        return len(self.pages) * len(self.cells)

    def __getitem__(self, number: int) -> Item:
        cell, index = divmod(number, len(self.pages))
        label = self.pages[index].label
        image = oriented(self.image(index, *self.cells[cell]), self.orientation)
        return image, -1 if label is None else label, index, -1

    def image(self, index: int, damage: str, severity: float) -> np.ndarray:
        """Return one page under one damage, as it would arrive, uint8 (S, S, 3)."""
        return damaged(self._squares[index], self.pages[index].id, damage, severity)


def damaged(image: np.ndarray, page_id: str, damage: str, severity: float) -> np.ndarray:
    """Return a square page under one damage of the profile, as it would arrive, uint8 (S, S, 3).

    The damage has the same shape at every severity, so that a curve shows what the strength does.
    """
    return DAMAGES[damage](image, severity, generator(SHIFT_SEED, f"robustness/{damage}/{page_id}"))
