"""What lies under a page: a dark or grey table, a wooden one, cloth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from munseo._augment.projection import View
from munseo._augment.smooth_fields import smooth_noise

MAX_MARGIN = 0.2
"""Of the table that is seen beyond the page, on each side, as a share of the page's longer side."""


def table(view: View, severity: float, rng: np.random.Generator) -> View:
    """Put a table in place of the white around the page; more of it is seen at higher severity."""
    top, bottom, left, right = rng.uniform(0, MAX_MARGIN * severity, 4)
    return replace(view, table=_paint(view.size_px, rng), margins=(top, bottom, left, right))


def _paint(size_px: int, rng: np.random.Generator) -> np.ndarray:
    """(S, S, 3) uint8."""
    kind = rng.choice(["plain", "plain", "cloth", "wood"])
    level = rng.uniform(0, 60) if rng.random() < 0.4 else rng.uniform(50, 200)
    tint = np.array([1.0, 1.0, 1.0])
    field: np.ndarray
    if kind == "wood":
        level, tint = rng.uniform(90, 190), np.array([1.0, 0.78, 0.56])
        field = _grain(size_px, rng)
    elif kind == "cloth":
        tint = 1 - rng.uniform(0, 0.35, 3) * rng.random()
        field = 0.75 + 0.25 * rng.random((size_px // 2, size_px // 2), dtype=np.float32)
    else:
        field = 0.9 + 0.1 * smooth_noise(3, (16, 16), rng)
    colours = (level * field)[..., None] * tint
    small: np.ndarray = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return cv2.resize(small, (size_px, size_px), interpolation=cv2.INTER_LINEAR)


def _grain(size_px: int, rng: np.random.Generator) -> np.ndarray:
    """Long streaks, with two joints between boards."""
    boards = smooth_noise(3, (1, size_px // 2), rng)[0] * 0.15
    fine, broad = rng.random((4, size_px // 2), dtype=np.float32), rng.random((3, size_px // 12), dtype=np.float32)
    shape = (size_px // 2, size_px // 2)
    streaks: np.ndarray = 0.12 * cv2.resize(fine, shape[::-1]) + 0.2 * cv2.resize(broad, shape[::-1])
    field: np.ndarray = 0.55 + boards[None, :] + streaks
    for joint in rng.integers(2, shape[1] - 2, 2):
        field[:, joint] *= 0.6
    return np.ascontiguousarray(field.T) if rng.random() < 0.5 else field
