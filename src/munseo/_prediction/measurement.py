"""Measures a pipeline on held-out pages: clean, and in every draw of the recipe.

Temperature, thresholds and the expected score come from such predictions (``munseo._evaluation.held_out``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from munseo._augment import Recipe
from munseo._data import Page
from munseo._evaluation.held_out import HeldOut, Pipeline
from munseo._evaluation.second_look import CrossFittedLook
from munseo._model import ModelCard
from munseo._prediction.loader import ChosenPages, InferencePages, PageDataset
from munseo._prediction.shifted_pages import ShiftedPages

Predict = Callable[[PageDataset, Sequence[str]], np.ndarray]
"""A function from pages and views to the probabilities of the models, float32 (num_pages, num_classes)."""


def measure(
    pages: Sequence[Page],
    labels: np.ndarray,
    card: ModelCard,
    recipe: Recipe | None,
    num_draws: int,
    pipeline: Pipeline,
    look: CrossFittedLook | None,
    predict: Predict,
) -> HeldOut:
    """Predict labelled pages by a pipeline, which is that of one run.

    Args:
        pages: Pages that its models were not trained on.
        labels: Their classes as the card counts them, int (N,).
        card: How the pages are prepared.
        recipe: The damage of the second validation; None: clean pages only.
        num_draws: How often each page is damaged.
        pipeline: What is measured.
        look: The cross-fitted rules that stand for the pipeline's second look, for pages in this order.
        predict: What the models of the pipeline predict.
    """
    clean = InferencePages(pages, card.image_size, card.orientation)
    [views] = pipeline.views
    first = predict(clean, views)
    shifted = None
    if recipe is not None:
        damaged = ShiftedPages(pages, card.image_size, recipe, num_draws, card.orientation)
        shifted = predict(damaged, views).reshape(num_draws, *first.shape)
    held = HeldOut(tuple(page.id for page in pages), labels, first, shifted)
    return held if look is None else look_again(held, pages, card, recipe, look, predict)


def look_again(
    held: HeldOut,
    pages: Sequence[Page],
    card: ModelCard,
    recipe: Recipe | None,
    look: CrossFittedLook,
    predict: Predict,
) -> HeldOut:
    """Return the final predictions after a second look at the uncertain pages, given the first ones in ``held``.

    The other arguments are those of ``measure``.
    """
    clean, shifted = held.clean, held.shifted
    if clean is not None:
        clean = _final(clean, look, InferencePages(pages, card.image_size, card.orientation), predict)
    if shifted is not None and recipe is not None:
        num_draws = len(shifted)
        rows = shifted.reshape(-1, shifted.shape[2])  # (draws · N, K), as the dataset counts pages
        damaged = ShiftedPages(pages, card.image_size, recipe, num_draws, card.orientation)
        tiled = replace(look, folds=np.tile(look.folds, num_draws))
        shifted = _final(rows, tiled, damaged, predict).reshape(shifted.shape)
    return replace(held, clean=clean, shifted=shifted)


def _final(first: np.ndarray, look: CrossFittedLook, pages: PageDataset, predict: Predict) -> np.ndarray:
    """Blend first probabilities (num_pages, K) with those of each page's rule; only uncertain pages are predicted."""
    seconds = {rule.views: np.zeros_like(first) for rule in look.rules}
    uncertain = look.uncertain(first)
    for views, rows in seconds.items():
        folds = [fold for fold, rule in enumerate(look.rules) if rule.views == views]
        indices = np.flatnonzero(uncertain & np.isin(look.folds, folds))
        if len(indices):
            rows[indices] = predict(ChosenPages(pages, indices.tolist()), views)
    return look.applied(first, seconds)
