"""From pixels to what every model of an answer takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from munseo._data import letterbox
from munseo._prediction.loader import DecodedPage, oriented
from munseo._prediction.predictor import Predictor


def preparing(predictor: Predictor) -> Callable[[np.ndarray], DecodedPage]:
    """Preprocessing for every model that answers; members of an ensemble may want other sizes.

    Returns:
        A function from pixels (H, W, 3) uint8, upright RGB; threads may call it.
    """
    cards = [classifier.card for run in predictor.runs for classifier in run.classifiers]
    forms = sorted({(card.image_size, card.orientation) for card in cards})

    def prepare(pixels: np.ndarray) -> DecodedPage:
        return DecodedPage({(size, how): oriented(letterbox(pixels, size), how) for size, how in forms})

    return prepare
