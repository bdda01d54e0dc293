"""PNG files whose other content stops readers: the page is read, and it is the same page."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from munseo._data import decode, inspect
from munseo._data.png_repair import MAX_TEXT_BYTES, without_obstacles


def chunk(kind, content, checksum=None):
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def with_chunk(data, piece):
    """Insert a chunk before the pixels."""
    at = data.index(b"IDAT") - 4
    return data[:at] + piece + data[at:]


@pytest.mark.parametrize(
    "piece",
    [
        chunk(b"tEXt", b"Comment\0hello", checksum=1),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"zTXt", b"Comment\0\0no deflate"),
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        chunk(b"iTXt", b"Comment\0\0\0\0\0" + b"x" * 3_000_000),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(np.random.default_rng(0).bytes(3_000_000))),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"iTXt", b"Comment\0\1\0ko\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"pHYs", struct.pack(">IIB", 1, 2, 0), checksum=1),
        chunk(b"tIME", b"\0" * 7, checksum=1),
    ],
    ids=[
        "checksum",
        "packed text",
        "no packed text",
        "text",
        "unicode text",
        "profile",
        "packed profile",
        "packed unicode text",
        "resolution",
        "time",
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_the_page_is_the_same_without_it(encoded, picture, mode, piece):
    data = encoded(Image.fromarray(picture).convert(mode), "PNG")
    assert np.array_equal(decode(with_chunk(data, piece)), decode(data))


def test_a_whole_file_is_not_copied(encoded, picture):
    data = with_chunk(encoded(Image.fromarray(picture), "PNG"), chunk(b"tEXt", b"Comment\0hello"))
    assert without_obstacles(data)[0] is data


def test_a_wrong_checksum_of_the_pixels_is_still_refused(encoded, picture):
    data = bytearray(encoded(Image.fromarray(picture), "PNG"))
    data[data.index(b"IDAT") + 10] ^= 1
    assert inspect(bytes(data)).problem is not None


def test_an_orientation_in_a_text_stays(encoded, picture):
    """What is small enough to be read is read, since some programs write the EXIF there."""
    data = with_chunk(
        encoded(Image.fromarray(picture), "PNG"), chunk(b"tEXt", b"Comment\0" + b"x" * (MAX_TEXT_BYTES - 99))
    )
    assert without_obstacles(data)[0] is data


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("front", [b"\r\n", b"\n", b"\r\n\r\n"])
def test_line_ends_in_front(encoded, picture, format, front, tmp_path):
    data = encoded(Image.fromarray(picture), format)
    (tmp_path / "page.bin").write_bytes(front + data)
    assert np.array_equal(decode(tmp_path / "page.bin"), decode(data))
    assert np.array_equal(decode(front + data), decode(data))


def test_line_ends_alone_are_no_image():
    assert inspect(b"\r\n" * 600).problem is not None
