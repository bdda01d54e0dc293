"""Light on the page and what the exposure makes of it."""

from __future__ import annotations

import math

import numpy as np

from munseo._augment.photometry import tone
from munseo._augment.smooth_fields import grid, multiply

CELLS = 40
"""Shadows have edges about an eighth of this wide, and coarser steps would show."""


def shadow(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Something stands in the light: a soft edge across the image, or the shape of a hand or a phone."""
    x, y = grid(CELLS, image.shape)
    direction, softness = rng.uniform(0, 2 * math.pi), rng.uniform(0.06, 0.3)
    away, ripple, phase = rng.uniform(-0.5, 0.4), rng.uniform(0, 0.2), rng.uniform(0, 2 * math.pi)
    wide, high = rng.uniform(0.4, 0.9), rng.uniform(0.25, 0.6)
    along = x * math.cos(direction) + y * math.sin(direction)
    across = y * math.cos(direction) - x * math.sin(direction)
    if rng.random() < 0.6:
        depth = along - away + ripple * np.sin(3 * across + phase)
    else:
        depth = 0.5 * (1 - np.hypot((along - 0.6) / wide, (across - away) / high))
    covered = 1 / (1 + np.exp(-np.clip(6 * depth / softness, -30, 30)))
    return multiply(image, 1 - 0.6 * severity * covered)


def gradient(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Light falls off to one side, or from a lamp to all sides, down to a third."""
    x, y = grid(CELLS, image.shape)
    direction, power = rng.uniform(0, 2 * math.pi), rng.uniform(0.8, 1.8)
    lamp_x, lamp_y = rng.uniform(-0.7, 0.7, 2)
    if rng.random() < 0.6:
        far = (x * math.cos(direction) + y * math.sin(direction)) / (
            abs(math.cos(direction)) + abs(math.sin(direction))
        )
        far = (far + 1) / 2
    else:
        far = np.hypot(x - lamp_x, y - lamp_y)
        far = far / far.max()
    return multiply(image, 1 - 0.68 * severity * np.clip(far, 0, 1) ** power)


def brightness(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Overexposed: up to 90 grey levels are added."""
    return tone(image, offset=90 * severity)


def darkness(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Underexposed: down to 35 % of the light."""
    return _levels(image, 1 - 0.65 * severity, 0.0)


def contrast(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Contrast falls by up to 70 %, towards a grey between 90 and 200."""
    kept, grey = 1 - 0.7 * severity, rng.uniform(90, 200)
    return _levels(image, kept, (1 - kept) * grey)


def _levels(image: np.ndarray, gain: float, offset: float) -> np.ndarray:
    """``gain · pixel + offset``."""
    return tone(image, gain=gain, offset=offset + 127.5 * (gain - 1))
