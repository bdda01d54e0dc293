"""Pages that show a quantiser which values a network's layers take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from munseo.augment import Recipe
from munseo.data import Page
from munseo.evaluation.inputs import InferencePages
from munseo.evaluation.shifted import ShiftedPages
from munseo.model import Classifier
from munseo.randomness import generator

NUM_PAGES = 64
BATCH = 8


def calibration_batches(
    classifier: Classifier, train: Sequence[Page], recipe: Recipe | None, seed: int
) -> list[np.ndarray]:
    """Normalised training pages, float32 (8, 3, S, S) a batch.

    The pages are as they will be predicted, without augmentation. Where the run validates under shift, every second
    one is damaged by its recipe: test pages may be, and their values must not be cut off.

    Args:
        classifier: For its card and normalisation.
        train: Pages of the train part.
        recipe: Of the run's second validation.
        seed: Of the choice of pages.
    """
    card = classifier.card
    chosen = [train[int(place)] for place in generator(seed, "calibration").permutation(len(train))[:NUM_PAGES]]
    clean = InferencePages(chosen, card.image_size, card.orientation)
    shifted = ShiftedPages(chosen, card.image_size, recipe, 1, card.orientation) if recipe else clean
    pages = np.stack([(shifted if place % 2 else clean)[place][0] for place in range(len(chosen))])
    images = classifier.prepare(torch.from_numpy(pages)).contiguous().numpy()
    return [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
