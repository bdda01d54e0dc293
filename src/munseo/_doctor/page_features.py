"""One look at every page: decoded once, in threads; what is kept of it is small."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from munseo._data import ImageError, Page, PageSet, decode, letterbox
from munseo._data.decoder import read_bytes
from munseo._data.formats import HEAD_BYTES, find_format
from munseo._data.near_duplicates import thumbnail
from munseo._data.stream.read_ahead import read_ahead
from munseo._doctor.issue import Sheet

_MEASURED_PX = 256
_AHEAD = 64
"""Pages that wait decoded for the model: at 256 px 13 MB."""
_INK = 24
"""Grey levels darker or brighter than the paper around it."""


@dataclass(frozen=True)
class Seen:
    """A sheet, and the square that a model takes, where one was asked for and the page can be read."""

    sheet: Sheet
    square: np.ndarray | None


def look(pages: PageSet, square_px: int | None) -> Iterator[Seen]:
    """Decode all pages in the order train, val, test.

    Args:
        pages: The data set.
        square_px: Side of the squares; None: none is made.
    """
    parts: Sequence[tuple[str, Sequence[Page]]] = (
        ("train", pages.train),
        ("val", pages.val or ()),
        ("test", pages.test),
    )
    sources = [(part, page) for part, members in parts for page in members]
    # The test part is compared, but no label of it is judged: no model needs to see it.
    return read_ahead(
        sources,
        lambda source: [_see(*source, square_px if source[0] != "test" else None)],
        os.cpu_count() or 1,
        _AHEAD,
    )


def _see(part: str, page: Page, square_px: int | None) -> Seen:
    file_sha256 = ""
    try:
        data = read_bytes(page.path, page.id)
        file_sha256 = hashlib.sha256(data).hexdigest()
        pixels = decode(data, page.id)
    except ImageError as error:
        return Seen(Sheet(part, page, error.problem, file_sha256=file_sha256), None)
    height, width = pixels.shape[:2]
    file_format = find_format(data[:HEAD_BYTES])
    assert file_format is not None, "it has been decoded"
    # Threads of OpenCV's own would only fight with ours, so what is measured is small.
    scale = min(1.0, _MEASURED_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    digest = hashlib.sha256(f"{width}x{height}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    sheet = Sheet(
        part=part,
        page=page,
        format=file_format.name,
        width=width,
        height=height,
        file_sha256=file_sha256,
        pixels_sha256=digest.hexdigest(),
        ink=_ink(grey),
        brightness=float(grey.mean()),
        colour=float((small.max(axis=2) - small.min(axis=2)).mean()),
        thumbnail=thumbnail(pixels),
    )
    return Seen(sheet, letterbox(pixels, square_px) if square_px else None)


def _ink(grey: np.ndarray) -> float:
    """Share of a page that stands out; the rim is left out, since scanners leave lines and shadows there."""
    rim_y, rim_x = (max(1, side // 20) for side in grey.shape)
    inner = grey[rim_y:-rim_y, rim_x:-rim_x] if min(grey.shape) > 20 else grey
    paper = cv2.medianBlur(inner, 31)
    # Large solid areas are their own surroundings: they are seen against the whole page.
    away = np.maximum(cv2.absdiff(inner, paper), cv2.absdiff(inner, np.full_like(inner, np.median(inner))))
    return float((away > _INK).mean())
