"""The directories of a TIFF: what each says about its picture, read without a library that might refuse its kind.

A reader is chosen by these tags, so they have to be known before one is asked. Formats: TIFF 6.0 (Adobe, 1992), with
either order of bytes, and BigTIFF.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError

_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_FILL_ORDER, _STRIP_STARTS, _ORIENTATION, _SAMPLES, _STRIP_BYTES = 266, 273, 274, 277, 279
_ACROSS, _DOWN, _PLANAR, _COLOURS, _TILE_WIDTH, _TILE_HEIGHT, _TILE_STARTS, _TILE_BYTES = (
    282,
    283,
    284,
    320,
    322,
    323,
    324,
    325,
)
_INK_SET, _EXTRA, _SAMPLE_FORMAT, _SUBSAMPLING, _DEPTH = 332, 338, 339, 530, 32997

_REDUCED, _MASK = 1, 4  # bits of the subfile type: a copy of less resolution, a mask of transparency
_OLD_REDUCED = 2  # the value of the older tag for a reduced copy

# For each type of value, its letter in ``struct`` and its bytes; rational numbers are pairs.
_TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_RATIONAL = {5: "I", 10: "i"}
_MOST_TAGS = 4096  # a directory with more is no picture
_MOST_VALUES = 16  # values of a tag, and samples of a pixel, that are read; only tables of colours and places have more

GREY, RGB, PALETTE, MASK, CMYK, YCBCR, CIELAB, ICCLAB = 1, 2, 3, 4, 5, 6, 8, 9
"""Values of the tag PhotometricInterpretation; 0 is grey whose zero is white."""
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
"""Values of the tag SampleFormat."""
JPEG_COMPRESSIONS = (6, 7)


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """One directory of a TIFF."""

    number: int  # its place in the chain, from 0
    offset: int  # where it is in the file
    width: int  # as stored, px
    height: int
    is_page: bool  # whether it is neither a reduced copy nor a mask
    photometric: int
    has_photometric: bool  # whether the file says it, or it was guessed from the number of samples
    bits: tuple[int, ...]  # the bits of each sample of a pixel
    sample_format: int  # the format of all samples, or 0 if they differ
    extra: tuple[int, ...]  # what samples beyond the colours are: 0 unknown, 1 and 2 transparency
    compression: int
    is_planar: bool  # whether the samples of a pixel are apart
    fill_order: int
    orientation: int  # as in EXIF
    subsampling: tuple[int, int]  # of YCbCr
    ink_set: int
    depth: int  # planes of a volume
    tile: tuple[int, int]  # width and height of a tile; 0, 0 for strips
    colours: np.ndarray | None  # (3, 2 ** bits) uint8, the table of colours
    has_short_colours: bool  # whether that table was written with 8-bit values
    resolution: tuple[float, float]  # pixels to a unit of length across and down, NaN where unknown
    stored_bytes: int  # of all its strips or tiles; 0 where the file does not say it
    is_whole: bool  # whether they all lie within the file

    @property
    def samples(self) -> int:
        """The number of samples of a pixel."""
        return len(self.bits)

    @property
    def is_bilevel(self) -> bool:
        """Whether a pixel is one bit, black or white."""
        return self.bits == (1,) and self.photometric in (0, GREY)


def is_big_endian_bigtiff(data: bytes) -> bool:
    """Return whether a file is a BigTIFF in the order of bytes that Pillow takes for a damaged TIFF."""
    return data[:4] == b"MM\0+"


def directories(data: bytes, most: int) -> Iterator[TiffDirectory]:
    """Yield the directories along their chain, at most ``most`` of them; a chain that comes back to itself ends.

    Raises:
        UnreadableError: The first directory is missing. A chain that breaks off later ends.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in data[2:4]
    try:
        (offset,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    except struct.error:
        raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED)) from None
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < most:
        try:
            tags, next_offset = _Tags.read(data, offset, order, is_big)
        except struct.error:
            if seen:
                return
            raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED)) from None
        yield tags.directory(len(seen), offset)
        seen.add(offset)
        offset = next_offset


@dataclass(frozen=True, slots=True)
class _Tags:
    """The entries of a directory: for each tag its type, the number of its values, and where they are."""

    data: bytes
    order: str
    entries: dict[int, tuple[int, int, int]]

    @classmethod
    def read(cls, data: bytes, offset: int, order: str, is_big: bool) -> tuple[_Tags, int]:
        """Read a directory and the place of the next one, which is 0 after the last."""
        head, entry, place = ("Q", "HHQ", "Q") if is_big else ("H", "HHI", "I")
        if offset >= len(data):
            raise struct.error
        (count,) = struct.unpack_from(order + head, data, offset)
        position = offset + struct.calcsize(order + head)
        entries: dict[int, tuple[int, int, int]] = {}
        entry_bytes, room = struct.calcsize(order + entry), 8 if is_big else 4
        for _ in range(min(count, _MOST_TAGS)):
            tag, kind, number = struct.unpack_from(order + entry, data, position)
            position += entry_bytes
            fits = number * _bytes_of(kind) <= room
            at = position if fits else struct.unpack_from(order + place, data, position)[0]
            position += room
            entries.setdefault(tag, (kind, number, at))
        try:
            (next_offset,) = struct.unpack_from(order + place, data, position)
        except struct.error:
            next_offset = 0  # the file ends behind the last entry
        return cls(data, order, entries), next_offset

    def values(self, tag: int) -> tuple[float, ...]:
        """Return the first values of a tag; nothing if it is missing or lies outside the file."""
        kind, number, at = self.entries.get(tag, (0, 0, 0))
        number = min(number, _MOST_VALUES)
        try:
            if kind in _RATIONAL:
                pairs = struct.unpack_from(f"{self.order}{2 * number}{_RATIONAL[kind]}", self.data, at)
                return tuple(a / b if b else math.nan for a, b in zip(pairs[::2], pairs[1::2], strict=True))
            return struct.unpack_from(f"{self.order}{number}{_TYPES[kind]}", self.data, at)
        except (struct.error, KeyError):
            return ()

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the first values of a tag of integers."""
        return tuple(int(value) for value in self.values(tag) if math.isfinite(value))

    def integer(self, tag: int, default: int) -> int:
        """Return the first value of a tag."""
        return next(iter(self.integers(tag)), default)

    def array(self, tag: int, most: int) -> np.ndarray | None:
        """Return the values of a tag as integers, or None where there are none, too many, or not all of them."""
        kind, number, at = self.entries.get(tag, (0, 0, 0))
        letter = _TYPES.get(kind, "")
        is_there = 0 < number <= most and at + number * _bytes_of(kind) <= len(self.data)
        if letter not in ("B", "H", "I", "Q") or not is_there:
            return None
        return np.frombuffer(self.data, np.dtype(f"{self.order}u{_bytes_of(kind)}"), number, at)

    def directory(self, number: int, offset: int) -> TiffDirectory:
        """Return what the tags say."""
        compression = self.integer(_COMPRESSION, 1)
        samples, photometric = self._samples(compression)
        bits = self.integers(_BITS)[:samples] or (1,)
        bits = bits * samples if len(bits) == 1 else bits
        formats = set(self.integers(_SAMPLE_FORMAT)[:samples]) or {UNSIGNED}
        is_copy = self.integer(_SUBFILE, 0) & (_REDUCED | _MASK) or self.integer(_OLD_SUBFILE, 0) == _OLD_REDUCED
        subsampling = (*self.integers(_SUBSAMPLING)[:2], 2, 2)[:2] if photometric == YCBCR else (1, 1)
        colours, has_short_colours = self._colours(bits[0])
        stored_bytes, end = self._pieces()
        resolution = [next(iter(self.values(tag)), math.nan) for tag in (_ACROSS, _DOWN)]
        return TiffDirectory(
            number=number,
            offset=offset,
            width=self.integer(_WIDTH, 0),
            height=self.integer(_HEIGHT, 0),
            is_page=not is_copy,
            photometric=photometric,
            has_photometric=_PHOTOMETRIC in self.entries,
            bits=bits,
            sample_format=formats.pop() if len(formats) == 1 else 0,
            extra=self.integers(_EXTRA),
            compression=compression,
            is_planar=self.integer(_PLANAR, 1) == 2 and samples > 1,
            fill_order=self.integer(_FILL_ORDER, 1),
            orientation=self.integer(_ORIENTATION, 1),
            subsampling=(subsampling[0], subsampling[1]),
            ink_set=self.integer(_INK_SET, 1),
            depth=self.integer(_DEPTH, 1),
            tile=(self.integer(_TILE_WIDTH, 0), self.integer(_TILE_HEIGHT, 0)),
            colours=colours,
            has_short_colours=has_short_colours,
            resolution=(resolution[0], resolution[1]),
            stored_bytes=stored_bytes,
            is_whole=end <= len(self.data),
        )

    def _samples(self, compression: int) -> tuple[int, int]:
        """Return the number of samples of a pixel and their meaning; programs leave out one or the other."""
        photometric = self.integer(_PHOTOMETRIC, -1)
        samples = min(max(self.integer(_SAMPLES, len(self.integers(_BITS))), 1), _MOST_VALUES)
        if _SAMPLES not in self.entries and compression in JPEG_COMPRESSIONS and photometric in (-1, RGB, YCBCR):
            samples = 3
        if photometric == -1:
            photometric = (YCBCR if compression in JPEG_COMPRESSIONS else RGB) if samples >= 3 else 0
        return samples, photometric

    def _colours(self, bits: int) -> tuple[np.ndarray | None, bool]:
        """Return the table of colours with 8 bits a value, and whether it was written so instead of with 16 bits."""
        table = self.array(_COLOURS, 3 * 2**16) if 0 < bits <= 16 else None
        if table is None or len(table) != 3 * 2**bits:
            return None, False
        is_short = int(table.max()) < 256  # as libtiff decides
        return (table if is_short else table >> 8).astype(np.uint8).reshape(3, -1), is_short

    def _pieces(self) -> tuple[int, int]:
        """Return the bytes of all strips or tiles, and where the last of them ends; 0 where that is not known."""
        most = len(self.data)  # each takes at least a byte of a table
        for starts, sizes in ((_STRIP_STARTS, _STRIP_BYTES), (_TILE_STARTS, _TILE_BYTES)):
            first, length = self.array(starts, most), self.array(sizes, most)
            if first is not None and length is not None and len(first) == len(length):
                ends = first.astype(np.float64) + length
                return int(length.sum(dtype=np.float64)), int(ends.max())
        return 0, 0


def _bytes_of(kind: int) -> int:
    if kind in _RATIONAL:
        return 8
    return struct.calcsize("<" + _TYPES[kind]) if kind in _TYPES else 1
