"""The bytes of one image in a parquet table, without holding the table.

A row group can be read only from its start, so a reader stays where it is: pages that are asked for in their order, as
the check of images and the cache do, are read once. A step back starts the row group anew, which costs half of its
bytes on average.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.container.archive_bytes import MAX_MEMBER_BYTES, ArchiveMember, too_large
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError, words_of

CODEC = "parquet:"  # how the codec of such a member starts; the column follows

MAX_GROUP_BYTES = 2**31
"""Row groups that claim more bytes of images are refused: a reader unpacks up to a thousand images at once, since
pyarrow, when it writes, ends a page of the file only after 1,024 values."""

KEPT_BYTES = 2**24
"""Threads ask for pages nearly in their order. So many bytes of pages that were read last are kept for them."""

_READ_BYTES = 2**16


_Cell = bytes | ImageProblem


class _GroupReader:
    """Reads the images of one column of one row group, forwards."""

    def __init__(self, path: str, column: str, group: int) -> None:
        self.lock = threading.Lock()
        # Neither threads of pyarrow nor its reading ahead: a process that is forked while they work would wait forever.
        self._file = pq.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False)
        self._column, self._group = column, group
        _check_group(self._file.metadata, column, group)
        self._cells: Iterator[tuple[int, _Cell]] = iter(())
        self._next = self._file.metadata.row_group(group).num_rows
        self._kept: OrderedDict[int, _Cell] = OrderedDict()
        self._num_bytes = 0

    def cell(self, row: int) -> _Cell:
        """Return the bytes of a row, counted from 0, or why it has none."""
        if row not in self._kept:
            if row < self._next:
                self._cells, self._next, self._num_bytes = _cells(self._file, self._column, self._group), 0, 0
                self._kept.clear()
            for number, value in self._cells:
                self._next = number + 1
                self._keep(number, value)
                if number == row:
                    break
        return self._kept.get(row) or ImageProblem(ProblemCode.MEMBER_NOT_THERE)

    def _keep(self, number: int, value: _Cell) -> None:
        self._kept[number] = value
        self._num_bytes += _num_bytes(value)
        while self._num_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._num_bytes -= _num_bytes(self._kept.popitem(last=False)[1])


def _cells(file: pq.ParquetFile, column_name: str, group: int) -> Iterator[tuple[int, _Cell]]:
    """Yield the rows of a row group with their numbers.

    As a method it would hold its reader, which holds it: the hundreds of megabytes that pyarrow has unpacked would stay
    until Python looks for such circles.
    """
    batches = file.iter_batches(1, row_groups=[group], columns=[column_name], use_threads=False)
    for number, batch in enumerate(batches):
        column = batch.column(0)
        if pa.types.is_struct(column.type):
            column = column.field(0) if column.is_valid()[0].as_py() else pa.nulls(1, pa.binary())
        value = column[0]
        if not value.is_valid:
            yield number, ImageProblem(ProblemCode.EMPTY_CELL)
        elif len(value.as_buffer()) > MAX_MEMBER_BYTES:
            yield number, too_large()
        else:
            yield number, value.as_py() or ImageProblem(ProblemCode.EMPTY_CELL)


class _Readers:
    """The last readers of this process: two, for threads at the end of one row group and at the start of the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: OrderedDict[tuple[str, int, int, str, int], _GroupReader] = OrderedDict()

    def cell(self, path: str, column: str, group: int, row: int) -> _Cell:
        seen = os.stat(path)  # noqa: PTH116 — a file that was written again has other readers
        key = path, seen.st_mtime_ns, seen.st_size, column, group
        with self._lock:
            reader = self._readers.pop(key, None) or _GroupReader(path, column, group)
            self._readers[key] = reader
            while len(self._readers) > 2:
                self._readers.popitem(last=False)
        with reader.lock:
            return reader.cell(row)


_readers = _Readers()


def _forget_readers() -> None:
    """A forked process shares the position in open files with its parent, and may hold locks of threads it lacks."""
    global _readers
    _readers = _Readers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_readers)


def read_cell(path: str, member: ArchiveMember) -> bytes:
    """Read the image of one row.

    Raises:
        UnreadableError: The row is not there or has no bytes, the image is too large, or the file is damaged.
    """
    try:
        data = _readers.cell(path, member.codec.removeprefix(CODEC), member.offset, member.stored)
    except UnreadableError:
        raise
    # ArrowException, OSError, IndexError and others, by what is damaged.
    except Exception as error:
        raise UnreadableError(ImageProblem(ProblemCode.MEMBER_NOT_READABLE, error=words_of(error))) from error
    if isinstance(data, ImageProblem):
        raise UnreadableError(data)
    return data


def _num_bytes(value: _Cell) -> int:
    return len(value) if isinstance(value, bytes) else 0


def _check_group(metadata: pq.FileMetaData, column: str, group: int) -> None:
    chunks = metadata.row_group(group)
    for number in range(chunks.num_columns):
        chunk = chunks.column(number)
        if chunk.path_in_schema == column and chunk.total_uncompressed_size > MAX_GROUP_BYTES:
            raise UnreadableError(ImageProblem(ProblemCode.LARGE_ROW_GROUP, most=MAX_GROUP_BYTES))
