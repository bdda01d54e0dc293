"""Damages of the paper itself: faded ink, print that shows through, stains, a second page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from munseo._augment.transforms import coordinate_grid, multiply, smooth_noise, warp

COFFEE = np.array([0.72, 0.55, 0.36])
"""Fractions of red, green and blue that a strong stain lets through."""
MAX_OVERLAY = 0.4
"""Weight of the second page in the mixture at severity 1."""


def ink_fade(page: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Take up to 80 % of its darkness from the ink, in patches, like an empty ribbon or a worn drum."""
    patches = smooth_noise(int(rng.integers(2, 7)), (48, 48), rng)
    lost = severity * (0.35 + 0.45 * patches)
    return cv2.bitwise_not(multiply(cv2.bitwise_not(page), 1 - lost))


def show_through(page: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Let the reverse side shine through: the page itself, mirrored and blurred, at up to 40 % of its darkness."""
    back = cv2.flip(page, 1)
    if rng.random() < 0.5:
        back = cv2.flip(back, 0)
    back = cv2.blur(back, (3, 3))
    return cv2.addWeighted(page, 1.0, cv2.bitwise_not(back), -0.4 * severity, 0.0)


def stain(page: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Spill one to three spots of coffee or water, ragged, with a darker rim."""
    x, y = coordinate_grid(80, page.shape)
    strength = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 4))):
        middle_x, middle_y = rng.uniform(x.min(), x.max()), rng.uniform(y.min(), y.max())
        wide, high = rng.uniform(0.12, 0.5, 2)
        fill, rim = rng.uniform(0.15, 0.6), rng.uniform(0.3, 0.8)
        distance = np.hypot((x - middle_x) / wide, (y - middle_y) / high)
        distance += 0.35 * (smooth_noise(9, x.shape, rng) - 0.5)
        inside = np.clip((1 - distance) * 8, 0, 1)
        strength = np.maximum(strength, inside * (fill + rim * np.exp(-(((distance - 0.9) / 0.09) ** 2))))
    passed = 1 - severity * np.clip(strength, 0, 1)[..., None] * (1 - COFFEE)
    return multiply(page, passed)


def overlay(
    page: np.ndarray, severity: float, rng: np.random.Generator, second_pages: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Lay a faint second page over the first one; it makes up at most 40 % of the mixture.

    It is chosen from ``second_pages``; without any, the page itself is used, flipped.
    """
    second = second_pages[int(rng.integers(len(second_pages)))] if len(second_pages) else page
    flip = int(rng.integers(3))
    if second is page or rng.random() < 0.5:
        second = cv2.flip(second, flip - 1)
    height, width = page.shape[:2]
    angle, grown = math.radians(rng.uniform(-25, 25)), rng.uniform(0.8, 1.15)
    right, down = rng.uniform(-0.12, 0.12, 2)
    turn = grown * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turn *= np.array([width, height]).max() / max(second.shape[:2])
    from_middle = np.array([(second.shape[1] - 1) / 2, (second.shape[0] - 1) / 2])
    to_middle = np.array([(width - 1) / 2 + right * width, (height - 1) / 2 + down * height])
    matrix = np.hstack([turn, (to_middle - turn @ from_middle)[:, None]])
    laid = warp(second, matrix, (width, height))
    weight = MAX_OVERLAY * severity
    return cv2.addWeighted(page, 1 - weight, laid, weight, 0.0)
