"""The inspection of every page: each is decoded once, in threads, and only small values are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from munseo._cores import num_cores
from munseo._data import ImageError, ImageProblem, Page, PageSet, decode, letterbox
from munseo._data.decoder import read_bytes
from munseo._data.formats import HEAD_BYTES, find_format
from munseo._data.near_duplicates import thumbnail
from munseo._data.stream.read_ahead import read_ahead

_MEASURED_PX = 256  # the longest side at which ink, brightness and colour are measured
_PAGES_AHEAD = 64  # Decoded pages that may wait for the model: 13 MB at 256 px
_INK_LEVELS = 24  # grey levels by which ink is darker or brighter than the paper around it


@dataclass(frozen=True)
class InspectedPage:
    """The properties of a page that the doctor has measured."""

    split: str  # ``train``, ``val`` or ``test``
    page: Page
    problem: ImageProblem | None = None  # why it cannot be read, or None; where there is a problem, the rest is empty
    format: str = ""  # name of the file format, see ``FORMATS``
    width: int = 0  # width of the upright image, px
    height: int = 0  # its height, px
    file_sha256: str = ""  # SHA-256 of the file; set wherever the file could be read at all
    pixels_sha256: str = ""  # SHA-256 of size and pixels; the same for equal pictures, whatever their files
    ink: float = 0.0  # fraction of the page, 0 to 1, that differs from the paper around it
    brightness: float = 0.0  # mean grey level, 0 to 255
    colour: float = 0.0  # mean difference between the largest and smallest channel; 0 for grey pages
    thumbnail: np.ndarray | None = None  # (96, 96) uint8 grey, or None

    @property
    def id(self) -> str:
        """The ID of the page."""
        return self.page.id

    @property
    def label(self) -> int | None:
        """The class index of the page, or None."""
        return self.page.label


def inspect_pages(pages: PageSet, square_px: int | None) -> Iterator[tuple[InspectedPage, np.ndarray | None]]:
    """Decode all pages in the order train, val, test.

    Args:
        pages: The data set.
        square_px: Side of the squares; None: none is made.

    Yields:
        Each page, and the square that a model takes, (square_px, square_px, 3) uint8. It is None for pages that cannot
        be read and for the test split: no label of it is judged, so no model needs to see it.
    """
    splits = (("train", pages.train), ("val", pages.val or ()), ("test", pages.test))
    sources = [(split, page) for split, members in splits for page in members]
    return read_ahead(
        sources,
        lambda source: [_inspect(*source, square_px if source[0] != "test" else None)],
        num_cores(),
        _PAGES_AHEAD,
    )


def missing_pages(pages: PageSet) -> list[InspectedPage]:
    """Return the pages whose files were not found, each with the reason; their paths lead nowhere."""
    return [InspectedPage(one.split, Page(one.id, Path(one.id), one.label), one.problem) for one in pages.missing]


def _inspect(split: str, page: Page, square_px: int | None) -> tuple[InspectedPage, np.ndarray | None]:
    file_sha256 = ""
    try:
        data = read_bytes(page.path, page.id)
        file_sha256 = hashlib.sha256(data).hexdigest()
        pixels = decode(data, page.id)
    except ImageError as error:
        return InspectedPage(split, page, error.problem, file_sha256=file_sha256), None
    height, width = pixels.shape[:2]
    # Small, because OpenCV's own threads would only compete with ours.
    scale = min(1.0, _MEASURED_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    digest = hashlib.sha256(f"{width}x{height}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    file_format = find_format(data[:HEAD_BYTES])
    assert file_format is not None, "it has been decoded"
    inspected = InspectedPage(
        split=split,
        page=page,
        format=file_format.name,
        width=width,
        height=height,
        file_sha256=file_sha256,
        pixels_sha256=digest.hexdigest(),
        ink=_ink_fraction(grey),
        brightness=float(grey.mean()),
        colour=float((small.max(axis=2) - small.min(axis=2)).mean()),
        thumbnail=thumbnail(pixels),
    )
    return inspected, letterbox(pixels, square_px) if square_px else None


def _ink_fraction(grey: np.ndarray) -> float:
    """Return the fraction of ink on a page; the rim is skipped, where scanners leave lines and shadows."""
    rim_y, rim_x = (max(1, side // 20) for side in grey.shape)
    inner = grey[rim_y:-rim_y, rim_x:-rim_x] if min(grey.shape) > 20 else grey
    paper = cv2.medianBlur(inner, 31)
    # Large solid areas are their own surroundings, so they are compared with the whole page as well.
    contrast = np.maximum(cv2.absdiff(inner, paper), cv2.absdiff(inner, np.full_like(inner, np.median(inner))))
    return float((contrast > _INK_LEVELS).mean())
