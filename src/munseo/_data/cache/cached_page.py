"""A page and its pixels, from the cache where it has them, else from its file: the same to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from munseo._console import say
from munseo._data.cache.pack import DamagedPackError, Pack
from munseo._data.decoder import decode
from munseo._data.letterbox import letterbox
from munseo._data.page import Page


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pixels of a page lie."""

    pack: Pack
    row: int


@dataclass(frozen=True, slots=True, eq=False, init=False)
class CachedPage(Page):
    """A page that remembers where its decoded pixels lie; anywhere else it is a page like any other."""

    places: tuple[Place, ...] = field(default=(), repr=False)
    """One for each size that is cached."""

    def __init__(self, id: str, path: Path, label: int | None, places: tuple[Place, ...] = ()) -> None:
        """Know a page, and where its pixels are."""
        Page.__init__(self, id, path, label)
        object.__setattr__(self, "places", places)


def square(page: Page, size_px: int) -> np.ndarray:
    """A page as every model takes it: decoded, and letterboxed.

    Args:
        page: With or without pixels in a cache.
        size_px: Side of the square.

    Returns:
        (size_px, size_px, 3) uint8: ``letterbox(decode(page.path), size_px)``, or the same bits from the cache.

    Raises:
        ImageError: The page is not in a cache at this size, and its file cannot be read.
    """
    for place in page.places if isinstance(page, CachedPage) else ():
        if place.pack.size_px == size_px:
            try:
                return place.pack.square(place.row)
            except (OSError, DamagedPackError):
                _say_lost(place.pack.path)
    return letterbox(decode(page.path), size_px)


@cache
def _say_lost(path: Path) -> None:
    """Once a process, not once a page."""
    say(f"cache: {path} is gone or damaged; its pages are decoded anew each time")
