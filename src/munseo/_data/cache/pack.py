"""A pack: one file that holds many decoded pages, written once and mapped into memory by its readers.

The file has the pixels of all pages one after the other, then an index of them, then 20 bytes with the length of the
index. So a file that was cut short is recognised by its end.
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

from munseo._data.pixels import padded
from munseo._run.atomic import replacing
from munseo._run.run_lock import lock

SUFFIX = ".pages"
_MAGIC = b"munseo-1"
_END = struct.Struct("<QI8s")  # the last bytes: the number of pages, the CRC-32 of the index, and the magic
_ENTRY = np.dtype(
    [("sha256", "V32"), ("offset", "<u8"), ("height", "<u2"), ("width", "<u2"), ("channels", "u1"), ("crc32", "<u4")]
)
ENTRY_BYTES = _ENTRY.itemsize  # the bytes that a page takes besides its pixels


class DamagedPackError(Exception):
    """A pack is damaged; its pages have to be decoded again."""


def write_pack(path: Path, pages: Iterable[tuple[bytes, np.ndarray]]) -> int:
    """Write decoded pages as they come, and return their number; a reader sees the complete file or none.

    Args:
        path: The new file.
        pages: The SHA-256 of each image file, and its pixels: (h, w) or (h, w, 3) uint8, at most 65,535 px a side.

    Raises:
        OSError: The disk is full, or cannot be written to; nothing is left behind.
    """
    entries, offset = [], 0
    with replacing(path) as temporary, temporary.open("wb") as file:
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
    """Return the number of pages of a pack; only its last bytes are read.

    Raises:
        DamagedPackError: It is cut short.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END.size))
        return _read_end(file.read(), path.stat().st_size)[0]


class Pack:
    """A pack to read from.

    Each process opens it when it first needs a page, and an open pack is not deleted. Worker processes get it as its
    path and size.

    Args:
        path: The file.
        size_px: The longest side of its pages.
        checksum: The CRC-32 of its index, if it is known; another file with the same name is then refused.
    """

    def __init__(self, path: Path, size_px: int, checksum: int | None = None) -> None:
        self.path, self.size_px, self.checksum = path, size_px, checksum
        self._file: BinaryIO | None = None
        self._map: mmap.mmap | None = None
        self._index = np.empty(0, _ENTRY)

    def __reduce__(self) -> tuple[type[Pack], tuple[Path, int, int | None]]:
        return Pack, (self.path, self.size_px, self.checksum)

    def open(self) -> None:
        """Map the file into memory and check its index.

        Raises:
            DamagedPackError: The file is cut short, or is not a pack.
            OSError: The file is missing, or may not be read.
        """
        if self._map is not None:
            return
        file = self.path.open("rb")
        with suppress(OSError):  # without locks nothing on this file system is ever deleted
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
        """Close the file; from now on it may be deleted."""
        if self._map is not None and self._file is not None:
            self._map.close()
            self._file.close()
        self._file = self._map = None

    @property
    def digests(self) -> list[bytes]:
        """The SHA-256 of the image file of every row."""
        return [value.tobytes() for value in self._index["sha256"]]

    @property
    def heights(self) -> list[int]:
        """The height of the page in every row, in px."""
        return [int(height) for height in self._index["height"]]

    def is_whole(self, rows: Sequence[int]) -> bool:
        """Return whether the pixels of these rows are those that were written."""
        return all(self._checksum(row) == self._index["crc32"][row] for row in rows)

    def square(self, row: int) -> np.ndarray:
        """Return a page as ``letterbox`` makes it: (size_px, size_px, 3) uint8, centred on white.

        Raises:
            DamagedPackError: The file is damaged.
            OSError: The file is missing.
        """
        self.open()
        square = padded(self._page(row), self.size_px)
        self._forget(row)
        return square

    def page(self, row: int) -> np.ndarray:
        """Return the pixels of a page as they were written: (h, w) or (h, w, 3) uint8.

        Raises:
            DamagedPackError: The file is damaged.
            OSError: The file is missing.
        """
        self.open()
        page = self._page(row).copy()
        self._forget(row)
        return page

    def _page(self, row: int) -> np.ndarray:
        height, width, channels = (int(self._index[name][row]) for name in ("height", "width", "channels"))
        pixels = self._pixels(row)
        return pixels.reshape(height, width) if channels == 1 else pixels.reshape(height, width, channels)

    def _checksum(self, row: int) -> int:
        checksum = zlib.crc32(self._pixels(row).data)
        self._forget(row)
        return checksum

    def _forget(self, row: int) -> None:
        """Remove a page from the memory of this process; the system caches it for all processes while it has room.

        Without this every loader worker would appear to grow until it holds the whole file. It takes 12 µs a page.
        """
        if self._map is not None and hasattr(self._map, "madvise"):
            offset, num_bytes = self._extent(row)
            start = offset // mmap.PAGESIZE * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, start, offset + num_bytes - start)

    def _extent(self, row: int) -> tuple[int, int]:
        entry = self._index[row]
        return int(entry["offset"]), int(entry["height"]) * int(entry["width"]) * int(entry["channels"])

    def _pixels(self, row: int) -> np.ndarray:
        """Return a view into the file, (num_bytes,) uint8."""
        assert self._map is not None
        offset, num_bytes = self._extent(row)
        return np.frombuffer(self._map, np.uint8, num_bytes, offset)


def _read_end(end: bytes, num_bytes: int) -> tuple[int, int]:
    """Return the number of pages and the checksum of the index."""
    if len(end) == _END.size:
        num_pages, checksum, magic = _END.unpack(end)
        if magic == _MAGIC and num_pages * _ENTRY.itemsize + _END.size <= num_bytes:
            return num_pages, checksum
    raise DamagedPackError("it is cut short")


def _read_index(mapped: mmap.mmap, size_px: int) -> np.ndarray:
    """Return the index after checking every number in it: a wrong one would give the memory of another page."""
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
