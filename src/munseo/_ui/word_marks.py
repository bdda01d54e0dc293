"""The words of an uploaded page that speak for its class: a list, and marks on its picture where words have a place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from munseo._data.pixels import resized, to_rgb
from munseo._prediction import Predictor
from munseo._prediction.loader import DecodedPage

NUM_WORDS = 12
"""Words that are listed and marked."""
MARK = np.array([255, 213, 79], dtype=np.float32)
"""Colour of the marks, RGB, as of a text marker."""
STRENGTH = 0.45
"""How much of a marked pixel is the mark's."""


@dataclass(frozen=True)
class SpokenWords:
    """The words of a page: their number, and those that speak for a class with what they add to its logit."""

    num_words: int
    words: tuple[tuple[str, float], ...]
    marked: np.ndarray  # picture with marks, uint8 RGB


def spoken_words(
    predictor: Predictor, page: DecodedPage, label: int, pixels: np.ndarray, size: int
) -> SpokenWords | None:
    """Return what the words of a page say for a class of the predictor; None where the run uses no words.

    Args:
        predictor: The run.
        page: The page as it was prepared.
        label: The class.
        pixels: The page, uint8 RGB or grey.
        size: Longest side of the picture, px.
    """
    evidence = predictor.word_evidence(page, label)
    if evidence is None or page.words is None:
        return None
    order = [int(index) for index in np.argsort(-evidence, kind="stable")[:NUM_WORDS] if evidence[index] > 0]
    picture = to_rgb(resized(pixels, size))
    boxes = page.words.boxes_as_given()
    if boxes is not None:
        picture = _marked(picture, boxes[order])
    words = tuple((page.words.words[index], float(evidence[index])) for index in order)
    return SpokenWords(len(page.words.words), words, picture)


def _marked(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return a picture with marks over boxes (N, 4), fractions of its width and height."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), dtype=np.uint8)
    for x0, y0, x1, y1 in (boxes * np.array([width, height, width, height])).round().astype(int).tolist():
        cv2.rectangle(mask, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), 255, -1)
    covered = mask > 0
    result = picture.copy()
    result[covered] = (picture[covered] * (1 - STRENGTH) + MARK * STRENGTH).astype(np.uint8)
    return result
