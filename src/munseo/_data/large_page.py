"""Pages of very many pixels: reduced piece by piece while they are decoded, so that they never lie in memory whole.

A drawing of A0 has 139 million pixels at 300 dpi and 248 million at 400 dpi, of which a model sees a few hundred
thousand. Halving or quartering such a page by averages, before it is reduced to the size of the model, changes the
result by less than one grey level.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from PIL import Image

LARGE_PIXELS = 64_000_000
"""A page of more pixels is reduced while it is decoded; A2 at 300 dpi has 35 million, A1 has 70 million."""

BILEVEL_SHARE = 4
"""How many times as many pixels a TIFF of one bit a pixel may have: A0 at 600 dpi has 558 million, in 70 MB of bits."""

_BAND_PIXELS = 8_000_000  # pixels that are converted at once
_MOST_FACTOR = 16  # rows of a band are a multiple of it, so that no block is cut

Convert = Callable[[np.ndarray], np.ndarray]

_alone = threading.Lock()
_counting = threading.Lock()
_num_suspensions = 0
_limit_of_others: int | None = None


def reduction_factor(width: int, height: int) -> int:
    """Return the power of two by which a page of this size is reduced in each direction; 1 for most pages."""
    factor = 1
    while (width // factor) * (height // factor) > LARGE_PIXELS:
        factor *= 2
    return factor


class ReducedPage:
    """A page that is collected from pieces, each of which is reduced at once by averages over square blocks.

    Pieces that have the full width may have any number of rows, and come in their order. Others begin and end at a
    multiple of ``factor``, or at the right and lower edge.

    Args:
        height: The size of the page before it is reduced, px.
        width: The same.
        num_channels: Values of a pixel.
        factor: The side of the blocks.
    """

    def __init__(self, height: int, width: int, num_channels: int, factor: int) -> None:
        self._height, self._width, self._factor = height, width, factor
        self._pixels = np.full((-(-height // factor), -(-width // factor), num_channels), 255, np.uint8)
        self._waiting: np.ndarray | None = None  # rows of a block that is not complete

    def add(self, piece: np.ndarray, top: int, left: int, channel: int | None = None) -> None:
        """Add a piece of the page; what lies beyond its edges is left out.

        Args:
            piece: (h, w, c) uint8.
            top: Where it lies on the page, px.
            left: The same.
            channel: The channel that a piece of one channel belongs to; None: it has all of them.
        """
        piece = piece[: self._height - top, : self._width - left]
        factor = self._factor
        if factor > 1 and left == 0 and piece.shape[1] == self._width:
            if self._waiting is not None and top % factor:
                piece = np.concatenate([self._waiting, piece])
                top -= len(self._waiting)
            complete = len(piece) if top + len(piece) == self._height else len(piece) // factor * factor
            self._waiting = piece[complete:].copy()
            piece = piece[:complete]
        if not piece.size:
            return
        reduced = _averaged(piece, factor)
        target = self._pixels[top // factor :, left // factor :]
        rows, columns = reduced.shape[:2]
        if channel is None:
            target[:rows, :columns] = reduced
        else:
            target[:rows, :columns, channel] = reduced[:, :, 0]

    def add_in_bands(
        self, piece: np.ndarray, top: int, left: int, convert: Convert, channel: int | None = None
    ) -> None:
        """Add a piece whose samples have to be converted: a strip may be the whole page, and is converted by parts.

        Args:
            piece: (h, w, c) samples of any type.
            top: Where it lies on the page, px.
            left: The same.
            convert: From samples to (h, w, c) or (h, w) uint8.
            channel: See ``add``.
        """
        rows = max(_MOST_FACTOR, _BAND_PIXELS // max(1, piece.shape[1]) // _MOST_FACTOR * _MOST_FACTOR)
        for start in range(0, len(piece), rows):
            pixels = convert(piece[start : start + rows])
            self.add(pixels if pixels.ndim == 3 else pixels[:, :, None], top + start, left, channel)

    def pixels(self) -> np.ndarray:
        """Return the page, (h, w, 3) uint8, or (h, w) if it has one channel."""
        return self._pixels[:, :, 0] if self._pixels.shape[2] == 1 else self._pixels


def _averaged(piece: np.ndarray, factor: int) -> np.ndarray:
    """Return the averages of square blocks, (h, w, c); a block at the edge repeats its last row or column."""
    if factor == 1:
        return piece
    height, width, channels = piece.shape
    missing = [(0, -height % factor), (0, -width % factor), (0, 0)]
    whole = np.pad(piece, missing, mode="edge") if missing[0][1] or missing[1][1] else np.ascontiguousarray(piece)
    size = (whole.shape[1] // factor, whole.shape[0] // factor)
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels)


@contextmanager
def large_page_alone(width: int, height: int) -> Iterator[None]:
    """Let only one thread of the process decode a large page that is decoded whole, since it may take a gigabyte."""
    if reduction_factor(width, height) == 1:
        yield
        return
    with _alone:
        yield


def _after_fork() -> None:
    global _alone, _counting
    _alone, _counting = threading.Lock(), threading.Lock()  # another thread of the parent may have held them


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def reduced_array(pixels: np.ndarray) -> np.ndarray:
    """Reduce a page that was decoded whole, (H, W, 3) or (H, W) uint8; one that is not large is returned as it is."""
    factor = reduction_factor(pixels.shape[1], pixels.shape[0])
    if factor == 1:
        return pixels
    averaged = _averaged(pixels.reshape(*pixels.shape[:2], -1), factor)
    return averaged[:, :, 0] if pixels.ndim == 2 else averaged


def bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Cut a loaded image into bands of full width; yield each with its upper edge.

    Converting a whole image of Pillow costs its memory two or three times more.
    """
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(height, top + rows)))


@contextmanager
def pillow_limit_suspended() -> Iterator[None]:
    """Suspend Pillow's own limit of pixels within this block: every reader here checks the size before.

    Above 89 million pixels Pillow prints a warning, and above 179 million it raises an error. The limit is a variable
    of Pillow for the whole process, so it is put back as soon as no thread is within such a block.
    """
    global _num_suspensions, _limit_of_others
    with _counting:
        if _num_suspensions == 0:
            _limit_of_others, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _num_suspensions += 1
    try:
        yield
    finally:
        with _counting:
            _num_suspensions -= 1
            if _num_suspensions == 0:
                Image.MAX_IMAGE_PIXELS = _limit_of_others
