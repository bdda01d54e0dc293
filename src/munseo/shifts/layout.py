"""What of a page tells up from down and left from right: where its print stands and which way its strokes run."""

from __future__ import annotations

import math

import cv2
import numpy as np

from munseo.shifts.lines import CLEAR, Lines

GRID = 8
NUM_STATES = 8
"""Four quarter turns, mirrored or not: state ``s`` is mirrored first if ``s ≥ 4``, then turned by ``s % 4`` · 90°."""
NUM_FEATURES = 3 * GRID * GRID + 2
OUTER = 0.005
"""Of the ink on each side that does not count as print: specks and stamps at the edge."""


def layout_features(strokes: np.ndarray, lines: Lines) -> np.ndarray:
    """Describe the layout of a page after deskewing.

    Args:
        strokes: (H, W) uint8, see ``Sheet``.
        lines: Of the same page.

    Returns:
        (194,) float32: on a grid of 8 × 8 over the print the amount of ink, of upright and of lying edges; the log of
        width over height; which way lines of print run.
    """
    print_only = _crop(_deskewed(strokes, lines.skew_deg if lines.clarity >= CLEAR else 0.0))
    print_only = np.clip(print_only / max(float(np.percentile(print_only, 98)), 1e-6), 0, 1)
    across_x = np.abs(np.diff(print_only, axis=1, append=print_only[:, -1:]))
    across_y = np.abs(np.diff(print_only, axis=0, append=print_only[-1:]))
    maps = [cv2.resize(part, (GRID, GRID), interpolation=cv2.INTER_AREA) for part in (print_only, across_x, across_y)]
    shape = math.log(print_only.shape[1] / print_only.shape[0])
    return np.concatenate([np.stack(maps, axis=-1).ravel(), [shape, lines.across]]).astype(np.float32)


def in_state(features: np.ndarray, state: int) -> np.ndarray:
    """The features of the same pages as they would be in another state; no pixel is moved for that.

    Args:
        features: (N, 194) of ``layout_features``.
        state: 0 to 7.
    """
    maps = features[:, :-2].reshape(-1, GRID, GRID, 3)
    shape, across = features[:, -2:-1], features[:, -1:]
    if state >= 4:
        maps = maps[:, :, ::-1]
    maps = np.rot90(maps, state % 4, (1, 2))
    if state % 2:
        maps, shape, across = maps[..., [0, 2, 1]], -shape, -across
    return np.concatenate([maps.reshape(len(features), -1), shape, across], axis=1)


def _deskewed(strokes: np.ndarray, skew_deg: float) -> np.ndarray:
    """Turn back by the skew, on a canvas that loses nothing."""
    if abs(skew_deg) < 0.3:
        return strokes
    height, width = strokes.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), skew_deg, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = math.ceil(width * cos + height * sin), math.ceil(width * sin + height * cos)
    matrix[:, 2] += [(new_width - width) / 2, (new_height - height) / 2]
    return cv2.warpAffine(strokes, matrix, (new_width, new_height), flags=cv2.INTER_LINEAR)


def _crop(strokes: np.ndarray) -> np.ndarray:
    """The part that holds the print, float32; what is fainter than most of the page is noise."""
    ink: np.ndarray = np.maximum(strokes.astype(np.float32) - np.percentile(strokes, 60), 0)
    bounds = []
    for axis in (1, 0):
        gathered = np.cumsum(ink.sum(axis=axis))
        ends = np.searchsorted(gathered, [OUTER * gathered[-1], (1 - OUTER) * gathered[-1]])
        bounds.append(slice(int(ends[0]), max(int(ends[1]), int(ends[0]) + GRID) + 1))
    return ink[bounds[0], bounds[1]]
