"""What a JPEG's bytes tell that its decoders do not: whether it is whole, and whether it is an attack on their time."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError

MAX_SCANS = 100
"""Of a progressive JPEG. Encoders write about 10; each takes some 90 bytes and a walk over all pixels (0.1 s at
64 million), so that a megabyte of them would keep a core busy for a quarter of an hour."""

_END, _SCAN = b"\xff\xd9", b"\xff\xda"
_GREY, _NEAR = 128, 2
_STUFFING = bytes(np.random.Generator(np.random.Philox(0)).integers(0, 255, 4096, np.uint8))
"""Picture data of no meaning; no FF among them, so that none is a mark."""


def is_whole(data: bytes, header_bytes: int) -> bool:
    """Whether the end mark stands behind the header; FF D9 cannot occur within pixels.

    OpenCV's older releases fill what is missing of a JPEG with grey, without a word; Pillow says that it is missing.
    """
    return data.rfind(_END, header_bytes) >= 0


def check_scans(data: bytes, header_bytes: int) -> None:
    """Refuse more scans than ``MAX_SCANS``.

    Raises:
        UnreadableError: There are more.
    """
    if data.count(_SCAN, header_bytes) > MAX_SCANS:
        raise UnreadableError(ImageProblem(ProblemCode.TOO_MANY_SCANS, most=MAX_SCANS))


def is_filled_up(data: bytes, header_bytes: int, pixels: np.ndarray) -> bool:
    """Whether it was cut and an end mark glued on, which every decoder takes without a word.

    What is missing becomes mid-grey, and few pages end in that by themselves: only those are looked at further. For
    them some bytes are put before the end mark. A whole picture has no use for them; missing blocks take them for
    theirs, and the pixels change.

    Args:
        data: The file.
        header_bytes: Where its header ends.
        pixels: (H, W, 3) or (H, W), as decoded.
    """
    if np.abs(pixels[-1, -1].astype(np.int16) - _GREY).max() > _NEAR:
        return False
    end = data.find(_END, header_bytes)
    try:
        return not np.array_equal(_silently(data), _silently(data[:end] + _STUFFING + data[end:]))
    except (OSError, SyntaxError, ValueError):
        return True


def _silently(data: bytes) -> np.ndarray:
    """Decode with Pillow: OpenCV's own would print a warning about the bytes that were put in."""
    image = JpegImageFile(BytesIO(data))
    image.load()
    return np.asarray(image)
