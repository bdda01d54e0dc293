"""Photos and pictures of single formats: the right pixels, turned upright once, and bounded before they are decoded."""

from __future__ import annotations

import struct
import sys
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from heic_file import SIDE, heic, mirrored, turned
from PIL import Image

from munseo._data import decode, inspect
from munseo._data.decoder import decode_stored
from munseo._data.image_error import ProblemCode
from munseo._data.image_readers import open_heic

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
EXIF_TURNED = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIH6x", 274, 3, 1, 6)
TURNS = {
    1: lambda page: page,
    2: lambda page: page[:, ::-1],
    3: lambda page: page[::-1, ::-1],
    4: lambda page: page[::-1],
    5: lambda page: page.swapaxes(0, 1),
    6: lambda page: np.rot90(page, -1),
    7: lambda page: page[::-1, ::-1].swapaxes(0, 1),
    8: lambda page: np.rot90(page),
}


def corners(data: bytes) -> list[tuple[int, int, int]]:
    """Return the colours of the four parts of a picture, rounded, row by row."""
    pixels = decode(data)
    assert pixels.shape == (SIDE, SIDE, 3)
    parts = [pixels[y : y + SIDE // 2, x : x + SIDE // 2] for y in (0, SIDE // 2) for x in (0, SIDE // 2)]
    return [tuple(int(level > 128) * 255 for level in part.mean((0, 1))) for part in parts]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([], [RED, GREEN, BLUE, WHITE]),
        ([turned(1)], [GREEN, WHITE, RED, BLUE]),
        ([turned(2)], [WHITE, BLUE, GREEN, RED]),
        ([turned(3)], [BLUE, RED, WHITE, GREEN]),
        ([mirrored(0)], [BLUE, WHITE, RED, GREEN]),
        ([mirrored(1)], [GREEN, RED, WHITE, BLUE]),
        ([turned(3), mirrored(1)], [RED, BLUE, GREEN, WHITE]),
    ],
)
@pytest.mark.parametrize("exif", [b"", EXIF_TURNED], ids=["plain", "exif"])
def test_heic_is_turned_by_its_container_and_not_by_exif(properties, expected, exif):
    data = heic(properties, exif=exif)
    assert corners(data) == expected
    assert inspect(data).format == "HEIC"


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1", b"hevc"])
def test_heic_is_known_by_every_brand(brand):
    assert corners(heic(brand=brand)) == [RED, GREEN, BLUE, WHITE]


def test_heic_that_is_too_large_or_not_what_it_says():
    huge = inspect(heic(size=(30_000, 30_000))).problem
    assert huge.code == ProblemCode.TOO_MANY_PIXELS
    assert huge.values["width"] == 30_000
    assert inspect(heic(size=(6400, 64))).problem.code == ProblemCode.NOT_DECODABLE
    assert inspect(heic()[:-20]).problem.code == ProblemCode.TRUNCATED


def test_heic_without_a_reader_says_what_to_install(monkeypatch):
    for name in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, f"{name}.as_plugin", None)
        monkeypatch.setitem(sys.modules, name, None)
    problem = inspect(heic()).problem
    assert problem.code == ProblemCode.HEIC_READER_MISSING
    assert "pip install 'munseo[heic]'" in str(problem)


def test_pillow_heif_is_used_where_it_is_the_only_reader(monkeypatch):
    pytest.importorskip("pillow_heif", reason="pillow-heif, which is under the GPL, is not installed")
    monkeypatch.setitem(sys.modules, "pi_heif.as_plugin", None)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert type(open_heic(BytesIO(heic()), 10**6)).__module__.startswith("pillow_heif")


@pytest.mark.parametrize("orientation", TURNS)
def test_avif_is_turned_by_its_container(encoded, picture, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(Image.fromarray(picture), "AVIF", exif=exif.tobytes(), quality=100, subsampling="4:4:4")
    expected = TURNS[orientation](picture)
    pixels = decode(data)
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= 6
    assert inspect(data).format == "AVIF"


def test_what_exif_says_of_an_avif_does_not_count(encoded, picture):
    exif = Image.Exif()
    exif[256] = 6  # Pillow would turn an orientation into a property of the container
    data = encoded(Image.fromarray(picture), "AVIF", exif=exif.tobytes(), quality=100, subsampling="4:4:4")
    entry = exif.tobytes().removeprefix(b"Exif\0\0")[10:12]
    start = data.index(exif.tobytes().removeprefix(b"Exif\0\0")) + 10
    number = struct.pack("<H" if entry == struct.pack("<H", 256) else ">H", 274)
    assert decode(data[:start] + number + data[start + 2 :]).shape == picture.shape


def test_an_avif_of_common_brand_is_no_heic(encoded, picture):
    data = bytearray(encoded(Image.fromarray(picture), "AVIF"))
    data[8:12], data[16:20] = b"mif1", b"avif"
    assert inspect(bytes(data)).format == "AVIF"


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"no_jp2": True}], ids=["file", "code stream"])
def test_jpeg_2000_of_every_kind(encoded, picture, mode, options):
    image = Image.fromarray(picture).convert(mode)
    data = encoded(image, "JPEG2000", **options)
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode(data), expected)
    assert decode_stored(data).ndim == (2 if mode == "L" else 3)


def test_jpeg_2000_of_16_bits(encoded, picture):
    grey = picture[:, :, 0]
    data = encoded(Image.fromarray(grey.astype(np.uint16) * 257), "JPEG2000")
    assert np.array_equal(decode_stored(data), grey)


def test_a_jpeg_2000_is_bounded_by_its_code_stream_and_its_container(encoded, picture):
    stream = bytearray(encoded(Image.fromarray(picture), "JPEG2000", no_jp2=True))
    struct.pack_into(">II", stream, stream.index(b"\xff\x51") + 6, 60_000, 60_000)
    assert inspect(bytes(stream)).problem.code == ProblemCode.TOO_MANY_PIXELS
    file = bytearray(encoded(Image.fromarray(picture), "JPEG2000"))
    struct.pack_into(">II", file, file.index(b"ihdr") + 4, 60_000, 60_000)
    assert inspect(bytes(file)).problem.code == ProblemCode.TOO_MANY_PIXELS


def netpbm(kind: int, values: np.ndarray, white: int, comment: str = "") -> bytes:
    height, width = values.shape[:2]
    head = f"P{kind}\n{comment}{width} {height}\n" + ("" if kind in (1, 4) else f"{white}\n")
    if kind <= 3:
        return head.encode() + b" ".join(str(value).encode() for value in values.ravel())
    if kind == 4:
        return head.encode() + np.packbits(values.astype(bool), axis=1).tobytes()
    return head.encode() + values.astype(np.uint8 if white < 256 else ">u2").tobytes()


@pytest.mark.parametrize("white", [1, 15, 255, 1000, 65535])
@pytest.mark.parametrize("kind", [2, 3, 5, 6])
def test_grey_and_colour_of_netpbm_are_scaled_by_their_white(picture, kind, white):
    pixels = picture if kind in (3, 6) else picture[:, :, 0]
    values = (pixels.astype(int) * white + 127) // 255
    data = netpbm(kind, values, white, comment="# 스캔\n")
    found = decode_stored(data)
    assert found.shape == pixels.shape
    assert np.abs(found - values * 255 / white).max() <= 0.51
    assert inspect(data).format == "PPM"


@pytest.mark.parametrize("kind", [1, 4])
def test_bits_of_netpbm(picture, kind):
    bits = (picture[:, :, 0] < 128).astype(int)
    found = decode_stored(netpbm(kind, bits, 1))
    assert np.array_equal(found, (1 - bits) * 255)


def test_a_netpbm_that_is_cut_or_too_large_or_no_netpbm(picture):
    data = netpbm(6, picture, 255)
    assert inspect(data[:-1]).problem.code == ProblemCode.TRUNCATED
    assert inspect(data.replace(b"40 24", b"40000 24000")).problem.code == ProblemCode.TOO_MANY_PIXELS
    assert inspect(data.replace(b"\n255\n", b"\n70000\n")).problem.code == ProblemCode.NOT_DECODABLE
    assert inspect(b"P5 is a paper size, and P4 another").problem.code == ProblemCode.NOT_AN_IMAGE


@pytest.mark.parametrize(("bits", "lossless"), [(12, False), (12, True), (16, True)])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_of_more_than_8_bits(picture, bits, lossless, channels):
    values = (picture.astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16)
    values = values if channels == 3 else np.ascontiguousarray(values[:, :, 0])
    data = imagecodecs.jpeg8_encode(values, bitspersample=bits, lossless=lossless, level=98)
    found = decode_stored(data)
    assert found.shape == values.shape
    assert np.abs(found.astype(int) - np.rint(values / (2**bits - 1) * 255)).max() <= (1 if lossless else 12)
    assert inspect(data).format == "JPEG"


def test_a_deep_jpeg_is_bounded_and_has_to_be_whole(picture):
    data = imagecodecs.jpeg8_encode(np.ascontiguousarray(picture[:, :, 0]).astype(np.uint16) << 4, bitspersample=12)
    frame = data.index(b"\xff\xc1") + 5
    huge = data[:frame] + struct.pack(">HH", 30_000, 30_000) + data[frame + 4 :]
    assert inspect(huge).problem.code == ProblemCode.TOO_MANY_PIXELS
    assert inspect(data[: len(data) // 2]).problem is not None
    for at in range(len(data) - 40, len(data)):
        damaged = data[:at] + b"\xff" + data[at + 1 :]
        found = inspect(damaged)
        assert found.problem is not None or (found.width, found.height) == (40, 24)


def test_of_an_mpo_it_is_the_first_photo(encoded, picture):
    exif = Image.Exif()
    exif[274] = 6
    others = [Image.new("RGB", (40, 24), "white")]
    data = encoded(Image.fromarray(picture), "MPO", save_all=True, append_images=others, exif=exif, quality=95)
    assert np.abs(decode(data).astype(int) - np.rot90(picture, -1)).max() <= 24
