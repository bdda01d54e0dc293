"""Operations on uint8 pages that policies and damages are composed of: geometry, colour, noise, smooth fields."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np

from munseo._randomness import generator

REFERENCE_PX = 320
"""Sizes in pixels are given for images of this side, and grow with the image."""
WHITE = (255, 255, 255)

# Geometry. Shift, scale and rotation go into one matrix, because each further warp would blur the print again.


def affine(
    size_px: int, *, angle_deg: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """Return the matrix (2, 3) that rotates and scales about the centre of a square page, and then shifts.

    The angle is counter-clockwise, and the shift goes to the right and down, in fractions of the side.
    """
    centre = (size_px - 1) / 2
    cos, sin = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    return np.array(
        [
            [cos, sin, centre - cos * centre - sin * centre + shift[0] * size_px],
            [-sin, cos, centre + sin * centre - cos * centre + shift[1] * size_px],
        ]
    )


def warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Apply an affine matrix (2, 3) on a canvas (width, height); everything outside the page becomes white paper."""
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=WHITE)


def transpose(image: np.ndarray) -> np.ndarray:
    """Mirror a page along its main diagonal, so that rows become columns. This is exact: nothing is resampled."""
    return cv2.transpose(image)


# Colour and brightness.

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of R, G and B in the brightness of a pixel (ITU-R BT.601)."""


def colour_matrix(
    *, brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0, hue_deg: float = 0.0
) -> np.ndarray:
    """Return a whole colour jitter as one matrix (3, 4) over RGB.

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
    """Compute ``gain · (pixel - 127.5) + 127.5 + offset`` with a table of 256 entries."""
    levels = gain * (np.arange(256) - 127.5) + 127.5 + offset
    return cv2.LUT(image, np.clip(np.rint(levels), 0, 255).astype(np.uint8))


# Noise.

MARGIN_PX = 512
"""A noise bank is at least this much larger than a page, which gives a window a quarter of a million positions."""
BANK_SIGMA = 64
"""Standard deviation of the numbers in a noise bank, which are kept as int16."""


def gaussian_noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise, independent by pixel and channel, with a standard deviation of ``sigma`` grey levels.

    Drawing 3·S² normal numbers would cost ten times as much as the rest of the policy. A window into a fixed bank of
    them, at a random position, in a random orientation and sign, looks the same to a model and costs one addition.
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
    """Return normal numbers · 64 as int16 (side, side, 3), the same in every process; 6 MB for pages under 512 px."""
    bank = generator(0, "noise-bank").standard_normal((side_px, side_px, 3), dtype=np.float32)
    return np.rint(bank * BANK_SIGMA).astype(np.int16)


# Smooth fields: things that change slowly over an image are drawn small, enlarged, and multiplied with it.


def coordinate_grid(cells: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates x and y of a small field that covers an image, from -1 to 1 along the longer side.

    The field has this many cells along that side; ``shape`` is that of the image, (H, W, ...).
    """
    height, width = shape[:2]
    longest = max(height, width)
    columns, rows = max(2, round(cells * width / longest)), max(2, round(cells * height / longest))
    x, y = np.meshgrid(_centres(columns) * width / longest, _centres(rows) * height / longest)
    return x, y


def _centres(count: int) -> np.ndarray:
    return (np.arange(count, dtype=np.float32) + 0.5) * 2 / count - 1


def smooth_noise(cells: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return a random field (rows, columns) of about ``cells`` hills and valleys along a side, from 0 to 1."""
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
