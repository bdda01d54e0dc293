"""The resize that all pages go through: the whole page is fitted into a white square."""

from __future__ import annotations

import cv2
import numpy as np

WHITE = (255, 255, 255)
"""The colour of the padding."""


def letterbox(image: np.ndarray, size_px: int) -> np.ndarray:
    """Fit a page into a square: aspect ratio kept, nothing cropped, centred on white.

    Args:
        image: (H, W, 3) uint8.
        size_px: The side of the square, which is the longest side of the page in it.

    Returns:
        (size_px, size_px, 3) uint8; it never shares the memory of ``image``.
    """
    return padded(resized(image, size_px), size_px)


def resized(image: np.ndarray, size_px: int) -> np.ndarray:
    """Resize a page so that its longest side has ``size_px``; the aspect ratio is kept.

    Args:
        image: (H, W, 3) uint8.
        size_px: The longest side, px.

    Returns:
        (h, w, 3) uint8; ``image`` itself if it has that size already.
    """
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    if scale == 1:
        return image
    new_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Area averages all pixels, so thin strokes fade instead of breaking; cubic keeps enlarged strokes sharp.
    return cv2.resize(image, new_size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def padded(image: np.ndarray, size_px: int) -> np.ndarray:
    """Centre a page on a white square.

    Args:
        image: (h, w, 3) uint8, or (h, w) if all channels are equal; no side is longer than ``size_px``.
        size_px: The side of the square.

    Returns:
        (size_px, size_px, 3) uint8; it never shares the memory of ``image``.
    """
    height, width = image.shape[:2]
    top, left = (size_px - height) // 2, (size_px - width) // 2
    bottom, right = size_px - height - top, size_px - width - left
    square = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=WHITE)
    return square if square.ndim == 3 else cv2.cvtColor(square, cv2.COLOR_GRAY2RGB)
