"""Cutout: boxes of one grey over a page (DeVries and Taylor, "Improved regularization of CNNs with Cutout", 2017)."""

from __future__ import annotations

import numpy as np

MAX_BOXES = 4
SIDE = (0.08, 0.25)
"""Sides of a box, as shares of the page's side."""


def cutout(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover one to four boxes with white, grey or black; the copies that balance classes differ by this."""
    covered = image.copy()
    size = image.shape[0]
    for _ in range(int(rng.integers(1, MAX_BOXES + 1))):
        height, width = (rng.uniform(*SIDE, 2) * size).astype(int)
        top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
        covered[top : top + height, left : left + width] = rng.choice([0, 127, 255])
    return covered
