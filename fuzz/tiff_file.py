"""A TIFF written by hand, so that every kind of sample can be tested, also those that no library writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16  # types of values; a rational number is two in a row
_LETTERS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 16: "Q"}


def packed(values: np.ndarray, bits: int) -> bytes:
    """Pack rows of whole numbers, (H, N), each row filled up to a byte, the highest bit first."""
    shifts = np.arange(bits - 1, -1, -1)
    spread = (values.astype(np.uint64)[:, :, None] >> shifts.astype(np.uint64)) & 1
    return np.packbits(spread.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def stored(samples: np.ndarray, bits: int, order: str = "<") -> bytes:
    """Return the bytes of samples, (H, W, S): plain numbers in the order of the file, others packed."""
    if samples.dtype.kind == "f" or bits in (8, 16, 32, 64):
        return samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    return packed(samples.reshape(len(samples), -1), bits)


def tiff(
    samples: np.ndarray,
    bits: int,
    photometric: int,
    *,
    order: str = "<",
    big: bool = False,
    planar: bool = False,
    rows: int | None = None,
    compress: Any = None,
    reverse: bool = False,
    tags: Sequence[tuple[int, int, Sequence[int]]] = (),
) -> bytes:
    """Write a TIFF of one page.

    Args:
        samples: (H, W, S), with values of ``bits`` bits or floats.
        bits: The bits of each sample.
        photometric: The meaning of the samples.
        order: The order of the bytes, ``<`` or ``>``.
        big: Whether it is a BigTIFF.
        planar: Whether each sample has strips of its own.
        rows: Rows of a strip; default: all.
        compress: The number of a compression and the function from bytes to bytes.
        reverse: Whether the lowest bit of a byte is the first, which is FillOrder 2.
        tags: More tags: number, type and values; they replace those that are written here.
    """
    height, width, number = samples.shape
    rows = rows or height
    planes = [samples[:, :, [index]] for index in range(number)] if planar else [samples]
    strips = [stored(plane[top : top + rows], bits, order) for plane in planes for top in range(0, height, rows)]
    strips = [compress[1](strip) for strip in strips] if compress else strips
    if reverse:
        strips = [bytes(int(f"{byte:08b}"[::-1], 2) for byte in strip) for strip in strips]
    entries: dict[int, tuple[int, Sequence[int]]] = {
        256: (_LONG, [width]),
        257: (_LONG, [height]),
        258: (_SHORT, [bits] * number),
        259: (_SHORT, [compress[0] if compress else 1]),
        262: (_SHORT, [photometric]),
        266: (_SHORT, [2 if reverse else 1]),
        273: (_LONG8 if big else _LONG, [0] * len(strips)),
        277: (_SHORT, [number]),
        278: (_LONG, [rows]),
        279: (_LONG, [len(strip) for strip in strips]),
        284: (_SHORT, [2 if planar else 1]),
        **({339: (_SHORT, [3] * number)} if samples.dtype.kind == "f" else {}),
        **({339: (_SHORT, [2] * number)} if samples.dtype.kind == "i" else {}),
        **{tag: (kind, values) for tag, kind, values in tags},
    }
    return _file(entries, strips, order, big)


def _file(entries: dict[int, tuple[int, Sequence[int]]], strips: list[bytes], order: str, big: bool) -> bytes:
    """Write header, directory, the values that do not fit in it, and strips, in this order."""
    head, place, entry = (16, "Q", "HHQ") if big else (8, "I", "HHI")
    directory_bytes = (8 + 20 * len(entries) + 8) if big else (2 + 12 * len(entries) + 4)
    behind = head + directory_bytes
    room = 8 if big else 4
    sizes = [struct.calcsize(f"<{len(values)}{_LETTERS[kind]}") for kind, values in entries.values()]
    values_bytes = sum(size for size in sizes if size > room)
    start = behind + values_bytes
    starts = [start + sum(map(len, strips[:index])) for index in range(len(strips))]
    if 273 in entries and not any(entries[273][1]):
        entries[273] = (entries[273][0], starts)
    directory, beyond = b"", b""
    for tag, (kind, values) in sorted(entries.items()):
        content = struct.pack(f"{order}{len(values)}{_LETTERS[kind]}", *values)
        number = len(values) // 2 if kind == _RATIONAL else len(values)
        directory += struct.pack(order + entry, tag, kind, number)
        if len(content) > room:
            directory += struct.pack(order + place, behind + len(beyond))
            beyond += content
        else:
            directory += content.ljust(room, b"\0")
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    header = mark + (struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8))
    count = struct.pack(order + ("Q" if big else "H"), len(entries))
    return header + count + directory + struct.pack(order + place, 0) + beyond + b"".join(strips)
