"""Pixels that are not square."""

from __future__ import annotations

import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image

from munseo._data import Page, decode, inspect
from munseo._data.decoder import decode_pages
from munseo._data.image_check import check_images
from munseo._data.pixel_aspect import stretched


def page(height=40, width=60):
    """A white page with a black square in its upper left corner."""
    pixels = np.full((height, width), 255, np.uint8)
    pixels[:10, :20] = 0
    return pixels


def tiff(across, down, **tags):
    """A TIFF with resolutions, and other tags by their number."""
    tags = {int(tag): value for tag, value in tags.items()}
    stream = BytesIO()
    Image.fromarray(page()).save(stream, "TIFF", tiffinfo={282: across, 283: down, 296: 2, **tags})
    return stream.getvalue()


def png(across, down, unit):
    """A PNG with a chunk of resolutions; Pillow writes equal ones only."""
    stream = BytesIO()
    Image.fromarray(page()).save(stream, "PNG", dpi=(100, 100))
    data = stream.getvalue()
    at = data.index(b"pHYs")
    chunk = b"pHYs" + across.to_bytes(4, "big") + down.to_bytes(4, "big") + bytes([unit])
    return data[:at] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[at + 17 :]


def jpeg(across, down, unit):
    stream = BytesIO()
    Image.fromarray(page()).save(stream, "JPEG", quality=95)
    data = bytearray(stream.getvalue())
    at = data.index(b"JFIF\0") + 7
    data[at : at + 5] = bytes([unit]) + across.to_bytes(2, "big") + down.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "height", "width"),
    [
        (tiff(204, 98), 83, 60),  # a standard fax
        (tiff(204, 98, **{"274": 1}), 83, 60),
        (tiff(98, 204), 40, 125),
        (tiff(2, 1, **{"296": 1}), 80, 60),  # a ratio without a unit
        (png(8000, 4000, 1), 80, 60),
        (png(2, 1, 0), 80, 60),
        (jpeg(200, 100, 1), 80, 60),
        (jpeg(1, 2, 0), 40, 120),
    ],
)
def test_the_page_has_its_true_shape(data, height, width):
    pixels = decode(data)
    assert pixels.shape == (height, width, 3)
    dark = pixels[:, :, 0] < 128
    assert abs(dark.any(axis=1).sum() - height / 4) <= 1
    assert abs(dark.any(axis=0).sum() - width / 3) <= 1
    assert not inspect(data).has_square_pixels


@pytest.mark.parametrize(
    "data",
    [
        tiff(204, 196),  # a fine fax, within the tolerance
        tiff(300, 300),
        tiff(0, 98),
        tiff(30, 3000),  # nothing is a hundred times as high as wide
        png(0, 4000, 1),
        jpeg(0, 0, 0),
        jpeg(72, 72, 1),
    ],
)
def test_equal_or_unbelievable_resolutions_change_nothing(data):
    assert decode(data).shape == (40, 60, 3)
    assert inspect(data).has_square_pixels


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_fax(orientation):
    """The resolutions are those of the stored rows and columns; the page is stretched first and turned then."""
    pixels = decode(tiff(204, 98, **{"274": orientation}))
    assert pixels.shape == ((83, 60, 3) if orientation == 3 else (60, 83, 3))


def test_every_page_of_a_file_has_its_own_shape():
    stream = BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for resolution in ((204, 98), (200, 200)):
            writer.write(page(), resolution=resolution, photometric="minisblack")
    assert [one.pixels.shape[:2] for one in decode_pages(stream.getvalue())] == [(83, 60), (40, 60)]


def test_a_page_at_the_limit_is_reduced_instead():
    pixels = stretched(page(), 2.0, max_pixels=40 * 60)
    assert pixels.shape == (40, 30)
    assert stretched(page(), 0.5, max_pixels=40 * 60).shape == (20, 60)


def test_one_note_says_how_many_pages_were_stretched(tmp_path):
    for name, data in (("a", tiff(204, 98)), ("b", tiff(1, 1)), ("c", tiff(98, 204))):
        (tmp_path / f"{name}.tif").write_bytes(data)
    checked = check_images([Page(name, tmp_path / f"{name}.tif", 0) for name in "abc"])
    assert len(checked.notes) == 1
    assert checked.notes[0].startswith("2 pages with pixels that are not square")
    assert checked.notes[0].endswith("a first")
