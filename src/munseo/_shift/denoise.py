"""Noise taken off a page, for a second look at it."""

from __future__ import annotations

import cv2
import numpy as np

from munseo._augment.page_frame import find_page
from munseo._shift.grain import noise_sigma

CLEAN_SIGMA = 4.0
"""Grey levels; scans and JPEG leave less, and a filter would only take print away."""
STRONG_SIGMA = 14.0
"""From here on single pixels stand so far out that a median must take them first."""
AFTER_MEDIAN = 0.6
"""Of the noise, what a median of 3 × 3 px leaves, with room for the grain that it joins up."""
DIAMETER_PX, REACH_PX = 5, 1.5
SIMILAR = 3.0
"""Neighbours that differ by less than about so many sigmas count as the same paper."""


def denoise(square: np.ndarray) -> np.ndarray:
    """Take noise off a page, and leave a clean page as it is.

    Bilateral filter (Tomasi and Manduchi, Bilateral filtering for gray and color images, 1998) whose reach in grey
    levels follows the measured noise; after a median of 3 × 3 px where the noise is strong.

    Args:
        square: Letterboxed page (S, S, 3) uint8; it stays as it is.

    Returns:
        (S, S, 3) uint8.
    """
    frame = find_page(square)
    page = frame.cut(square)
    sigma = noise_sigma(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY))
    if sigma <= CLEAN_SIGMA:
        return square.copy()
    if sigma > STRONG_SIGMA:
        page = cv2.medianBlur(page, 3)
        sigma *= AFTER_MEDIAN
    page = cv2.bilateralFilter(page, DIAMETER_PX, SIMILAR * sigma, REACH_PX)
    return frame.place(page, square.shape[0])
