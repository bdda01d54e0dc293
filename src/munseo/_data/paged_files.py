"""Formats whose files have several pages: what they have in common."""

from __future__ import annotations

from typing import Protocol

import numpy as np

MAX_PAGES = 10_000
"""The pages of one file that are read and counted; a book at the limit of ``decoder.MAX_BYTES`` has fewer."""


class PagedFile(Protocol):
    """An open file of several pages.

    Attributes:
        num_pages: The number of its pages.
        has_square_pixels: Whether the page that was read last was not stretched to its true shape.
        stored_size: The width and height of the upright page that was read last in the file, px; 0, 0 if it has none.
        has_undrawn_text: Whether the page that was read last is blank although characters stand on it.
    """

    num_pages: int
    has_square_pixels: bool
    stored_size: tuple[int, int]
    has_undrawn_text: bool

    def page(self, number: int) -> np.ndarray:
        """Return a page, counted from 0, as uint8 RGB (H, W, 3), or (H, W) if it is stored as grey."""

    def close(self) -> None:
        """Free the memory of the reader."""
