"""Coverage-guided fuzzing of the decoder: ``python fuzz/image_decoder.py -max_total_time=300``.

Flags are those of libFuzzer. The coverage of the Python code of Munseo and Pillow guides the fuzzer; the machine code
of OpenCV, libjpeg and PDFium runs too, and a crash there is found, but it does not guide the fuzzer.
"""

from __future__ import annotations

import io
import struct
import zlib

import atheris
import imagecodecs
import numpy as np
from heic_file import heic
from heic_file import turned as turned_left
from tiff_file import tiff

with atheris.instrument_imports(include=["munseo._data", "PIL", "tifffile", "pi_heif"]):
    from harness import fuzz
    from opened_image import image_decoder
    from PIL import Image

    from munseo._data import decoder as decoding

MAX_PIXELS = 1_000_000
"""The limit while fuzzing: a picture at the real limit takes seconds and gigabytes, and would slow down the fuzzer."""


def seeds() -> dict[str, bytes]:
    """Return a tiny file for each way in which a format stores its pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    colour = Image.fromarray(noise)
    deep = noise.astype(np.uint16) << 4
    grey, turned = colour.convert("L"), Image.Exif()
    turned[274] = 6
    return {
        "jpeg": _encoded(colour, "JPEG", exif=turned),
        "progressive": _encoded(grey, "JPEG", progressive=True),
        "cmyk": _encoded(colour.convert("CMYK"), "JPEG"),
        "png": _encoded(colour, "PNG", exif=turned),
        "transparent": _encoded(colour.convert("RGBA"), "PNG"),
        "palette": _encoded(colour.convert("P"), "PNG", transparency=3),
        "deep": _encoded(Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257), "PNG"),
        "moving": _encoded(colour, "PNG", save_all=True, append_images=[grey.convert("RGB")]),
        "tiff": _encoded(colour, "TIFF", compression="tiff_lzw", exif=turned),
        "fax": _encoded(colour.convert("1"), "TIFF", compression="group4"),
        "pages": _encoded(grey, "TIFF", save_all=True, append_images=[colour, colour.convert("CMYK")]),
        "float": _encoded(Image.fromarray(noise[:, :, 0].astype(np.float32)), "TIFF"),
        "tiff-12-bits": tiff(deep, 12, 2, rows=7),
        "tiff-planes": tiff(deep, 16, 2, planar=True, order=">", big=True),
        "tiff-packed": tiff(noise, 8, 2, compress=(5, imagecodecs.lzw_encode), reverse=True),
        "tiff-palette": tiff(noise[:, :, :1], 8, 3, tags=[(320, 3, list(range(256)) * 3)]),
        "tiff-signed": tiff(noise[:, :, :1].astype(np.int16), 16, 1),
        "tiff-half": tiff(noise.astype(np.float16), 16, 2, planar=True),
        "tiff-lab": tiff(noise, 8, 8),
        "tiff-subsampled": tiff(
            noise, 8, 6, compress=(1, lambda data: data[: len(data) // 2]), tags=[(530, 3, [2, 2])]
        ),
        "tiff-transparent": tiff(np.concatenate([noise, noise[:, :, :1]], 2), 8, 5, tags=[(338, 3, [2])]),
        "jpeg-12-bits": imagecodecs.jpeg8_encode(deep, bitspersample=12),
        "jpeg-lossless": imagecodecs.jpeg8_encode(deep, bitspersample=16, lossless=True),
        "heic": heic([turned_left(1)], exif=turned.tobytes().removeprefix(b"Exif\0\0")),
        "avif": _encoded(colour, "AVIF", exif=turned.tobytes()),
        "jpeg-2000": _encoded(colour, "JPEG2000"),
        "code-stream": _encoded(grey, "JPEG2000", no_jp2=True, tile_size=(16, 16)),
        "ppm": _encoded(colour, "PPM"),
        "pgm": b"P5 24 24 1000\n" + deep[:, :, 0].byteswap().tobytes(),
        "pbm": b"P1\n# text\n4 2\n1 0 1 0\n0 1 0 1\n",
        "masked-bmp": _masked_bmp(noise),
        "webp": _encoded(colour, "WEBP", exif=turned),
        "lossless": _encoded(colour.convert("RGBA"), "WEBP", lossless=True),
        "gif": _encoded(colour.convert("P"), "GIF", save_all=True, append_images=[grey.convert("P")]),
        "bmp": _encoded(colour, "BMP"),
        "palette-bmp": _encoded(colour.convert("P"), "BMP"),
        "pdf": _encoded(grey, "PDF", save_all=True, append_images=[colour]),
        "web-page": b"<!DOCTYPE html>",
        "text": "뭐든지".encode(),
    }


def _masked_bmp(noise: np.ndarray) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 24, 24, 1, 32, 3, 2304, 0, 0, 0, 0) + struct.pack(
        "<3I", 1023 << 20, 1023 << 10, 1023
    )
    pixels = noise[:, :, 0].astype("<u4").tobytes()
    return b"BM" + struct.pack("<III", 66 + len(pixels), 0, 66) + header + pixels


def _encoded(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Let libFuzzer change the bytes; a PNG gets valid checksums again, or readers would stop at the first chunk."""
    changed = atheris.Mutate(data, max_size)
    return _resealed(changed) if changed.startswith(b"\x89PNG\r\n\x1a\n") and seed % 8 else changed


def _resealed(png: bytes) -> bytes:
    data, start = bytearray(png), 8
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        end = start + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[start + 4 : end]))
        start = end + 4
    return bytes(data)


if __name__ == "__main__":
    decoding.MAX_PIXELS = MAX_PIXELS
    fuzz("image_decoder", image_decoder, seeds(), mutate)
