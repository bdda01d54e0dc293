"""Light, colour, blur and noise on uint8 pages."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np

from munseo._randomness import generator

LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601: what a channel contributes to brightness."""
MARGIN_PX = 512
"""A noise bank is at least this much larger than a page: a quarter of a million places for the window."""
BANK_SIGMA = 64


def colour_matrix(
    *, brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0, hue_deg: float = 0.0
) -> np.ndarray:
    """All of colour jitter as one matrix (3, 4) over RGB.

    Factors of 1 and a hue of 0 leave a page as it is. Contrast pivots on middle grey (127.5). Hue turns the colours
    about the grey axis (rotation matrix by Rodrigues' formula), so that grey print stays grey.
    """
    cos, sin = math.cos(math.radians(hue_deg)), math.sin(math.radians(hue_deg))
    third, root = 1 / 3, math.sqrt(1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * root
    hue = cos * np.eye(3) + sin * cross + (1 - cos) * third * np.ones((3, 3))
    grey = np.tile(LUMA, (3, 1))
    matrix = contrast * brightness * (saturation * np.eye(3) + (1 - saturation) * grey) @ hue
    offset = np.full((3, 1), 127.5 * (1 - contrast))
    return np.hstack([matrix, offset])


def recolour(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a colour matrix (3, 4); values are clipped to 0 … 255."""
    return cv2.transform(image, matrix)


def tone(image: np.ndarray, *, gain: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """``gain · (pixel - 127.5) + 127.5 + offset`` by a table of 256 entries."""
    levels = gain * (np.arange(256) - 127.5) + 127.5 + offset
    return cv2.LUT(image, np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def shift_channels(image: np.ndarray, offsets: tuple[float, float, float]) -> np.ndarray:
    """Add a constant to each of R, G and B."""
    matrix = np.hstack([np.eye(3), np.array(offsets)[:, None]])
    return cv2.transform(image, matrix)


def gaussian_blur(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian blur; the kernel follows from sigma."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px)


def box_blur(image: np.ndarray, side_px: int) -> np.ndarray:
    """Mean over a square."""
    return cv2.blur(image, (side_px, side_px))


def gaussian_noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise, independent by pixel and channel, with a standard deviation of ``sigma`` grey levels.

    Drawing 3·S² normal numbers would cost ten times the rest of the policy. A window into a fixed bank of them, at a
    random place, in a random orientation and sign, looks the same to a model and costs one addition.
    """
    height, width = image.shape[:2]
    bank = _noise_bank(MARGIN_PX * (max(height, width) // MARGIN_PX + 2))
    top, left = rng.integers(0, MARGIN_PX, 2)
    window = bank[top : top + height, left : left + width]
    flip = int(rng.integers(4))
    if flip < 3:
        window = cv2.flip(window, flip - 1)
    sign = 1 if rng.random() < 0.5 else -1
    return cv2.addWeighted(image, 1.0, window, sign * sigma / BANK_SIGMA, 0.0, dtype=cv2.CV_8U)


@cache
def _noise_bank(side_px: int) -> np.ndarray:
    """Normal numbers · 64 as int16, (side, side, 3), the same in every process: 6 MB for pages under 512 px."""
    bank = generator(0, "noise-bank").standard_normal((side_px, side_px, 3), dtype=np.float32)
    return np.rint(bank * BANK_SIGMA).astype(np.int16)
