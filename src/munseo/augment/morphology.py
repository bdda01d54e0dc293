"""Dilation and erosion of a page, named as OpenCV names them for bright pixels."""

from __future__ import annotations

import cv2
import numpy as np

SHAPES = (cv2.MORPH_RECT, cv2.MORPH_CROSS, cv2.MORPH_ELLIPSE)


def dilate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Bright grows: dark print becomes thinner, as on a worn or overexposed copy."""
    return cv2.dilate(image, kernel)


def erode(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Dark grows: print becomes bolder, as on a copy with too much toner."""
    return cv2.erode(image, kernel)


def draw_kernel(rng: np.random.Generator, largest_px: int) -> np.ndarray:
    """A small kernel of random shape with sides of 2 to ``largest_px`` pixels."""
    width, height = rng.integers(2, largest_px + 1, 2)
    return cv2.getStructuringElement(SHAPES[int(rng.integers(len(SHAPES)))], (int(width), int(height)))
