"""Noise, sharpness and JPEG compression: what lens, sensor and file format leave in the finest detail of a page."""

from __future__ import annotations

import math
from io import BytesIO

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

CELLS = 8
"""Noise is measured in a grid of this many cells per side."""
FLAT_FRACTION = 0.35
"""Fraction of a page's cells that are assumed to hold no print."""
WINDOW_PX = 5
"""Side of the window in which the width of edges is measured."""
STRONG_EDGE = 0.5
"""Only edges with at least this fraction of the contrast of the page's strongest edges count."""

_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def noise_sigma(grey: np.ndarray) -> float:
    """Return the standard deviation of the noise of a page (H, W) uint8, in grey levels.

    The difference of two Laplacians ignores paper, slopes of light and straight edges (Immerkær, Fast noise variance
    estimation, 1996). It is taken by cells, and the flatter cells decide, so that dense print does not count as noise.
    """
    height, width = grey.shape
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, _NOISE_KERNEL, borderType=cv2.BORDER_REFLECT_101))
    cells = cv2.resize(response, (min(CELLS, width), min(CELLS, height)), interpolation=cv2.INTER_AREA)
    return float(np.quantile(cells, FLAT_FRACTION)) * math.sqrt(math.pi / 2) / 6


def edge_widths(grey: np.ndarray) -> tuple[float, float]:
    """Return the width of vertical edges (across x) and of horizontal ones (across y), px; 1 is as sharp as can be.

    In each window of 5 px the range of grey levels is divided by the steepest step between neighbours: the width in
    which the edge would rise at that slope (after Marziliano et al., A no-reference perceptual blur metric, 2002).
    Noise hardly matters, since only the strongest edges of the page (H, W) uint8 count.
    """
    values = grey.astype(np.float32)
    window = np.ones((WINDOW_PX, WINDOW_PX), np.uint8)
    span = cv2.dilate(values, window) - cv2.erode(values, window)
    steps_x, steps_y = np.zeros_like(values), np.zeros_like(values)
    steps_x[:, :-1] = np.abs(np.diff(values, axis=1))
    steps_y[:-1] = np.abs(np.diff(values, axis=0))
    # One pixel narrower than the window of the range, so that both ends of each step lie in it.
    inner = np.ones((WINDOW_PX - 1, WINDOW_PX - 1), np.uint8)
    steepest_x, steepest_y = cv2.dilate(steps_x, inner), cv2.dilate(steps_y, inner)
    strong = span >= max(8.0, STRONG_EDGE * float(np.percentile(span[::2, ::2], 99)))

    def width(steepest: np.ndarray, across: np.ndarray) -> float:
        edges = strong & (steepest > across)
        return float(span[edges].sum() / steepest[edges].sum()) if edges.any() else 1.0

    return width(steepest_x, steepest_y), width(steepest_y, steepest_x)


BLOCK_PX = 8
"""Side of the blocks of JPEG."""
MAX_SIDE_PX = 1024
"""Only the middle of larger images is searched for blocks."""


def blockiness(grey: np.ndarray) -> float:
    """Compare the steps at every eighth pixel of an image, never resized, with the steps elsewhere; 1 without JPEG.

    After Wang, Sheikh and Bovik, No-reference perceptual quality assessment of JPEG compressed images, 2002. All
    positions of the grid are tried, since files are cut and turned without being decoded.
    """
    height, width = grey.shape
    top, left = max(0, (height - MAX_SIDE_PX) // 2), max(0, (width - MAX_SIDE_PX) // 2)
    middle = grey[top : top + MAX_SIDE_PX, left : left + MAX_SIDE_PX].astype(np.float32)
    ratios = []
    for values in (middle, middle.T):
        # The second difference: a step that neither side continues.
        steps = np.abs(np.diff(values, axis=1))
        isolated = np.clip(steps[:, 1:-1] - 0.5 * (steps[:, :-2] + steps[:, 2:]), 0, None).mean(axis=0)
        if len(isolated) < 4 * BLOCK_PX:
            continue
        phases = np.array([isolated[phase::BLOCK_PX].mean() for phase in range(BLOCK_PX)])
        ratios.append(float((phases.max() + 0.02) / (np.median(phases) + 0.02)))
    return float(np.mean(ratios)) if ratios else 1.0


LOSSLESS = 100.0
"""Quality that files of other formats than JPEG count with."""
NUM_STEPS = 32
"""How many of a table's 64 quantisation steps are read: the smaller half, since poor files cut the others off."""
SUM_AT_50 = 898
"""Sum of these steps at quality 50: the luminance table of Annex K of the JPEG standard (ITU-T T.81, 1992)."""


def jpeg_quality(data: bytes) -> float:
    """Return the quality of a file, 1 to 100, on the scale of the Independent JPEG Group; 100 for any other format.

    The data are those of an image that has been decoded already.
    """
    if not data.startswith(b"\xff\xd8"):
        return LOSSLESS
    tables = JpegImageFile(BytesIO(data)).quantization
    if not tables:
        return LOSSLESS
    factor = 100 * sum(sorted(tables[min(tables)])[:NUM_STEPS]) / SUM_AT_50
    return float(np.clip(round((200 - factor) / 2 if factor <= 100 else 5000 / factor), 1, 100))
