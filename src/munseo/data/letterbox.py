"""The one resize: the whole page into a square."""

from __future__ import annotations

import cv2
import numpy as np


def letterbox(image: np.ndarray, size_px: int) -> np.ndarray:
    """Fit a page into a square: aspect ratio kept, nothing cropped, centred on white.

    Args:
        image: (H, W, 3) uint8.
        size_px: Side of the square, and the longest side of the page in it.

    Returns:
        (size_px, size_px, 3) uint8, never the memory of ``image``.
    """
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    new_height, new_width = max(1, round(height * scale)), max(1, round(width * scale))
    if scale != 1:
        # Area averages all pixels, so thin strokes fade instead of breaking; cubic keeps enlarged strokes sharp.
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(image, (new_width, new_height), interpolation=method)
    square = np.full((size_px, size_px, 3), 255, np.uint8)
    top, left = (size_px - new_height) // 2, (size_px - new_width) // 2
    square[top : top + new_height, left : left + new_width] = image
    return square
