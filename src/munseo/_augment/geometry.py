"""Shift, scale, rotation and transposition of a page as one warp: each further warp would blur the print again."""

from __future__ import annotations

import math

import cv2
import numpy as np

WHITE = (255, 255, 255)


def affine(
    size_px: int, *, angle_deg: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """Matrix (2, 3) that turns and scales about the centre, then shifts.

    Args:
        size_px: Side of the square page.
        angle_deg: Counter-clockwise.
        scale: Greater than 1 enlarges.
        shift: Right and down, as shares of the side.
    """
    centre = (size_px - 1) / 2
    cos, sin = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    return np.array(
        [
            [cos, sin, centre - cos * centre - sin * centre + shift[0] * size_px],
            [-sin, cos, centre + sin * centre - cos * centre + shift[1] * size_px],
        ]
    )


def warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a matrix; what comes from outside the page is white paper."""
    height, width = image.shape[:2]
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=WHITE
    )


def transpose(image: np.ndarray) -> np.ndarray:
    """Mirror along the main diagonal: rows become columns. Exact, no resampling."""
    return cv2.transpose(image)
