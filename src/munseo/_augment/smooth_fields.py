"""Things that change slowly over an image: drawn small, enlarged, and multiplied with it."""

from __future__ import annotations

import cv2
import numpy as np


def grid(cells: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y of a small field that stands for an image.

    Args:
        cells: Along the longer side of the image.
        shape: Of the image, (H, W, ...).

    Returns:
        x and y, from -1 to 1 along the longer side.
    """
    height, width = shape[:2]
    longest = max(height, width)
    columns, rows = max(2, round(cells * width / longest)), max(2, round(cells * height / longest))
    x, y = np.meshgrid(_centres(columns) * width / longest, _centres(rows) * height / longest)
    return x, y


def smooth_noise(cells: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A random field of hills and valleys, 0 to 1, in the shape that is asked for.

    Args:
        cells: Hills along a side, about.
        shape: (rows, columns) of the field.
        rng: Source of randomness.
    """
    knots = rng.random((cells, cells), dtype=np.float32)
    field = cv2.resize(knots, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.clip(field, 0, 1)


def multiply(image: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Multiply an image by a small field of factors from 0 to 1, (h, w) for all channels or (h, w, 3)."""
    levels = np.clip(np.rint(255 * field), 0, 255).astype(np.uint8)
    full = cv2.resize(levels, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    if full.ndim == 2:
        full = cv2.merge([full, full, full])
    return cv2.multiply(image, full, scale=1 / 255)


def _centres(count: int) -> np.ndarray:
    return (np.arange(count, dtype=np.float32) + 0.5) * 2 / count - 1
