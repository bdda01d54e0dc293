"""BMP files whose masks say where each colour is: Pillow reads a few layouts, OpenCV gives wrong colours."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from PIL import BmpImagePlugin, Image

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.pixels import check_size

_FILE_HEADER_BYTES = 14
_BITFIELDS, _ALPHA_BITFIELDS = 3, 6  # values of the field "compression"
_WITH_ALPHA_MASK = 56  # size from which the header itself has a mask of transparency
_BAND_PIXELS = 2**20  # pixels that are unpacked at once, so that a large page needs little more memory than its result


def open_bmp(stream: BytesIO, max_pixels: int) -> Image.Image:
    """Open a BMP. One with masks is decoded here, all others by Pillow.

    Transparency that is 0 everywhere is ignored, as Windows does: many programs leave that byte empty.

    Raises:
        UnreadableError: It is too large, or pixels are missing.
        OSError: Pillow cannot read it.
    """
    data = stream.getbuffer()
    if len(data) >= _FILE_HEADER_BYTES + 40:
        size, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", data, _FILE_HEADER_BYTES)
        if size >= 40 and compression in (_BITFIELDS, _ALPHA_BITFIELDS) and bits in (16, 32):
            has_alpha = size >= _WITH_ALPHA_MASK or compression == _ALPHA_BITFIELDS
            check_size(width, abs(height), max_pixels)
            masks = struct.unpack_from("<4I" if has_alpha else "<3I", data, _FILE_HEADER_BYTES + 40)
            return _decode(data, width, height, bits // 8, masks)
    image = BmpImagePlugin.BmpImageFile(stream)
    check_size(*image.size, max_pixels)
    return image


def _decode(data: memoryview, width: int, height: int, bytes_each: int, masks: tuple[int, ...]) -> Image.Image:
    """Decode pixels without compression; rows are filled up to 4 bytes, the lowest first if the height is positive."""
    (start,) = struct.unpack_from("<I", data, 10)
    row_bytes = (width * bytes_each + 3) // 4 * 4
    if start + row_bytes * abs(height) > len(data):
        raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
    rows = np.frombuffer(data, np.uint8, row_bytes * abs(height), start).reshape(abs(height), row_bytes)
    rows = rows[:: -1 if height > 0 else 1, : width * bytes_each]
    masks = masks[:3] if len(masks) == 4 and masks[3] == 0 else masks
    pixels = np.empty((abs(height), width, len(masks)), np.uint8)
    band = max(1, _BAND_PIXELS // width)
    for top in range(0, len(rows), band):
        values = rows[top : top + band].copy().view(f"<u{bytes_each}").astype(np.uint32)
        for channel, mask in enumerate(masks):
            pixels[top : top + band, :, channel] = _channel(values, mask)
    return Image.fromarray(pixels if len(masks) == 4 and pixels[:, :, 3].any() else pixels[:, :, :3])


def _channel(values: np.ndarray, mask: int) -> np.ndarray:
    """Return the bits below a mask, scaled to 0 to 255 and rounded, uint8 (H, W)."""
    if mask == 0:
        return np.zeros(values.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    found = (values & np.uint32(mask)) >> np.uint32(shift)
    return ((found.astype(np.uint64) * 255 + most // 2) // most).astype(np.uint8)
