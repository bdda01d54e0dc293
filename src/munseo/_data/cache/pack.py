"""A pack: one file that holds many decoded pages, written once and then mapped into memory by whoever reads it.

The pixels of all pages lie one behind the other, then an index of them, then 20 bytes that say how long the index is.
A file that was cut short therefore has no end that fits, and is noticed.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from munseo._data.letterbox import padded
from munseo._run.atomic import replacing
from munseo._run.run_lock import lock

SUFFIX = ".pages"
_MAGIC = b"munseo-1"
_END = struct.Struct("<QI8s")
"""Number of pages, CRC-32 of the index, magic."""
_ENTRY = np.dtype(
    [("sha256", "V32"), ("offset", "<u8"), ("height", "<u2"), ("width", "<u2"), ("channels", "u1"), ("crc32", "<u4")]
)
ENTRY_BYTES = _ENTRY.itemsize
"""What a page costs beside its pixels."""


class DamagedPackError(Exception):
    """A pack is not whole; its pages have to be decoded again."""


def write_pack(path: Path, pages: Iterable[tuple[bytes, np.ndarray]]) -> int:
    """Write decoded pages as they come; a reader sees all of the file or nothing of it.

    Args:
        path: The new file.
        pages: SHA-256 of the image file, and its pixels: (h, w) or (h, w, 3) uint8, at most 65,535 px a side.

    Returns:
        Number of pages.

    Raises:
        OSError: The disk is full, or cannot be written to; nothing is left behind.
    """
    entries, offset = [], 0
    with replacing(path) as beside, beside.open("wb") as file:
        for digest, pixels in pages:
            content = np.ascontiguousarray(pixels).data
            channels = 1 if pixels.ndim == 2 else pixels.shape[2]
            entries.append((digest, offset, *pixels.shape[:2], channels, zlib.crc32(content)))
            offset += file.write(content)
        index = np.array(entries, _ENTRY).tobytes()
        file.write(index)
        file.write(_END.pack(len(entries), zlib.crc32(index), _MAGIC))
    return len(entries)


def count_pages(path: Path) -> int:
    """Number of pages of a pack, by its last bytes alone.

    Raises:
        DamagedPackError: It is cut short.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END.size))
        return _read_end(file.read(), path.stat().st_size)[0]


class Pack:
    """A pack to read from: opened by each process when it first needs a page, and kept from deletion while open.

    It travels to worker processes as its path and size.

    Args:
        path: The file.
        size_px: Longest side of its pages.
        checksum: Of its index, where it is known: another file of the same name is refused.
    """

    def __init__(self, path: Path, size_px: int, checksum: int | None = None) -> None:
        self.path = path
        self.size_px = size_px
        self.checksum = checksum
        self._file: BinaryIO | None = None
        self._map: mmap.mmap | None = None
        self._index = np.empty(0, _ENTRY)

    def __reduce__(self) -> tuple[type[Pack], tuple[Path, int, int | None]]:
        return Pack, (self.path, self.size_px, self.checksum)

    def open(self) -> None:
        """Map the file, and check its index.

        Raises:
            DamagedPackError: It is cut short, or no pack.
            OSError: It is gone, or may not be read.
        """
        if self._map is not None:
            return
        file = self.path.open("rb")
        with suppress(OSError):  # a file system without locks: what is in use there, is never deleted by us
            lock(file, shared=True, wait=True)
        try:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            index = _read_index(mapped, self.size_px)
            checksum = zlib.crc32(index.data)
            if self.checksum not in (None, checksum):
                raise DamagedPackError("it was replaced")
        except (ValueError, DamagedPackError) as error:
            file.close()
            raise DamagedPackError(str(error)) from None
        self._file, self._map, self._index, self.checksum = file, mapped, index, checksum

    def close(self) -> None:
        """Let go of the file; it may be deleted from now on."""
        if self._map is not None and self._file is not None:
            self._map.close()
            self._file.close()
        self._file = self._map = None

    @property
    def digests(self) -> list[bytes]:
        """SHA-256 of the image behind every row."""
        return [value.tobytes() for value in self._index["sha256"]]

    def is_whole(self, rows: Sequence[int]) -> bool:
        """Whether the pixels of these rows are those that were written."""
        return all(self._checksum(row) == self._index["crc32"][row] for row in rows)

    def square(self, row: int) -> np.ndarray:
        """One page, centred on white as ``letterbox`` does it: (size_px, size_px, 3) uint8.

        Raises:
            DamagedPackError: The file is not whole.
            OSError: It is gone.
        """
        self.open()
        height, width, channels = (int(self._index[name][row]) for name in ("height", "width", "channels"))
        pixels = self._pixels(row)
        page = pixels.reshape(height, width) if channels == 1 else pixels.reshape(height, width, channels)
        square = padded(page, self.size_px)
        self._forget(row)
        return square

    def _checksum(self, row: int) -> int:
        checksum = zlib.crc32(self._pixels(row).data)
        self._forget(row)
        return checksum

    def _forget(self, row: int) -> None:
        """Take a page out of this process's memory; the system keeps it for all processes while it has room.

        Without this every loader worker would seem to grow until it holds the whole file. Costs 12 µs a page.
        """
        if self._map is not None and hasattr(self._map, "madvise"):
            offset, num_bytes = self._extent(row)
            start = offset // mmap.PAGESIZE * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, start, offset + num_bytes - start)

    def _extent(self, row: int) -> tuple[int, int]:
        entry = self._index[row]
        return int(entry["offset"]), int(entry["height"]) * int(entry["width"]) * int(entry["channels"])

    def _pixels(self, row: int) -> np.ndarray:
        """A view into the file, (num_bytes,) uint8."""
        assert self._map is not None
        offset, num_bytes = self._extent(row)
        return np.frombuffer(self._map, np.uint8, num_bytes, offset)


def _read_end(end: bytes, num_bytes: int) -> tuple[int, int]:
    """Number of pages and checksum of the index."""
    if len(end) == _END.size:
        num_pages, checksum, magic = _END.unpack(end)
        if magic == _MAGIC and num_pages * _ENTRY.itemsize + _END.size <= num_bytes:
            return num_pages, checksum
    raise DamagedPackError("it is cut short")


def _read_index(mapped: mmap.mmap, size_px: int) -> np.ndarray:
    """The index, after a look at every number in it: a wrong one would show the memory of another page."""
    num_pages, checksum = _read_end(mapped[-_END.size :], len(mapped))
    start = len(mapped) - _END.size - num_pages * _ENTRY.itemsize
    content = mapped[start : len(mapped) - _END.size]
    if zlib.crc32(content) != checksum:
        raise DamagedPackError("its index is damaged")
    index = np.frombuffer(content, _ENTRY)
    height, width, channels = (index[name].astype(np.uint64) for name in ("height", "width", "channels"))
    fits = (np.maximum(height, width) == size_px) & np.isin(channels, (1, 3)) & (np.minimum(height, width) > 0)
    if not (fits & (index["offset"] + height * width * channels <= start)).all():
        raise DamagedPackError("its index is damaged")
    return index
