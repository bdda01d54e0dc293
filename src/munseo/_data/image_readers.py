"""What opens a file of one image: Pillow's reader of its format, or another where Pillow has none or is wrong.

Each function is given the content and the most pixels, and returns an image whose size is known and whose pixels may
not have been decoded. It is not ``Image.open``, which would try other formats.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin, PpmImagePlugin
from PIL.ImageFile import ImageFile

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.pixels import check_size, levels

Open = Callable[[BytesIO, int], Image.Image]

NETPBM = rb"P[1-6][ \t\r\n]+(?:#[^\n]*\n[ \t\r\n]*)*(\d+)[ \t\r\n]+(?:#[^\n]*\n[ \t\r\n]*)*(\d+)[ \t\r\n]"
"""Regular expression for the first bytes of a PBM, PGM or PPM, with its width and height."""
_LARGEST_VALUE = rb"(?:#[^\n]*\n[ \t\r\n]*|[ \t\r\n]+)*(\d+)[ \t\r\n]"

_LEAST_BYTES = {b"P1": 1, b"P2": 1, b"P3": 3, b"P4": 1 / 8}
"""The least bytes of a pixel: a text has a digit a value, and spaces between most of them."""

HEIF_READERS = ("pi_heif", "pillow_heif")
"""Packages with the same reader: the first has the decoder alone, the second also an encoder under the GPL."""

_FRAMES = frozenset([*range(0xC0, 0xD0)]) - {0xC4, 0xC8, 0xCC}
"""Marks of a JPEG that are followed by the precision and the size."""


def by_pillow(reader: Callable[[BytesIO], ImageFile]) -> Open:
    """Return the function that opens a file by a reader of Pillow."""

    def open_image(stream: BytesIO, max_pixels: int) -> Image.Image:
        image = reader(stream)
        check_size(*image.size, max_pixels)
        return image

    return open_image


def open_jpeg(stream: BytesIO, max_pixels: int) -> Image.Image:
    """Open a JPEG. One of 12 bits, or without loss, is decoded by imagecodecs; Pillow reads neither.

    Raises:
        UnreadableError: It is too large.
        OSError, SyntaxError: It cannot be decoded.
    """
    try:
        image = JpegImagePlugin.JpegImageFile(stream)
    except SyntaxError:
        frame = _frame(stream.getbuffer())
        if frame is None or (frame[0] == 8 and frame[3] != 0xC3):
            raise
        bits, height, width, _ = frame
        check_size(width, height, max_pixels)
        return _deep_jpeg(stream.getvalue(), bits, (height, width))
    check_size(*image.size, max_pixels)
    return image


def _frame(data: memoryview) -> tuple[int, int, int, int] | None:
    """Return the precision, height, width and mark of the frame of a JPEG, or None if there is none."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        mark, length = data[position + 1], struct.unpack_from(">H", data, position + 2)[0]
        if mark in _FRAMES:
            return (*struct.unpack_from(">BHH", data, position + 4), mark)
        position += 2 + length
    return None


def _deep_jpeg(data: bytes, bits: int, size: tuple[int, int]) -> Image.Image:
    import imagecodecs

    try:
        values = imagecodecs.jpeg_decode(data)
    except Exception as error:
        raise OSError(str(error)) from None
    if values.shape[:2] != size:  # some damaged files give an array of nothing
        raise OSError(f"{bits} bits, of which no pixels are decoded")
    if values.dtype != np.uint8:
        values = levels(2**bits - 1)[values]
    if values.ndim == 3 and values.shape[2] not in (1, 3):
        raise OSError(f"{bits} bits and {values.shape[2]} colours")
    return Image.fromarray(values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values)


def open_netpbm(stream: BytesIO, max_pixels: int) -> Image.Image:
    """Open a PBM, PGM or PPM; grey and colours in bytes whose white is another number than 255 are scaled here.

    Pillow would take a minute for a page of them, and OpenCV leaves such levels as they are.

    Raises:
        UnreadableError: It is too large or cut short.
        OSError, ValueError, SyntaxError: Pillow cannot read it.
    """
    data = stream.getvalue()
    head = re.match(NETPBM, data)
    if head is None:
        raise SyntaxError("the header has no width and height")
    width, height = int(head[1]), int(head[2])
    check_size(width, height, max_pixels)
    if data[:2] not in (b"P5", b"P6"):
        if len(data) - head.end() < width * height * _LEAST_BYTES[data[:2]]:
            raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
        return PpmImagePlugin.PpmImageFile(stream)
    white = re.compile(_LARGEST_VALUE).match(data, head.end() - 1)
    if white is None or not 0 < int(white[1]) < 65536:
        raise SyntaxError("the header has no largest value from 1 to 65535")
    channels, most = 1 if data[:2] == b"P5" else 3, int(white[1])
    kind = np.dtype(np.uint8 if most < 256 else ">u2")
    if white.end() + width * height * channels * kind.itemsize > len(data):
        raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
    values = np.frombuffer(data, kind, width * height * channels, white.end())
    values = values.reshape(height, width) if channels == 1 else values.reshape(height, width, channels)
    return Image.fromarray(values if most == 255 else levels(most)[values])


def open_heic(stream: BytesIO, max_pixels: int) -> Image.Image:
    """Open a HEIC photo by libheif, which also turns it upright; the orientation in its EXIF does not count.

    Raises:
        UnreadableError: It is too large, or the reader is not installed.
        SyntaxError: libheif cannot read it.
    """
    reader = _heif_reader()
    if reader is None:
        raise UnreadableError(ImageProblem(ProblemCode.HEIC_READER_MISSING))
    image: Image.Image = reader.HeifImageFile(stream)
    check_size(*image.size, max_pixels)
    # HEIF (ISO 23008-12, 6.5.10): the property ``irot`` turns the picture, and what EXIF says is for information.
    image.getexif()[ExifTags.Base.Orientation] = 1
    return image


def _heif_reader() -> Any:
    for name in HEIF_READERS:
        try:
            return import_module(f"{name}.as_plugin")
        except ImportError:
            continue
    return None
