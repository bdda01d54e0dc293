"""A page and its pixels, from the cache if it has them, otherwise from the file: the same to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from munseo._console import say
from munseo._data.cache.pack import DamagedPackError, Pack
from munseo._data.container.contained_file import ImageFile
from munseo._data.decoder import decode_stored
from munseo._data.page import Page
from munseo._data.pixels import letterbox


@dataclass(frozen=True, slots=True)
class PackRow:
    """The pack and the row in it that hold the pixels of a page."""

    pack: Pack
    row: int


@dataclass(frozen=True, slots=True, eq=False, init=False)
class CachedPage(Page):
    """A page whose decoded pixels are in the cache, one place for each size that is cached."""

    places: tuple[PackRow, ...] = field(default=(), repr=False)

    def __init__(self, id: str, path: ImageFile, label: int | None, places: tuple[PackRow, ...] = ()) -> None:
        """Make a page from its ID, its file, its label and the places of its pixels."""
        Page.__init__(self, id, path, label)
        object.__setattr__(self, "places", places)


def square(page: Page, size_px: int) -> np.ndarray:
    """Return a page as every model takes it: decoded and letterboxed.

    Args:
        page: A page with or without pixels in a cache.
        size_px: The side of the square.

    Returns:
        (size_px, size_px, 3) uint8: ``letterbox(decode(page.path), size_px)``, or the same bits from the cache.

    Raises:
        ImageError: The page is not in a cache at this size, and its file cannot be read.
    """
    for row in page.places if isinstance(page, CachedPage) else ():
        if row.pack.size_px == size_px:
            try:
                return row.pack.square(row.row)
            except (OSError, DamagedPackError):
                _report_lost(row.pack.path)
    return letterbox(decode_stored(page.path), size_px)


@cache
def _report_lost(path: Path) -> None:
    """Report a pack once in a process and not once for every page."""
    say(f"cache: {path} is gone or damaged; its pages are decoded anew each time")
