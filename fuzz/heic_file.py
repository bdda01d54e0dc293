"""A HEIC photo whose container is written by hand around one small picture, since no permissive library encodes HEVC.

The picture is 64 × 64 px in four parts: red and green above, blue and white below.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

SIDE = 64

_SETTINGS = base64.b64decode(
    "AQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAe"
    "oCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQA=="
)
"""The content of ``hvcC``: the parameters of the decoder (ISO 14496-15)."""
_SLICE = base64.b64decode("AAAANigBr1j5DpJf//Od3/+VHpD7EWYkt+GSr/pkSf+y5rl//ZR2x987Q/7y+934fvSy34REV3S2wA==")
"""The picture itself, one slice of HEVC within frames."""


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box of ISO 14496-12."""
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def turned(steps: int) -> bytes:
    """Return the property that turns a picture by so many quarters, to the left."""
    return box(b"irot", bytes([steps]))


def mirrored(axis: int) -> bytes:
    """Return the property that mirrors a picture; 0 swaps up and down, 1 left and right."""
    return box(b"imir", bytes([axis]))


def heic(
    properties: Sequence[bytes] = (), *, exif: bytes = b"", size: tuple[int, int] = (SIDE, SIDE), brand: bytes = b"heic"
) -> bytes:
    """Write a HEIC.

    Args:
        properties: Further properties of the picture, in the order in which they are applied.
        exif: An EXIF block, from the order of its bytes on.
        size: What the container says of the width and height.
        brand: The brand of the file.
    """
    all_properties = [box(b"hvcC", _SETTINGS), full(b"ispe", struct.pack(">II", *size)), *properties]
    places = b"".join(bytes([(0x80 if number == 1 else 0) | number]) for number in range(1, len(all_properties) + 1))
    contents = [_SLICE] + ([b"\0\0\0\0" + exif] if exif else [])
    kinds = [b"hvc1", b"Exif"][: len(contents)]
    entries = [
        full(b"infe", struct.pack(">HH4s", number, 0, kind), b"\0", version=2) for number, kind in enumerate(kinds, 1)
    ]
    reference = [full(b"iref", box(b"cdsc", struct.pack(">HHH", 2, 1, 1)))] if exif else []

    def meta(start: int) -> bytes:
        starts = [start + sum(map(len, contents[:index])) for index in range(len(contents))]
        located = b"".join(
            struct.pack(">HHHII", number, 0, 1, at, len(content))
            for number, (at, content) in enumerate(zip(starts, contents, strict=True), 1)
        )
        return full(
            b"meta",
            full(b"hdlr", b"\0\0\0\0pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", b"\x44\0", struct.pack(">H", len(contents)), located),
            full(b"iinf", struct.pack(">H", len(entries)), *entries),
            *reference,
            box(
                b"iprp",
                box(b"ipco", *all_properties),
                full(b"ipma", struct.pack(">IHB", 1, 1, len(all_properties)), places),
            ),
        )

    head = box(b"ftyp", brand, b"\0\0\0\0", b"mif1", b"heic")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *contents)
