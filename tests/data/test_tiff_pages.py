"""Directories of a TIFF and the reader that is chosen for each of them."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image
from tiff_file import tiff

from munseo._data import decode, inspect
from munseo._data.decoder import count_pages, decode_pages
from munseo._data.image_error import ProblemCode, UnreadableError
from munseo._data.tiff_directory import directories
from munseo._data.tiff_pages import is_usual


def first(data: bytes):
    return next(directories(data, 1))


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("1", {"compression": "group4"}),
        ("1", {"compression": "group3"}),
        ("1", {"compression": "packbits"}),
        ("1", {}),
        ("L", {"compression": "tiff_lzw"}),
        ("L", {"compression": "jpeg"}),
        ("P", {"compression": "tiff_lzw"}),
        ("RGB", {}),
        ("RGB", {"compression": "jpeg"}),
        ("RGB", {"compression": "tiff_deflate"}),
        ("RGBA", {"compression": "tiff_lzw"}),
        ("CMYK", {"compression": "tiff_lzw"}),
        ("I;16", {}),
    ],
)
def test_what_scanners_and_offices_write_goes_the_fast_way(picture, encoded, mode, options):
    grey = Image.fromarray(picture[:, :, 0].astype(np.uint16) * 257)
    image = grey if mode == "I;16" else Image.fromarray(picture).convert(mode)
    assert is_usual(first(encoded(image, "TIFF", **options)))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_a_directory_says_what_its_tags_say(order, big):
    tags = [(274, 3, [6]), (282, 5, [204, 1]), (283, 5, [98, 1]), (338, 3, [2]), (254, 4, [1])]
    found = first(tiff(np.zeros((5, 7, 4), np.uint8), 8, 2, order=order, big=big, tags=tags))
    assert (found.width, found.height, found.bits, found.photometric) == (7, 5, (8, 8, 8, 8), 2)
    assert (found.orientation, found.resolution, found.extra, found.is_page) == (6, (204, 98), (2,), False)
    assert found.is_whole
    assert not found.is_planar
    assert not found.is_bilevel


def test_a_page_of_a_kind_that_is_not_read_leaves_the_others(picture):
    stream = BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(picture, photometric="rgb", metadata=None)
        writer.write(picture[:, :, 0], photometric=32803, metadata=None)
        writer.write(picture.astype(np.float32) / 255, photometric="rgb", metadata=None)
        writer.write(picture[:, :, 0], photometric="minisblack", compression="lzma", metadata=None)
    data = stream.getvalue()
    pages = list(decode_pages(data))
    assert [page.problem and page.problem.code for page in pages] == [None, ProblemCode.TIFF_KIND, None, None]
    assert [page.num_pages for page in pages] == [count_pages(data, "x")] * 4 == [4] * 4
    assert np.abs(pages[2].pixels.astype(int) - picture).max() <= 1
    assert np.array_equal(pages[3].pixels, picture[:, :, 0])


def test_a_chain_that_breaks_off_ends_and_one_that_never_began_is_cut_short():
    data = bytearray(tiff(np.zeros((4, 4, 1), np.uint8), 8, 1))
    (number,) = struct.unpack_from("<H", data, 8)
    struct.pack_into("<I", data, 10 + 12 * number, 10**6)
    assert len(list(directories(bytes(data), 10))) == 1
    struct.pack_into("<I", data, 4, 10**6)
    with pytest.raises(UnreadableError):
        list(directories(bytes(data), 10))
    assert inspect(bytes(data)).problem.code == ProblemCode.TRUNCATED


def test_programs_leave_out_what_the_samples_mean(picture):
    said, unsaid = (struct.pack("<HHI", tag, 3, 1) for tag in (262, 60_000))
    assert np.array_equal(decode(tiff(picture, 8, 2).replace(said, unsaid)), picture)
