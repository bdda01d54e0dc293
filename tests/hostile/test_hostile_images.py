"""What the decoder accepts and what it refuses, with which message and at what cost."""

from __future__ import annotations

import os
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from bounds import memory_below
from heic_file import box, heic
from made import chunk, encoded, pdf, photo, png, tags
from PIL import Image
from tiff_file import tiff

from munseo._data import decode, inspect
from munseo._data.decoder import MAX_PAGES, MAX_PIXELS, decode_pages
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._data.jpeg_check import MAX_SCANS

JPEG = encoded(photo(), "JPEG", quality=90)
PIXEL_BOMB = png(30_000, 30_000, pixels=zlib.compress(b"\0" * 1_000_000, 9))


def code_stream(width: int, height: int) -> bytes:
    """A JPEG 2000 that says it is larger than it is."""
    data = bytearray(encoded(photo(), "JPEG2000", no_jp2=True))
    struct.pack_into(">II", data, data.index(b"\xff\x51") + 6, width, height)
    return bytes(data)


def deep_jpeg(side: int) -> bytes:
    """A JPEG of 12 bits that says it is larger than it is."""
    data = imagecodecs.jpeg8_encode(np.full((16, 16), 4000, np.uint16), bitspersample=12)
    at = data.index(b"\xff\xc1") + 5
    return data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]


def odd_tiff(*entries: tuple[int, int, list[int]]) -> bytes:
    """A TIFF of a kind that Pillow does not read (12 bits), with some of its tags replaced."""
    return tiff(np.full((16, 16, 1), 4000, np.uint16), 12, 1, tags=entries)


REFUSED = {
    "a PNG of 30,000 × 30,000": (PIXEL_BOMB, "more than 200,000,000 pixels"),
    "an empty file": (b"", "is empty (0 bytes)"),
    "a cut JPEG": (JPEG[: len(JPEG) // 2], "cut short"),
    "a cut JPEG with an end mark glued on": (JPEG[: len(JPEG) // 2] + b"\xff\xd9", "cut short"),
    "a cut PNG": (encoded(photo(), "PNG")[:-40], "cut short"),
    "a cut TIFF": (encoded(photo(), "TIFF")[:9000], ""),
    "a cut TIFF, packed": (encoded(photo(), "TIFF", compression="tiff_lzw")[:-5000], ""),
    "a cut WebP": (encoded(photo(), "WEBP", quality=90)[:-1000], ""),
    "a cut GIF": (encoded(photo(mode="P"), "GIF")[:3000], "cut short"),
    "a cut BMP": (encoded(photo(), "BMP")[:9000], "cut short"),
    "an HTML page": (b"<!DOCTYPE html><script>alert(1)</script>", "HTML, a web page"),
    "a shell script": (b"#!/bin/sh\nrm -rf /\n", "text"),
    "a program": (b"\x7fELF\x02\x01\x01\0", "a program"),
    "FITS": (b"SIMPLE  =                    T / " + b" " * 2848, "FITS"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
    "an SVG behind an entity of XML": (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "XML"),
    "EPS, which Pillow gives to Ghostscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
    "Photoshop": (b"8BPS\0\1" + b"\0" * 20, "Photoshop"),
    "an icon": (b"\0\0\1\0\1\0" + b"\0" * 20, "an icon"),
    "a Windows metafile": (b"\xd7\xcd\xc6\x9a" + b"\0" * 40, "a Windows metafile"),
    "the start of a JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "cut short"),
    "a pickle": (b"\x80\x04cos\nsystem\n", "unknown format"),
    "a PDF with a password": (pdf(encrypt=True), "asks for a password"),
    "a PDF without pages": (pdf(0), ""),
    "a PDF cut in the middle": (pdf(50)[:300], ""),
    "a PNG whose pixels are another's": (png(64, 64, pixels=zlib.compress(b"\0\xff" * 8)), ""),
    "a GIF of 65,535 × 65,535": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";", ""),
    "a TIFF of 4 billion pixels a side": (
        tags([(256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8)]),
        "",
    ),
    "a HEIC of 30,000 × 30,000": (heic(size=(30_000, 30_000)), "more than 200,000,000 pixels"),
    "a HEIC of another size than it says": (heic(size=(9000, 9000)), ""),
    "a cut HEIC": (heic()[:-9], "cut short"),
    "a HEIC of nothing but its brand": (box(b"ftyp", b"heic\0\0\0\0mif1heic"), ""),
    "a HEIC whose boxes have no end": (heic()[:60] + b"\xff" * 300, ""),
    "a cut AVIF": (encoded(photo(), "AVIF")[:-60], ""),
    "an AVIF of nothing but its brand": (box(b"ftyp", b"avif\0\0\0\0avifmif1"), ""),
    "a cut JPEG 2000": (encoded(photo(), "JPEG2000")[:2000], ""),
    "a JPEG 2000 of 60,000 × 60,000": (code_stream(60_000, 60_000), "more than 200,000,000 pixels"),
    "a PGM of 30,000 × 30,000": (b"P5 30000 30000 255\n", "more than 200,000,000 pixels"),
    "a PGM of 14,000 × 14,000 without data": (b"P5 14000 14000 255\n", "cut short"),
    "a PPM whose numbers have 10,000 digits": (b"P6 " + b"9" * 400 + b" 1 255\n", ""),
    "a text PPM without data": (b"P3 14000 14000 255\n", ""),
    "a deep JPEG of 30,000 × 30,000": (deep_jpeg(30_000), "more than 200,000,000 pixels"),
    "a deep JPEG without data": (deep_jpeg(8000)[:-30], ""),
    "a TIFF with a tile of 2³¹ px": (odd_tiff((322, 4, [2**31 - 16]), (323, 4, [16])), "more than"),
    "a TIFF of 65,535 samples a pixel": (odd_tiff((277, 3, [65_535])), "samples"),
    "a TIFF of 65,535 bits a sample": (odd_tiff((258, 3, [65_535])), "65535 bits"),
    "a TIFF whose strips are elsewhere": (odd_tiff((273, 4, [2**31])), "cut short"),
    "a TIFF of 500 million planes": (odd_tiff((32997, 4, [500_000_000])), "several planes"),
    "a TIFF whose palette lies outside": (odd_tiff((262, 3, [3]), (320, 3, [0])), "a palette without its colours"),
    "a TIFF of 60,000 × 60,000 of one bit": (
        odd_tiff((256, 4, [60_000]), (257, 4, [60_000]), (258, 3, [1])),
        "more than 800,000,000 pixels",
    ),
    "a packed TIFF of 12,000 × 12,000 without data": (
        odd_tiff((256, 4, [12_000]), (257, 4, [12_000]), (259, 3, [5])),
        "",
    ),
    "a TIFF whose directory points at itself": (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", ""),
}
"""For each name the bytes and words of the message; "" where a library chooses the words."""


def many_scans(number: int) -> bytes:
    data = encoded(photo(mode="L"), "JPEG", progressive=True)
    scan = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + scan * number + b"\xff\xd9"


REFUSED["a progressive JPEG of 10,000 scans"] = (many_scans(10_000), f"more than {MAX_SCANS} scans")


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason_and_in_little_memory(name, tmp_path):
    data, words = REFUSED[name]
    path = tmp_path / "page.jpg"
    path.write_bytes(data)
    for source in (path, data):
        with memory_below(400):
            found = inspect(source)
        assert found.problem
        assert words in str(found.problem)
        assert "Traceback" not in str(found.problem)


def many_frames(number: int) -> bytes:
    one, two = photo(mode="L"), Image.new("L", (96, 96), 9)
    alone, both = encoded(one, "GIF"), encoded(one, "GIF", save_all=True, append_images=[two])
    return alone[:-1] + both[len(alone) - 1 : -1] * number + b";"


EXIF_OF_A_THOUSAND_COPIES = tags([(1000 + n, 7, 100_000, 8) for n in range(4000)]) + b"a" * 100_000
TAKEN = {
    "a packed colour profile of 20 MB in a PNG": png(
        96, 96, [chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"a" * 20_000_000, 9))]
    ),
    "a packed text of 20 MB in a PNG": png(
        96, 96, [chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 20_000_000, 9))]
    ),
    "a colour profile of 4 MB": encoded(photo(), "JPEG", icc_profile=b"\0" * 4_000_000),
    "a comment of 60 kB": encoded(photo(), "JPEG", comment=b"=cmd|'/c calc'!A0" * 3000),
    "EXIF that points beyond its end": encoded(photo(), "JPEG", exif=b"Exif\0\0" + tags([(274, 3, 9, 2**31)])),
    "EXIF that is no EXIF": encoded(photo(), "JPEG", exif=b"Exif\0\0" + b"\xff" * 500),
    "EXIF whose orientation is 77": encoded(photo(), "JPEG", exif=b"Exif\0\0" + tags([(274, 3, 1, 77)])),
    "EXIF of 4,000 tags of the same 100 kB": png(96, 96, [chunk(b"eXIf", EXIF_OF_A_THOUSAND_COPIES)]),
    "a GIF of 3,000 frames": many_frames(3000),
    "a CMYK JPEG": encoded(photo(mode="CMYK"), "JPEG"),
    "a CMYK JPEG that says it is YCCK": encoded(photo(mode="CMYK"), "JPEG").replace(
        b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2"
    ),
    "a TIFF of 12 bits whose strip is larger than its page": tiff(
        np.full((96, 96, 1), 4000, np.uint16), 12, 1, tags=[(278, 4, [2**31])]
    ),
    "16-bit grey": encoded(Image.fromarray(np.full((96, 96), 40_000, np.uint16)), "PNG"),
    "16-bit TIFF": encoded(Image.fromarray(np.full((96, 96), 40_000, np.uint16)), "TIFF"),
    "a page that ends in mid-grey by itself": encoded(Image.new("RGB", (96, 96), (128, 128, 128)), "JPEG"),
    "a JPEG with a script behind its end": JPEG + b"<script>alert(1)</script>",
    "a PNG with a ZIP archive behind its end": encoded(photo(), "PNG") + b"PK\3\4" + b"\0" * 100,
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken_as_the_picture_that_it_is(name, recwarn):
    with memory_below(300):
        pixels = decode(TAKEN[name], "page.jpg")
    assert pixels.shape == (96, 96, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_glued_end_mark_does_not_make_a_cut_jpeg_whole(mode, share):
    data = encoded(photo(200, 200, mode), "JPEG", quality=90)
    assert inspect(cut_to(data, share)).problem == ImageProblem(ProblemCode.TRUNCATED)
    assert inspect(data).problem is None


def test_of_a_progressive_jpeg_the_first_scan_has_to_be_whole():
    """Each further scan makes the whole page finer: without them it is a blurred page, and no decoder can tell."""
    data = encoded(photo(200, 200), "JPEG", progressive=True, quality=90)
    assert inspect(cut_to(data, 0.02)).problem == ImageProblem(ProblemCode.TRUNCATED)
    assert inspect(cut_to(data, 0.9)).width == 200
    assert inspect(data).problem is None


def cut_to(jpeg: bytes, share: float) -> bytes:
    """Return the header and a fraction of the pixels, with an end mark appended."""
    start = jpeg.find(b"\xff\xda")
    return jpeg[: start + int((len(jpeg) - start) * share)] + b"\xff\xd9"


def test_a_tiff_of_thousands_of_frames_is_read_to_the_limit():
    first = Image.new("1", (8, 8))
    data = encoded(first, "TIFF", save_all=True, append_images=[first] * 1999)
    assert inspect(data).num_pages == 2000
    with memory_below(300):
        assert sum(page.problem is None for page in decode_pages(data)) == 2000


def test_a_tiff_whose_directories_run_in_a_circle_ends():
    data = bytearray(encoded(Image.new("L", (8, 8)), "TIFF", save_all=True, append_images=[Image.new("L", (8, 8))]))
    (place,) = struct.unpack_from("<I", data, 4)
    first = place
    while True:
        (count,) = struct.unpack_from("<H", data, place)
        after = place + 2 + 12 * count
        (place,) = struct.unpack_from("<I", data, after)
        if place == 0:
            break
    struct.pack_into("<I", data, after, first)
    assert inspect(bytes(data)).num_pages <= MAX_PAGES + 1


def test_a_pdf_of_ten_thousand_pages_costs_the_page_that_is_used():
    with memory_below(300):
        found = inspect(pdf(10_000))
    assert (found.num_pages, found.format, found.problem) == (10_000, "PDF", None)


def test_a_pdf_without_pages_is_not_taken_for_the_one_before_with_a_password():
    assert "password" in str(inspect(pdf(encrypt=True)).problem)
    assert str(inspect(pdf(0)).problem) == "is a PDF without pages"


@pytest.mark.parametrize("size", ["0 0 0 0", "0 0 1e-30 1e-30", "0 0 1e30 1", "0 0 1 1000000000", "9 9 -9 -9"])
def test_a_pdf_page_of_an_absurd_size_is_drawn_in_bounds(size):
    with memory_below(300):
        found = inspect(pdf(size=size))
    assert found.problem is None
    assert max(found.width, found.height) == 1600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_what_is_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert str(inspect(tmp_path / "fifo.jpg").problem) == "is not a file"
    assert str(inspect(tmp_path / "folder.jpg").problem) == "is not a file"
    assert str(inspect(tmp_path / "loop.jpg").problem) == "there is no such file"
    assert str(inspect(tmp_path / "nul\0.jpg").problem) == "there is no such file"


def test_the_limit_is_the_documented_one():
    assert MAX_PIXELS < 30_000 * 30_000
