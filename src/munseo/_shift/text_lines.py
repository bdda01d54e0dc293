"""Text lines: their direction, computed from the power spectrum of the strokes.

Text lines are a grating, and the energy of its spectrum lies on the ray across them. By the projection-slice
theorem that energy is the variance of the projection profile at that angle, so this is the classic skew detection by
projection profiles (Postl, Detection of linear oblique structures and skew scan in digitized documents, 1986) at the
cost of one Fourier transform. A page that is turned by a right angle swaps two rays: the skew is known modulo 90°.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

STEP_DEG = 0.5
"""Angle between two rays of the spectrum."""
NUM_RAYS = 360
QUARTER = NUM_RAYS // 2
"""Number of rays in 90°."""
LOWEST, HIGHEST = 0.03, 0.42
"""Range of frequencies of text lines in cycles per pixel: paper and light are below, noise is above."""
TAPER = 0.15
"""Fraction of the page at each edge that is faded out before the transform."""
BACKGROUND_RAYS = 41
"""Number of rays over which the background of a ray is averaged."""
LOCAL_REACH_DEG = 12.0
"""How far the lines of a quarter of a page may deviate from those of the whole page."""
CLEAR = 1.6
"""A ray with this many times the energy of its surroundings shows text lines."""
STRONG_STROKE = 60
"""Darker strokes than this, in grey levels, do not count more."""


@dataclass(frozen=True)
class TextLines:
    """The text lines of a page."""

    skew_deg: float  # angle counter-clockwise, −45 to 45; 0 on a page without lines
    clarity: float  # energy of the ray of the lines, relative to its surroundings
    across: float  # log ratio of the energy of horizontal lines to that of vertical ones, after deskewing
    spread_deg: float  # how much the quarters of the page differ in skew, because of perspective or bent paper


def find_lines(strokes: np.ndarray) -> TextLines:
    """Measure the text lines of a page from its strokes (H, W) uint8, see ``PageArea``."""
    rays = _rays(strokes)
    relief = _relief(rays[:QUARTER] + rays[QUARTER:])
    index, clarity = _peak(relief, 0, QUARTER)
    if clarity < CLEAR:
        return TextLines(0.0, clarity, _across(rays, 0), 0.0)
    skew = index * STEP_DEG
    across = _across(rays, round(index))
    return TextLines(skew if skew <= 45 else skew - 90, clarity, across, _spread(strokes, index))


def find_skew(strokes: np.ndarray) -> tuple[float, float]:
    """Return the angle of the lines, −45 to 45°, and their clarity, at a fifth of the cost of ``find_lines``."""
    rays = _rays(strokes)
    index, clarity = _peak(_relief(rays[:QUARTER] + rays[QUARTER:]), 0, QUARTER)
    skew = index * STEP_DEG
    return (skew if skew <= 45 else skew - 90), clarity


def has_level_lines(strokes: np.ndarray) -> bool:
    """Return whether the text lines of a page without skew are horizontal and not vertical.

    At the sizes that models see, grey levels change more across text lines than along them. Strokes are limited, so
    that rules and the edges of a scan do not outweigh the print. On pages of a real set this was right more often than
    the energy of the rays or of projection profiles, whole or by tiles, and than combinations of them.
    """
    values = np.minimum(strokes, STRONG_STROKE)
    across = float(cv2.absdiff(values[1:], values[:-1]).mean())
    along = float(cv2.absdiff(values[:, 1:], values[:, :-1]).mean())
    return across >= along


def _across(rays: np.ndarray, index: int) -> float:
    """Compare the ray of vertical frequencies, which horizontal lines have, with the ray a quarter turn away."""
    near = np.arange(index - 1, index + 2)
    horizontal, vertical = rays[(near + QUARTER) % NUM_RAYS].mean(), rays[near % NUM_RAYS].mean()
    return math.log((float(horizontal) + 1e-9) / (float(vertical) + 1e-9))


def _spread(strokes: np.ndarray, index: float) -> float:
    """Return the standard deviation of the angles of the quarters, each weighted by its clarity."""
    middle_y, middle_x = strokes.shape[0] // 2, strokes.shape[1] // 2
    offsets, weights = [], []
    reach = round(LOCAL_REACH_DEG / STEP_DEG)
    for rows in (slice(0, middle_y), slice(middle_y, None)):
        for columns in (slice(0, middle_x), slice(middle_x, None)):
            rays = _rays(strokes[rows, columns])
            angle, clarity = _peak(_relief(rays[:QUARTER] + rays[QUARTER:]), round(index) - reach, 2 * reach + 1)
            offsets.append(angle - index)
            weights.append(max(0.0, clarity - CLEAR))
    total = sum(weights)
    if total == 0:
        return 0.0
    mean = sum(w * o for w, o in zip(weights, offsets, strict=True)) / total
    square = sum(w * (o - mean) ** 2 for w, o in zip(weights, offsets, strict=True)) / total
    return math.sqrt(square) * STEP_DEG


def _peak(relief: np.ndarray, first: int, count: int) -> tuple[float, float]:
    """Return the position of the highest of ``count`` rays from ``first`` on, refined by a parabola, and its height."""
    indices = np.arange(first, first + count)
    best = int(indices[relief[indices % QUARTER].argmax()])
    before, height, after = (float(relief[(best + step) % QUARTER]) for step in (-1, 0, 1))
    curve = before - 2 * height + after
    return best + (0.5 * (before - after) / curve if curve < 0 else 0.0), height


def _relief(rays: np.ndarray) -> np.ndarray:
    """Return the energy of each ray, relative to the rays around it, modulo a quarter turn: (180,)."""
    around = np.concatenate([rays, rays, rays]).astype(np.float32)[None]
    smooth = cv2.filter2D(around, -1, np.array([[0.1, 0.2, 0.4, 0.2, 0.1]], np.float32))
    background = cv2.blur(around, (BACKGROUND_RAYS, 1))
    return np.asarray((smooth / np.maximum(background, 1e-9))[0, QUARTER : 2 * QUARTER])


def _rays(strokes: np.ndarray) -> np.ndarray:
    """Return the energy of the spectrum along rays from 0 to 180°, relative to their mean: (360,) float32."""
    height, width = strokes.shape
    size = cv2.getOptimalDFTSize(round(1.4 * max(height, width)))
    values = strokes.astype(np.float32)
    padded = np.zeros((size, size), np.float32)
    padded[:height, :width] = (values - values.mean()) * _taper(height)[:, None] * _taper(width)
    spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT, nonzeroRows=height)[:, : size // 2 + 1]
    power = cv2.pow(spectrum[..., 0], 2) + cv2.pow(spectrum[..., 1], 2)
    power = np.roll(power, size // 2, axis=0)
    x, y, radii = _polar(size)
    energy = cv2.remap(power, x, y, cv2.INTER_LINEAR) @ radii
    return np.asarray(energy / max(float(energy.mean()), 1e-9))


@cache
def _polar(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the rays are in a half spectrum whose rows are shifted so that frequency 0 is in the middle."""
    angles = np.deg2rad(np.arange(NUM_RAYS) * STEP_DEG)[:, None]
    radii = np.arange(LOWEST * size, HIGHEST * size)
    x, y = np.cos(angles) * radii, np.sin(angles) * radii
    side = np.where(x < 0, -1, 1)
    return (
        (side * x).astype(np.float32),
        (side * y + size // 2).astype(np.float32),
        # Weighted by the radius, as energy on a plane is.
        radii.astype(np.float32),
    )


@cache
def _taper(length: int) -> np.ndarray:
    """Return a window whose ends fall to 0, so that the edges of the page do not ring (Tukey)."""
    ramp = max(1, int(TAPER * length))
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)
    window = np.ones(length, np.float32)
    window[:ramp], window[length - ramp :] = rise, rise[::-1]
    return window
