"""The parts of a level page that have the most text lines, from which its pose is read."""

from __future__ import annotations

import cv2
import numpy as np

from munseo._shift.page_area import find_strokes

REDUCTION = 4
"""Lines are looked for on a page that is smaller by this factor; they are some 10 px apart there."""
STRONG_STROKE = 60
"""Darker strokes than this, in grey levels, do not count more."""
RULE_PX = 40
"""A dark line that goes on for this length on the smaller page is a rule and no print: words end before."""
WIDTH_PX, HEIGHT_PX = 120, 48
"""Size of the window on the smaller page in which the distance of the lines is measured."""
LEAST_PITCH_PX, MOST_PITCH_PX, USUAL_PITCH_PX = 5, 24, 11
"""Range of the distance of two lines on the smaller page, and what is assumed where no distance is found."""
ALIKE = 0.6
"""A shift counts if rows are this many times as much alike as at the best shift."""
WIDTH_IN_LINES, HEIGHT_IN_LINES = 14, 3
"""Size of a window in distances of two lines: some 15 words, which an engine reads in 30 ms."""


def find_windows(pixels: np.ndarray, count: int) -> tuple[list[np.ndarray], float]:
    """Cut out the windows of a level page (H, W) uint8 that have the most horizontal text lines.

    Lines of text make the rows of a window differ; the window with the largest mean difference between the average
    darkness of neighbouring rows comes first, and windows do not overlap.

    Returns:
        At most ``count`` windows (h, w) uint8, and the mean difference in the best window of a fixed size.
    """
    height, width = max(1, pixels.shape[0] // REDUCTION), max(1, pixels.shape[1] // REDUCTION)
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    limited = np.minimum(find_strokes(small), STRONG_STROKE)
    rules = cv2.morphologyEx(limited, cv2.MORPH_OPEN, np.ones((1, RULE_PX), np.uint8))
    strokes = cv2.subtract(limited, rules).astype(np.float32)
    side = min(WIDTH_PX, width), min(HEIGHT_PX, height)
    scores = _scores(strokes, side)
    y, x = _highest(scores)
    clarity = float(scores[y, x])
    pitch = _pitch(strokes[y : y + side[1], x : x + side[0]].mean(axis=1))
    side = min(WIDTH_IN_LINES * pitch, width), min(HEIGHT_IN_LINES * pitch, height)
    scores = _scores(strokes, side)
    windows = []
    for _ in range(count):
        y, x = _highest(scores)
        if scores[y, x] <= 0:
            break
        top, left = y * REDUCTION, x * REDUCTION
        windows.append(pixels[top : top + side[1] * REDUCTION, left : left + side[0] * REDUCTION])
        scores[max(0, y - side[1] + 1) : y + side[1], max(0, x - side[0] + 1) : x + side[0]] = 0
    return windows, clarity


def _scores(strokes: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    """Return the mean difference of neighbouring rows in each window of this width and height, by its upper left."""
    width, height = side
    rows = cv2.blur(strokes, (width, 1), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    differences = np.abs(np.diff(rows, axis=0, append=rows[-1:]))
    scores = cv2.blur(differences, (1, height), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    return scores[: strokes.shape[0] - height + 1, : strokes.shape[1] - width + 1].copy()


def _highest(scores: np.ndarray) -> tuple[int, int]:
    y, x = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(y), int(x)


def _pitch(profile: np.ndarray) -> int:
    """Return the distance of the lines, px: the least shift at which the darkness of the rows (H,) is like itself."""
    centred = profile - profile.mean()
    likeness = [
        float(np.dot(centred[shift:], centred[:-shift])) / (len(centred) - shift)
        for shift in range(1, min(MOST_PITCH_PX + 2, len(centred) - 1))
    ]
    peaks = [
        (likeness[shift - 1], shift)
        for shift in range(LEAST_PITCH_PX, len(likeness))
        if likeness[shift - 1] > 0 and likeness[shift - 2] <= likeness[shift - 1] >= likeness[shift]
    ]
    # At twice the distance rows are as much alike.
    return next((shift for like, shift in peaks if like >= ALIKE * max(peaks)[0]), USUAL_PITCH_PX)
