"""Noise, sharpness of edges and blocks of JPEG: what lens, sensor and file format left in the finest detail."""

from __future__ import annotations

import math

import cv2
import numpy as np

CELLS = 8
FLAT_SHARE = 0.35
"""Of the cells of a page, so many are taken to hold no print."""
WINDOW_PX = 5
STRONG = 0.5
"""Edges count that reach half of the page's strongest ones."""
BLOCK_PX = 8
MAX_SIDE_PX = 1024

_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def noise_sigma(grey: np.ndarray) -> float:
    """Standard deviation of the noise, grey levels.

    The difference of two Laplacians ignores paper, slopes of light and straight edges (Immerkær, Fast noise variance
    estimation, 1996). It is taken by cells, and the flatter ones tell, so that dense print does not count as noise.

    Args:
        grey: (H, W) uint8.
    """
    height, width = grey.shape
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, _NOISE_KERNEL, borderType=cv2.BORDER_REFLECT_101))
    cells = cv2.resize(response, (min(CELLS, width), min(CELLS, height)), interpolation=cv2.INTER_AREA)
    return float(np.quantile(cells, FLAT_SHARE)) * math.sqrt(math.pi / 2) / 6


def edge_widths(grey: np.ndarray) -> tuple[float, float]:
    """Width of upright edges (across x) and of lying ones (across y), px; 1 is as sharp as pixels can be.

    In each window of 5 px the range of grey levels is set against the steepest step between neighbours: the width in
    which the edge would rise at that slope (after Marziliano et al., A no-reference perceptual blur metric, 2002).
    Noise hardly matters, since only the strongest edges of the page count.

    Args:
        grey: (H, W) uint8.
    """
    values = grey.astype(np.float32)
    window = np.ones((WINDOW_PX, WINDOW_PX), np.uint8)
    span = cv2.dilate(values, window) - cv2.erode(values, window)
    steps_x, steps_y = np.zeros_like(values), np.zeros_like(values)
    steps_x[:, :-1] = np.abs(np.diff(values, axis=1))
    steps_y[:-1] = np.abs(np.diff(values, axis=0))
    # One pixel narrower than the range's window, so that both ends of each step lie in it.
    inner = np.ones((WINDOW_PX - 1, WINDOW_PX - 1), np.uint8)
    steepest_x, steepest_y = cv2.dilate(steps_x, inner), cv2.dilate(steps_y, inner)
    strong = span >= max(8.0, STRONG * float(np.percentile(span[::2, ::2], 99)))
    return tuple(  # type: ignore[return-value]
        float(span[edges].sum() / own[edges].sum()) if (edges := strong & (own > other)).any() else 1.0
        for own, other in ((steepest_x, steepest_y), (steepest_y, steepest_x))
    )


def blockiness(grey: np.ndarray) -> float:
    """Steps at every eighth pixel against steps elsewhere; 1 without JPEG.

    After Wang, Sheikh and Bovik, No-reference perceptual quality assessment of JPEG compressed images, 2002. Where the
    grid starts is looked for, since files are cut and turned without being decoded.

    Args:
        grey: (H, W) uint8, never resized; of a large image the middle is looked at.
    """
    height, width = grey.shape
    top, left = max(0, (height - MAX_SIDE_PX) // 2), max(0, (width - MAX_SIDE_PX) // 2)
    part = grey[top : top + MAX_SIDE_PX, left : left + MAX_SIDE_PX].astype(np.float32)
    ratios = []
    for values in (part, part.T):
        # The second difference: a step that neither side continues.
        steps = np.abs(np.diff(values, axis=1))
        lone = np.clip(steps[:, 1:-1] - 0.5 * (steps[:, :-2] + steps[:, 2:]), 0, None).mean(axis=0)
        if len(lone) < 4 * BLOCK_PX:
            continue
        phases = np.array([lone[phase::BLOCK_PX].mean() for phase in range(BLOCK_PX)])
        elsewhere = np.median(phases)
        ratios.append(float((phases.max() + 0.02) / (elsewhere + 0.02)))
    return float(np.mean(ratios)) if ratios else 1.0
