"""Checks of a JPEG that its decoders do not make: whether it is whole, and whether it is an attack on their time."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError

MAX_SCANS = 100
"""The most scans of a progressive JPEG. Encoders write about 10. Each takes some 90 bytes and a pass over all pixels
(0.1 s at 64 million), so that a megabyte of scans would keep a core busy for a quarter of an hour."""

_END = b"\xff\xd9"  # the mark at the end of a file
_SCAN = b"\xff\xda"  # the mark at the start of a scan
_GREY = 128  # the grey level with which decoders fill what is missing
_GREY_TOLERANCE = 2  # grey levels by which the last pixel may differ from that

_STUFFING = bytes(np.random.Generator(np.random.Philox(0)).integers(0, 255, 4096, np.uint8))
"""Random picture data without the byte FF, so that none of it is a mark."""


def with_end(data: bytes, header_bytes: int) -> JpegImageFile | None:
    """Return the loaded image of a JPEG that lacks its end mark, or None if it has one.

    FF D9 cannot occur within pixels. Some scanners leave it out. It is read only where every pixel is there without it.

    Raises:
        UnreadableError: Pixels are missing.
    """
    if data.rfind(_END, header_bytes) >= 0:
        return None
    ended = data.removesuffix(b"\xff") + _END
    try:
        image = _loaded(ended)
        is_whole = np.array_equal(np.asarray(image), np.asarray(_loaded(_stuffed(ended, header_bytes))))
    except (OSError, SyntaxError, ValueError):
        is_whole = False
    if not is_whole:
        raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
    return image


def check_scans(data: bytes, header_bytes: int) -> None:
    """Refuse more scans than ``MAX_SCANS``.

    Raises:
        UnreadableError: The file has more scans.
    """
    if data.count(_SCAN, header_bytes) > MAX_SCANS:
        raise UnreadableError(ImageProblem(ProblemCode.TOO_MANY_SCANS, most=MAX_SCANS))


def is_filled_up(data: bytes, header_bytes: int, pixels: np.ndarray) -> bool:
    """Return whether a JPEG was cut and an end mark appended, which every decoder silently accepts.

    What is missing becomes mid-grey, and few whole pages end in that: only those are examined further. For them some
    bytes are inserted before the end mark. A whole picture ignores them; missing blocks use them as their data, and the
    pixels change. This costs decoding the page twice.

    Args:
        data: The content of the file.
        header_bytes: The length of its header.
        pixels: (H, W, 3) or (H, W), as decoded.
    """
    if np.abs(pixels[-1, -1].astype(np.int16) - _GREY).max() > _GREY_TOLERANCE:
        return False
    return _is_incomplete(data, header_bytes)


def _is_incomplete(data: bytes, header_bytes: int) -> bool:
    """Return whether bytes that are inserted before the end mark change the pixels: a whole picture ignores them."""
    try:
        return not np.array_equal(np.asarray(_loaded(data)), np.asarray(_loaded(_stuffed(data, header_bytes))))
    except (OSError, SyntaxError, ValueError):
        return True


def _stuffed(data: bytes, header_bytes: int) -> bytes:
    end = data.find(_END, header_bytes)
    return data[:end] + _STUFFING + data[end:]


def _loaded(data: bytes) -> JpegImageFile:
    """Decode with Pillow: OpenCV would print a warning about the inserted bytes."""
    image = JpegImageFile(BytesIO(data))
    image.load()
    return image
