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
PredictRows = Callable[[Sequence[str], np.ndarray], np.ndarray]
"""A function from views and the indices of M pages to their probabilities, float32 (M, num_classes)."""


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
    if look is None:
        return held

    def of(dataset: PageDataset) -> PredictRows:
        return lambda views, rows: predict(ChosenPages(dataset, rows.tolist()), views)

    return look_again(held, look, of(clean), None if recipe is None else of(damaged))


def look_again(held: HeldOut, look: CrossFittedLook, clean: PredictRows, shifted: PredictRows | None) -> HeldOut:
    """Return the final predictions after a second look at the uncertain pages.

    Args:
        held: The first predictions.
        look: The cross-fitted rules of the second look, for pages in this order.
        clean: Predicts the pages as they are.
        shifted: Predicts them under the recipe, all pages of draw 0 first, and so on; None where there is no recipe.
    """
    final_clean, final_shifted = held.clean, held.shifted
    if final_clean is not None:
        final_clean = _final(final_clean, look, clean)
    if final_shifted is not None and shifted is not None:
        rows = final_shifted.reshape(-1, final_shifted.shape[2])  # (draws · N, K)
        tiled = replace(look, folds=np.tile(look.folds, len(final_shifted)))
        final_shifted = _final(rows, tiled, shifted).reshape(final_shifted.shape)
    return replace(held, clean=final_clean, shifted=final_shifted)


def _final(first: np.ndarray, look: CrossFittedLook, predict: PredictRows) -> np.ndarray:
    """Blend first probabilities (num_pages, K) with those of each page's rule; only uncertain pages are predicted."""
    seconds = {rule.views: np.zeros_like(first) for rule in look.rules}
    uncertain = look.uncertain(first)
    for views, rows in seconds.items():
        folds = [fold for fold, rule in enumerate(look.rules) if rule.views == views]
        indices = np.flatnonzero(uncertain & np.isin(look.folds, folds))
        if len(indices):
            rows[indices] = predict(views, indices)
    return look.applied(first, seconds)
