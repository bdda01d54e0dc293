"""The area of a page in a square image: letterboxing left white bars around it, and damage stops at them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

WHITE = 255
NARROWEST = 0.5**0.5
"""Ratio of the short to the long side of an A4 page."""


class Frame(NamedTuple):
    """A rectangle of whole pixels; bottom and right are the first ones outside."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return a copy of the part of the image inside the frame."""
        return np.ascontiguousarray(image[self.top : self.bottom, self.left : self.right])

    def place(self, page: np.ndarray, size_px: int) -> np.ndarray:
        """Return a white square with the page at the frame's position."""
        square = np.full((size_px, size_px, 3), WHITE, np.uint8)
        square[self.top : self.bottom, self.left : self.right] = page
        return square


def find_page(image: np.ndarray) -> Frame:
    """Find the page between the white bars of the letterbox in a square (S, S, 3) uint8.

    The bars are pure white, centred, and on one axis only. Pages without grey paper end in pure white as well; then
    the two sides differ by more than the pixel that centring leaves, and the page is assumed to be at least as wide as
    A4. So print is never cut off, and at worst the paper comes out wider than it was.
    """
    size = image.shape[0]
    left, right = _white_ends(image.min(axis=0).min(axis=1))
    top, bottom = _white_ends(image.reshape(size, -1).min(axis=1))
    sides, above = _bar(left, right, size), _bar(top, bottom, size)
    if 2 * max(sides, above) > size - 2:
        return Frame(0, size, 0, size)
    if sides >= above:
        # Bars of an odd sum differ by the one pixel that centring leaves.
        return Frame(0, size, sides, size - sides - (right - left == 1))
    return Frame(above, size - above - (bottom - top == 1), 0, size)


def _white_ends(darkest: np.ndarray) -> tuple[int, int]:
    """Count the rows or columns at the start and at the end that are pure white."""
    inked = np.flatnonzero(darkest < WHITE)
    if len(inked) == 0:
        return 0, 0
    return int(inked[0]), len(darkest) - 1 - int(inked[-1])


def _bar(before: int, after: int, size: int) -> int:
    if 0 <= after - before <= 1:
        return before
    return min(before, after, int(size * (1 - NARROWEST) / 2))
