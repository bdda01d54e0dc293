"""Pixels that are not square: a fax has half as many lines as it should, and is stretched to its true shape.

A page whose resolutions differ in the two directions looks squeezed if its pixels are taken for squares. Viewers that
people use honour the resolutions, so the model has to see the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

LEAST_RATIO = 1.05
"""Resolutions that differ by less are taken for equal: 204 × 196 dpi, a fine fax, is stretched by nobody's viewer."""
MOST_RATIO = 5.0
"""Resolutions that differ by more are taken for a mistake of the program that wrote them."""


def aspect_ratio(image: Image.Image) -> float:
    """Return the height of a stored pixel divided by its width; 1 where that is not known, or not to be believed.

    JPEG has the resolutions of JFIF, of which unit 0 gives the ratio alone, and PNG those of ``pHYs``. The pixels need
    not have been read.
    """
    reader = _READERS.get(image.format or "")
    return 1.0 if reader is None else believable_ratio(*reader(image))


def believable_ratio(across: float, down: float) -> float:
    """Return the ratio of two resolutions, that of the columns divided by that of the rows.

    It is 1 where they are not known, or too far apart or too close to each other. TIFF has them with or without a unit.
    """
    if not (0 < across < math.inf and 0 < down < math.inf):  # NaN is none of this
        return 1.0
    ratio = across / down
    return ratio if LEAST_RATIO <= max(ratio, 1 / ratio) <= MOST_RATIO else 1.0


def _of_jpeg(image: Image.Image) -> tuple[float, float]:
    across, down = image.info.get("jfif_density", (1, 1))
    return float(across), float(down)


def _of_png(image: Image.Image) -> tuple[float, float]:
    across, down = image.info.get("aspect") or image.info.get("dpi") or (1, 1)
    return float(across), float(down)


_READERS: dict[str, Callable[[Image.Image], tuple[float, float]]] = {"JPEG": _of_jpeg, "PNG": _of_png}


def stretched(pixels: np.ndarray, ratio: float, max_pixels: int) -> np.ndarray:
    """Return a page with square pixels: the direction with fewer pixels to an inch is enlarged.

    Where it would have more than ``max_pixels`` then, the other direction is reduced instead.

    Args:
        pixels: (H, W, 3) or (H, W) uint8, with rows and columns as they are stored.
        ratio: The height of a pixel divided by its width.
        max_pixels: The most pixels of a page.
    """
    if ratio == 1:
        return pixels
    height, width = pixels.shape[:2]
    larger = max(ratio, 1 / ratio)
    if height * width * larger <= max_pixels:
        size = (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
        return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    size = (max(1, round(width / ratio)), height) if ratio > 1 else (width, max(1, round(height * ratio)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
