"""BMP files with masks of their own, in every version of the header."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from munseo._data import decode, inspect
from munseo._data.image_error import ProblemCode

RGB565 = (0xF800, 0x07E0, 0x001F)
RGB10 = (0x3FF00000, 0x000FFC00, 0x000003FF)
BGR8 = (0x000000FF, 0x0000FF00, 0x00FF0000)
ODD = (0xFF000000, 0x00000FF0, 0x0000000F)


def bmp(pixels, masks, bits, header=40, top_down=False, alpha=None, reserved=0, compression=3):
    """Write pixels (H, W, 3) uint8, or (H, W, 4) where there is a mask of alpha, as a BMP of one of its versions."""
    height, width = pixels.shape[:2]
    values = np.zeros((height, width), np.uint64)
    for channel, mask in enumerate([*masks, *([alpha] if alpha else [])]):
        shift = (mask & -mask).bit_length() - 1
        values |= np.rint(pixels[:, :, channel] / 255 * (mask >> shift)).astype(np.uint64) << np.uint64(shift)
    rows = values.astype(f"<u{bits // 8}")[:: 1 if top_down else -1]
    padding = b"\0" * (-width * bits // 8 % 4)
    body = b"".join(row.tobytes() + padding for row in rows)
    info = struct.pack("<IiiHHI", header, width, -height if top_down else height, 1, bits, compression)
    info = info.ljust(40, b"\0") + struct.pack("<3I", *masks)
    if header >= 56 or compression == 6:
        info += struct.pack("<I", alpha or 0)
    info = info.ljust(header, b"\0")
    start = 14 + len(info)
    return b"BM" + struct.pack("<III", start + len(body), reserved, start) + info + body


@pytest.fixture
def colours(picture):
    return picture[:9, :7]  # an odd width, so that rows are filled up


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("masks", "bits", "levels"), [(RGB565, 16, 5), (RGB10, 32, 1), (BGR8, 32, 0), (ODD, 32, 9)], ids=str
)
def test_every_layout_and_header(colours, masks, bits, levels, header, top_down):
    pixels = decode(bmp(colours, masks, bits, header, top_down))
    assert pixels.shape == colours.shape
    assert np.abs(pixels.astype(int) - colours).max() <= levels


def test_transparency_lies_on_white_unless_it_is_empty(colours):
    clear = np.dstack([colours, np.zeros(colours.shape[:2], np.uint8)])
    half = clear.copy()
    half[:, :3, 3] = 255
    for header, compression in ((124, 3), (56, 3), (40, 6)):
        write = lambda pixels: bmp(pixels, BGR8, 32, header, alpha=0xFF000000, compression=compression)  # noqa: B023, E731
        assert np.array_equal(decode(write(clear)), colours)
        assert np.array_equal(decode(write(half))[:, :3], colours[:, :3])
        assert (decode(write(half))[:, 3:] == 255).all()


def test_reserved_bytes_may_have_any_value(colours):
    assert np.array_equal(decode(bmp(colours, BGR8, 32, reserved=0x00020001)), colours)


def test_what_is_missing_is_said(colours):
    whole = bmp(colours, RGB565, 16)
    assert inspect(whole[:-1]).problem.code == ProblemCode.TRUNCATED
    huge = bytearray(whole)
    struct.pack_into("<ii", huge, 18, 2**30, 2**30)
    assert inspect(bytes(huge)).problem.code == ProblemCode.TOO_MANY_PIXELS
    struct.pack_into("<ii", huge, 18, -5, 2**30)
    assert inspect(bytes(huge)).problem.code == ProblemCode.NO_PIXELS
