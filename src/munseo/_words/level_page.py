"""A page made ready for an OCR engine: even light, level lines, letters of a size that engines are trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from munseo._shift.image_quality import noise_sigma
from munseo._shift.page_area import find_strokes
from munseo._shift.text_lines import find_skew

LONGEST_PX, LEAST_PX = 3000, 2000
"""Pages are reduced to the first and enlarged to the second on their longer side: A4 at 255 and 170 dpi. At 1,000 px an
engine reads a fifth fewer words of the same pages."""
MOST_ENLARGED = 3.0
"""Tiny pictures are enlarged by no more than this; there is nothing in them that could be read at 2,000 px."""
SKEW_PX = 700
"""The skew is measured at this length of the longer side, where strokes are as thin as ``find_strokes`` expects."""
MIN_CLARITY = 1.25
"""Below this clarity of its lines a page is not turned."""
MIN_SKEW_DEG = 0.3
"""A smaller skew does not disturb an engine."""
NOISE_BLUR = ((35.0, 1.2), (15.0, 0.8))
"""Pages with at least this much noise, grey levels, are blurred by a Gaussian of so many px. Noise hides every line
from an engine: of a page with a sigma of 33 it read no word before and all of them after. With less noise than that of
the last row, blurring costs more words than it gains."""
LIGHT_REDUCTION = 4
"""The light on the paper is measured on a page that is smaller by this factor."""
LIGHT_CELL = 0.04
"""Side of the neighbourhood whose brightest grey level is the paper's, as a fraction of the page's longer side."""
WHITE = 255


@dataclass(frozen=True)
class LevelPage:
    """A page with level text lines, which may still lie on its side, upside down or mirrored."""

    pixels: np.ndarray  # (H, W) uint8, paper near white
    matrix: np.ndarray  # (2, 3) float64, from px of the page as given to px of ``pixels``
    given: tuple[int, int]  # height and width of the page as given, px
    scale: float  # px of ``pixels`` in one px of the page as given
    skew_deg: float  # by which the page as given was turned counter-clockwise to be level, −45 to 45


def make_level(grey: np.ndarray) -> LevelPage:
    """Level, light evenly and resize a grey page (H, W) uint8; the skew is found modulo a quarter turn."""
    height, width = grey.shape
    longest = max(height, width)
    if longest > LONGEST_PX:  # first, so that everything that follows costs no more than for a usual scan
        factor = LONGEST_PX / longest
        size = max(1, round(width * factor)), max(1, round(height * factor))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    sigma = noise_sigma(grey)
    for least_sigma, blur_px in NOISE_BLUR:
        if sigma >= least_sigma:
            grey = cv2.GaussianBlur(grey, (0, 0), blur_px)
            break
    even = with_even_light(grey)
    skew_deg = _skew(even)
    scale = min(MOST_ENLARGED, max(1.0, LEAST_PX / max(even.shape)))
    pixels, matrix = _turned(even, skew_deg, scale)
    reduced = np.diag([even.shape[1] / width, even.shape[0] / height, 1.0])
    return LevelPage(pixels, matrix @ reduced, (height, width), scale * even.shape[0] / height, skew_deg)


def with_even_light(grey: np.ndarray) -> np.ndarray:
    """Return a grey page (H, W) uint8 with its paper white: without shadows, light that falls off, or a dark table.

    The grey level of the paper around each pixel is the morphological closing of the page (Serra, Image Analysis and
    Mathematical Morphology, 1982), and the page is divided by it. Print on dark areas that are wider than the
    neighbourhood stays as it is.
    """
    height, width = grey.shape
    size = max(1, width // LIGHT_REDUCTION), max(1, height // LIGHT_REDUCTION)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    side = max(3, round(LIGHT_CELL * max(size))) | 1
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    if min(size) > 5:
        paper = cv2.medianBlur(paper, 5)
    paper = cv2.resize(np.maximum(paper, 1), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.divide(grey, paper, scale=WHITE)


def _skew(even: np.ndarray) -> float:
    factor = SKEW_PX / max(even.shape)
    small = cv2.resize(even, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else even
    if min(small.shape) < 16:
        return 0.0
    skew_deg, clarity = find_skew(find_strokes(small))
    return skew_deg if clarity >= MIN_CLARITY and abs(skew_deg) >= MIN_SKEW_DEG else 0.0


def _turned(page: np.ndarray, angle_deg: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a page counter-clockwise and enlarge it, resampled once, on a canvas that is large enough for all of it."""
    height, width = page.shape
    if not angle_deg:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        matrix = np.array([[size[0] / width, 0, 0], [0, size[1] / height, 0]])
        return (page if scale == 1 else cv2.resize(page, size, interpolation=cv2.INTER_CUBIC)), matrix
    angle = math.radians(angle_deg)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    size = math.ceil(scale * (width * cos + height * sin)), math.ceil(scale * (width * sin + height * cos))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    turned = cv2.warpAffine(page, matrix, size, flags=cv2.INTER_CUBIC, borderValue=WHITE)
    return turned, matrix
