"""Hostile files, made by hand: no library writes them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def photo(width: int = 96, height: int = 96, mode: str = "RGB") -> Image.Image:
    """Return noise that is brighter than mid-grey at its end."""
    pixels = np.random.default_rng(0).integers(150, 250, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, chunks: Sequence[bytes] = (), *, pixels: bytes | None = None) -> bytes:
    """Return a grey PNG, which is white without ``pixels``."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" + b"\xff" * width) if pixels is None and height == 1 else None
    data = pixels if pixels is not None else rows or zlib.compress((b"\0" + b"\xff" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tags(entries: Sequence[tuple[int, int, int, int]], first: int = 8) -> bytes:
    """Return the start of a TIFF and one directory of (tag, type, count, value or offset), little-endian."""
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", first) + struct.pack("<H", len(entries)) + directory + b"\0\0\0\0"


def pdf(num_pages: int = 1, *, encrypt: bool = False, size: str = "0 0 600 800") -> bytes:
    """Return a PDF of empty pages."""
    kids = " ".join(f"{number + 3} 0 R" for number in range(num_pages))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {num_pages}>>"]
    objects += [f"<</Type/Page/Parent 2 0 R/MediaBox[{size}]>>"] * num_pages
    extra = ""
    if encrypt:
        objects.append("<</Filter/Standard/V 1/R 2/O<" + "41" * 32 + ">/U<" + "42" * 32 + ">/P -4>>")
        extra = f"/Encrypt {len(objects)} 0 R/ID[<00><00>]"
    text, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R{extra}>>\nstartxref\n{len(text)}\n%%EOF"
    return f"{text}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()
