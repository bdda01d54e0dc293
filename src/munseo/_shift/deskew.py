"""Pages made level: turned so that their lines of print lie. Upside down and mirrored stay as they are.

What the lines say is enough for that: their angle modulo 90° from the spectrum (``lines``), and whether they lie or
stand from the profiles of the print and from its strokes. No model, no labels, nothing learned.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from munseo._augment.page_frame import WHITE, Frame, find_page
from munseo._shift.page_area import STROKE_PX
from munseo._shift.text_lines import find_skew, lines_lie

LEAST_CLARITY = 1.25
"""Below this the page stays as skewed as it is. Lower than what measuring asks for: a wrong turn of a page that shows
next to no lines costs less than a page left skewed."""
SMALL_DEG = 0.5
"""Less than this is left: to resample the print costs more than so little skew."""
PRINT_MARGIN = 0.03
"""Of the frame's longer side, kept around print that the level page would otherwise be cut at."""
STRAY = 0.01
"""Of the print on each side that may be cut: noise, and shadows of the edge."""
CLEAR_STROKE, NOISE_LEVELS = 0.6, 12.0
"""Print is what has so much of the darkness of the page's strongest strokes, and at least so many grey levels."""
DIAGONAL = 0.25
"""Near 45° (cosine of twice the angle below this) the sides of the page cannot be told from those of its frame."""


def deskew(square: np.ndarray) -> np.ndarray:
    """Turn a page so that its lines of print are level.

    The skew is known modulo 90° only, and the lines themselves tell whether they then lie or stand. A page that is
    upside down stays so, and one that is mirrored too. Where no lines are found, the page stays as it is. About 3 ms on
    one core at 224 px.

    Args:
        square: Letterboxed page (S, S, 3) uint8; it stays as it is.

    Returns:
        (S, S, 3) uint8, letterboxed on white again: print fills about as much of it as before the page was turned.
    """
    frame = find_page(square)
    angle_deg, level = level_strokes(frame.cut(square))
    if abs((angle_deg + 45) % 90 - 45) < SMALL_DEG:
        # By right angles pixels fall on pixels.
        return np.rot90(square, round(angle_deg / 90)).copy()
    return _turned(square, frame, level, angle_deg)


def level_strokes(page: np.ndarray) -> tuple[float, np.ndarray]:
    """How a page must be turned so that its lines lie.

    Args:
        page: (H, W, 3) uint8, without letterbox.

    Returns:
        Degrees counter-clockwise, −45 to 135, and the strokes (H', W') uint8 of the page so turned, see ``Sheet``.
    """
    strokes = _strokes(page)
    skew_deg, clarity = find_skew(strokes)
    if clarity < LEAST_CLARITY:
        skew_deg = 0.0
    level = strokes if abs(skew_deg) < SMALL_DEG else _on_canvas(strokes, skew_deg)
    return (skew_deg, level) if lines_lie(level) else (skew_deg + 90, np.rot90(level))


def _strokes(page: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    return cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((STROKE_PX, STROKE_PX), np.uint8))


def _on_canvas(strokes: np.ndarray, angle_deg: float) -> np.ndarray:
    """Turned on a canvas that loses nothing."""
    height, width = strokes.shape
    matrix = _rotation(angle_deg)
    new_width, new_height = (math.ceil(side) for side in _bounds(width, height, angle_deg))
    offset = np.array([new_width, new_height]) / 2 - matrix @ np.array([width, height]) / 2
    return cv2.warpAffine(strokes, np.hstack([matrix, offset[:, None]]), (new_width, new_height))


def _turned(square: np.ndarray, frame: Frame, level: np.ndarray, angle_deg: float) -> np.ndarray:
    """Turned about the middle of the frame, in one warp, and fitted to the square."""
    size = square.shape[0]
    centre = np.array([frame.left + frame.right - 1, frame.top + frame.bottom - 1]) / 2
    left, right, top, bottom = _level_bounds(frame, level, angle_deg)
    scale = size / max(right - left, bottom - top)
    matrix = scale * _rotation(angle_deg)
    middle = scale * np.array([left + right, top + bottom]) / 2
    offset = (size - 1) / 2 - middle - matrix @ centre
    turned = cv2.warpAffine(square, np.hstack([matrix, offset[:, None]]), (size, size), flags=cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_CONSTANT, borderValue=(WHITE,) * 3)  # fmt: skip
    width, height = round(scale * (right - left)), round(scale * (bottom - top))
    x, y = (size - width) // 2, (size - height) // 2
    page = Frame(y, y + height, x, x + width)
    return page.place(page.cut(turned), size)


def _level_bounds(frame: Frame, level: np.ndarray, angle_deg: float) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the level page, px from the middle of the frame.

    A page that was turned lies in a frame of w = a·cos + b·sin and h = a·sin + b·cos, so its own sides a and b follow.
    Where print lies beyond them (the frame was cut, or it holds a table as well) they move out to it.
    """
    height, width = frame.bottom - frame.top, frame.right - frame.left
    angle = math.radians(angle_deg)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    squeeze = cos * cos - sin * sin
    if abs(squeeze) > DIAGONAL:
        own_width, own_height = (width * cos - height * sin) / squeeze, (height * cos - width * sin) / squeeze
    else:
        own_width = own_height = (width + height) / (cos + sin) / 2
    full_width, full_height = _bounds(width, height, angle_deg)
    bounds = []
    ink = level > max(CLEAR_STROKE * float(np.percentile(level[::3, ::3], 99)), NOISE_LEVELS)
    margin = PRINT_MARGIN * max(height, width)
    for axis, own, full in ((0, own_width, full_width), (1, own_height, full_height)):
        half = min(max(own, 0.5 * full), full) / 2
        gathered = np.cumsum(ink.sum(axis=axis, dtype=np.int32))
        first, last = np.searchsorted(gathered, [STRAY * gathered[-1], (1 - STRAY) * gathered[-1]]) - full / 2
        bounds += [max(min(-half, float(first) - margin), -full / 2), min(max(half, float(last) + margin), full / 2)]
    return bounds[0], bounds[1], bounds[2], bounds[3]


def _bounds(width: float, height: float, angle_deg: float) -> tuple[float, float]:
    cos, sin = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    return width * cos + height * sin, width * sin + height * cos


def _rotation(angle_deg: float) -> np.ndarray:
    """(2, 2), counter-clockwise on an image whose y runs down."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[cos, sin], [-sin, cos]])
