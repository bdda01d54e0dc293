"""Pages of very many pixels: reduced while they are decoded, in bounded memory, and without Pillow's own limit."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image
from tiff_file import tiff

from munseo._data import decode, inspect, large_page
from munseo._data.decoder import decode_stored
from munseo._data.image_error import ProblemCode
from munseo._data.large_page import (
    LARGE_PIXELS,
    ReducedPage,
    large_page_alone,
    pillow_limit_suspended,
    reduced_array,
    reduction_factor,
)

A0 = (14_043, 9_933)  # width and height at 300 dpi, px


@pytest.mark.parametrize(
    ("size", "factor"), [((8000, 8000), 1), ((8001, 8001), 2), (A0, 2), ((18724, 13244), 2), ((28280, 28280), 4)]
)
def test_the_factor_is_the_least_that_keeps_a_page_below_the_limit(size, factor):
    assert reduction_factor(*size) == factor


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_pieces_give_what_the_whole_gives(factor, channels):
    page = np.random.default_rng(0).integers(0, 256, (83, 61, channels), np.uint8)
    filled = np.pad(page, [(0, -83 % factor), (0, -61 % factor), (0, 0)], mode="edge").astype(float)
    blocks = filled.reshape(-(-83 // factor), factor, -(-61 // factor), factor, channels)
    expected = blocks.mean((1, 3))

    strips = ReducedPage(83, 61, channels, factor)
    for top in range(0, 83, 7):
        strips.add(page[top : top + 7], top, 0)
    tiles = ReducedPage(83, 61, channels, factor)
    for top in range(0, 83, 16):
        for left in range(0, 61, 16):
            tile = np.zeros((16, 16, channels), np.uint8)  # at the edge a tile is filled up with anything
            part = page[top : top + 16, left : left + 16]
            tile[: part.shape[0], : part.shape[1]] = part
            tiles.add(tile, top, left)
    bands = ReducedPage(83, 61, channels, factor)
    bands.add_in_bands(page, 0, 0, lambda samples: samples)
    for found in (strips, tiles, bands):
        assert np.abs(found.pixels().reshape(expected.shape) - expected).max() <= 0.5


def test_planes_go_to_their_channels():
    page = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    collected = ReducedPage(20, 30, 3, 1)
    for channel in (2, 0, 1):
        collected.add(page[:, :, [channel]], 0, 0, channel)
    assert np.array_equal(collected.pixels(), page)


def drawing(kind: str) -> bytes:
    """A white A0 sheet with lines, as programs for drawings write it."""
    width, height = A0
    page = np.full((height, width), 255, np.uint8)
    page[::64, :] = 0
    image, stream = Image.fromarray(page), BytesIO()
    if kind == "png":
        return cv2.imencode(".png", page)[1].tobytes()
    packed = {"compression": "group4", "tiffinfo": {278: height}} if kind == "one strip" else {}
    image.convert("1").save(stream, "TIFF", **packed)
    return stream.getvalue()


MEASURED = """
import re, sys, warnings
from pathlib import Path
from munseo._data import inspect
warnings.simplefilter("error")
found = inspect(Path(sys.argv[1]), look=lambda pixels: print(*pixels.shape, int(pixels.mean())))
print(found.width, found.height, found.problem)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured as Linux counts it")
@pytest.mark.parametrize("kind", ["one strip", "raw", "png"])
def test_a_drawing_of_a0_takes_less_than_500_mb(kind, tmp_path):
    file = tmp_path / "drawing"
    file.write_bytes(drawing(kind))
    command = [sys.executable, "-c", MEASURED, str(file)]
    seen, size, megabytes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    height, width, _, mean = map(int, seen.split())
    assert (width, height) == ((A0[0] + 1) // 2, (A0[1] + 1) // 2)
    assert abs(mean - 251) <= 1
    assert size == f"{A0[0]} {A0[1]} None"
    assert int(megabytes) < 500


def test_one_bit_may_have_more_pixels_than_other_pages():
    """Twice the limit of other pages, in a kilobyte: 20,000 rows of nothing but white."""
    height, width, rows = 20_000, 20_000, 5000
    empty = np.broadcast_to(np.uint8(0), (1, width, 1))
    strip = b"\xff" * (rows // 8)  # in Group 4 a set bit is a row like the one above, and the first one is white

    def write(start: int) -> bytes:
        tags = [(257, 4, [height]), (278, 4, [rows]), (273, 4, [start] * 4), (279, 4, [len(strip)] * 4)]
        return tiff(empty, 1, 0, compress=(4, lambda _: strip), tags=tags)

    data = write(len(write(9)) - len(strip))
    found = inspect(data)
    assert (found.width, found.height, found.problem) == (width, height, None)
    pixels = decode_stored(data)
    assert pixels.shape == (5000, 5000)
    assert (pixels == 255).all()
    grey = tiff(np.broadcast_to(np.uint8(0), (1, width, 1)), 8, 1, tags=[(257, 4, [height])])
    assert inspect(grey).problem.code == ProblemCode.TOO_MANY_PIXELS


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP", "PPM"])
def test_pillows_limit_of_pixels_does_not_count(format, encoded, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    data = encoded(Image.new("L", (60, 50), 255), format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).shape == (50, 60, 3)
    assert Image.MAX_IMAGE_PIXELS == 1000, "the limit of other code in the process is put back"


def test_the_limit_of_others_is_put_back_when_the_last_reader_ends(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with pillow_limit_suspended():
        with pillow_limit_suspended():
            assert Image.MAX_IMAGE_PIXELS is None
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS == 7


WITHOUT_ALPHA = [(format, mode) for format in ("JPEG", "BMP", "GIF") for mode in ("RGB", "L")]
WITH_ALPHA = [(format, mode) for format in ("JPEG2000", "WEBP", "PNG") for mode in ("RGB", "RGBA", "L")]


@pytest.mark.parametrize(("format", "mode"), WITHOUT_ALPHA + WITH_ALPHA)
def test_large_pages_of_every_format_are_reduced(format, mode, encoded, picture, monkeypatch):
    """With a small limit, so that the page is small."""
    smooth = Image.fromarray(cv2.resize(picture, (600, 400), interpolation=cv2.INTER_LINEAR))
    image = smooth.convert(mode)
    options = {"lossless": True} if format == "WEBP" else {"quality": 95} if format == "JPEG" else {}
    data = encoded(image, format, **options)
    whole = decode(data)
    monkeypatch.setattr(large_page, "LARGE_PIXELS", 100_000)
    found = inspect(data)
    assert (found.width, found.height, found.problem) == (600, 400, None)
    reduced = decode(data)
    assert reduced.shape == (200, 300, 3)
    expected = cv2.resize(whole, (300, 200), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - expected).mean() <= 1.5
    assert inspect(data[: len(data) * 3 // 4]).problem is not None, "one that is cut short is still noticed"


def test_an_array_that_is_not_large_is_left_alone():
    page = np.zeros((10, 20, 3), np.uint8)
    assert reduced_array(page) is page


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_worker_does_not_wait_for_a_thread_of_its_parent():
    side = int(LARGE_PIXELS**0.5) + 2
    with large_page_alone(side, side):
        child = os.fork()
        if child == 0:
            with large_page_alone(side, side):
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
