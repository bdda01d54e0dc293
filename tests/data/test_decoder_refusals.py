from __future__ import annotations

import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from munseo._data import ImageError, decode, inspect
from munseo._data.decoder import MAX_PIXELS
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._errors import UserError


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


def png_header(width: int, height: int) -> bytes:
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr))


def reason_of(source) -> str:
    with pytest.raises(ImageError) as caught:
        decode(source, "page.jpg")
    assert str(caught.value) == f"page.jpg: {caught.value.problem}"
    assert inspect(source).problem == caught.value.problem
    assert inspect(source).width == 0
    return str(caught.value.problem)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_rows": 1}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("GIF", {}),
        ("WEBP", {}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_short(encoded, format, options, share):
    data = encoded(noise(), format, **options)
    reason = reason_of(data[: int(len(data) * share)])
    assert "cut short" in reason or "cannot be decoded" in reason


@pytest.mark.parametrize(
    ("format", "mode", "options", "harmless"),
    [
        ("JPEG", "RGB", {}, 2),
        ("JPEG", "L", {}, 2),
        ("JPEG", "RGB", {"progressive": True}, 2),
        ("JPEG", "RGB", {"restart_marker_rows": 1}, 2),
        ("PNG", "RGB", {}, 12),
        ("PNG", "RGBA", {}, 12),
    ],
)
def test_an_end_may_be_missing_but_no_pixel(encoded, format, mode, options, harmless):
    """Whatever number of bytes is cut off, a page is refused, or it is the same page."""
    data = encoded(noise().convert(mode), format, **options)
    whole = decode(data)
    for lost in (*range(1, 80), 200):
        found = inspect(data[:-lost])
        if lost <= harmless or found.problem is None:
            assert np.array_equal(decode(data[:-lost]), whole), lost
        else:
            assert found.problem.code == ProblemCode.TRUNCATED


def test_a_png_that_is_cut_between_two_pieces_of_its_pixels_is_refused(encoded):
    data = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)), "PNG")
    second = data.index(b"IDAT", data.index(b"IDAT") + 4) - 4
    assert "cut short" in reason_of(data[:second])


def test_a_cut_jpeg_with_a_whole_thumbnail_in_its_exif(encoded):
    exif = Image.Exif()
    exif[0x9286] = encoded(noise().resize((8, 8)), "JPEG")
    data = encoded(noise(), "JPEG", exif=exif)
    assert b"\xff\xd9" in data[: len(data) // 2]
    assert "cut short" in reason_of(data[: len(data) // 2])


def test_damaged_in_the_middle(encoded):
    data = bytearray(encoded(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert "cannot be decoded" in reason_of(bytes(data))


def test_damaged_pdf():
    assert "is a damaged PDF" in reason_of(b"%PDF-1.7\nnothing of a PDF follows\n%%EOF\n")
    assert "cut short" in reason_of(b"%PDF-1.7\nnothing of a PDF follows")


def test_pdf_with_a_password():
    # Made by hand: the Encrypt entry is enough for PDFium to ask.
    encrypt = "<</Filter/Standard/V 1/R 2/O<" + "41" * 32 + ">/U<" + "42" * 32 + ">/P -4>>"
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>", encrypt]
    text = "%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<</Size 4/Root 1 0 R/Encrypt 3 0 R/ID[<00><00>]>>\nstartxref\n{len(text)}\n%%EOF"
    assert "password" in reason_of((text + f"xref\n0 4\n0000000000 65535 f \n{table}" + trailer).encode())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0" * 500, "zero bytes only"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        (b"\xef\xbb\xbf  <html lang='ko'>", "HTML"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<svg/>", "SVG"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"PK\x03\x04aaaa", "ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "HWP"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("ID,target\n가.jpg,3\n".encode(), "text"),
        (b"BMW is a car and no bitmap", "text"),
        (b"\x01\x02\x03\x04\x05", "unknown format (starts with 01 02 03 04 05)"),
    ],
)
def test_what_is_no_image_is_named(content, words, tmp_path):
    path = tmp_path / "page.jpg"
    path.write_bytes(content)
    for source in (path, content):
        assert words in reason_of(source)
    if content:
        assert "is not an image that Munseo reads" in reason_of(content)


def test_size_is_checked_before_decoding():
    assert reason_of(png_header(30_000, 30_000)) == f"is 30000 × 30000 px; more than {MAX_PIXELS:,} pixels are not read"
    gif = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0" + struct.pack("<HHB", 65535, 65535, 0)
    assert "65535 × 65535 px" in reason_of(gif + b"\x02\x02\x44\x01\x00;")
    bmp = b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0)
    assert "50000 × 50000 px" in reason_of(bmp)


def test_pillows_own_limits_do_not_matter(recwarn):
    assert 178_956_970 < 14_000 * 13_500 < MAX_PIXELS, "above Pillow's limit, below ours"
    idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    assert "cut short" in reason_of(png_header(14_000, 13_500) + idat)
    assert not recwarn.list


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "page.jpg")
    assert reason_of(tmp_path / "page.jpg") == "is not a file"


def test_folder_missing_file_and_unreadable_file(tmp_path):
    (tmp_path / "x.jpg").mkdir()
    assert reason_of(tmp_path / "x.jpg") == "is not a file"
    assert reason_of(tmp_path / "y.jpg") == "there is no such file"


def test_the_error_is_the_users_and_survives_a_worker_process(tmp_path):
    with pytest.raises(UserError) as caught:
        decode(tmp_path / "가.jpg")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, ImageError)
    assert str(again) == "가.jpg: there is no such file"
    assert again.problem == caught.value.problem == ImageProblem(ProblemCode.NO_SUCH_FILE)
