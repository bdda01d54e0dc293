"""Parquet tables, also those of Hugging Face's datasets with the bytes of an image in every row.

The images are not read with the table: each is a ``ContainedFile``, whose bytes are read when the page is decoded.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from munseo._data.archive_table import container_id
from munseo._data.container.archive_bytes import ArchiveMember
from munseo._data.container.contained_file import ContainedFile
from munseo._data.container.parquet_cell import CODEC
from munseo._data.data_table import DataTable, TableRows, checked_columns
from munseo._data.formats import HEAD_BYTES, find_format
from munseo._data.source import as_id
from munseo._errors import UserError

MAX_BYTES = 2**28  # what all columns but the images may unpack to, as they are held in memory

_BATCH_ROWS = 256
"""The rows that are read at once; a value may be stored once and be megabytes in every row."""
_UNEVEN = "its columns and row groups have different numbers of rows"
_SNIFFED_ROWS = 8  # the rows that show whether a column of bytes holds images


@dataclass(frozen=True)
class ImageColumn:
    """A column of images: its name, and the columns of its bytes and names in the file."""

    name: str
    cells: str
    names: str | None


class ParquetTable:
    """An open parquet table: its columns of images, and the others."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content = pq.ParquetFile(path, pre_buffer=False)
        self.schema: pa.Schema = self._content.schema_arrow
        self.columns = checked_columns(path, self.schema.names)

    def close(self) -> None:
        """Close the file."""
        self._content.close()

    @property
    def num_rows(self) -> int:
        """The rows, as the file claims."""
        return int(self._content.metadata.num_rows)

    @cached_property
    def images(self) -> dict[str, ImageColumn]:
        """The columns of images by name."""
        found = {}
        for entry in self.schema:
            kind = self._features.get(entry.name, {}).get("_type", "Image")
            if kind not in ("Image", "Pdf", "Value"):
                continue
            if pa.types.is_struct(entry.type) and _is_binary(_child(entry.type, "bytes")):
                path = _child(entry.type, "path")
                names = f"{entry.name}.path" if path is not None and _is_text(path) else None
                found[entry.name] = ImageColumn(entry.name, f"{entry.name}.bytes", names)
            elif _is_binary(entry.type) and self._holds_images(entry.name):
                found[entry.name] = ImageColumn(entry.name, entry.name, None)
        return found

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Columns of bytes that are no images, and lists of them."""
        return tuple(entry.name for entry in self.schema if _has_binary(entry.type) and entry.name not in self.images)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The columns that can be read as text."""
        return tuple(name for name in self.columns if name not in self.images and name not in self.unread)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of some columns, a few at a time."""
        yield from self._content.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False)

    def row_groups(self) -> Iterator[pa.Table]:
        """Yield the rows of the file with all columns, one row group at a time."""
        for group in range(self._content.num_row_groups):
            yield self._content.read_row_group(group, use_threads=False)

    def values(self, column: str, batch: pa.RecordBatch) -> list[str]:
        """Return the values of a column as text; the numbers of classes that the file names become their names."""
        cells = batch.column(column).to_pylist()
        names = self.class_names.get(column)
        if names is None:
            return ["" if cell is None else str(cell).strip() for cell in cells]
        return [_class_name(cell, names) for cell in cells]

    @cached_property
    def class_names(self) -> dict[str, list[str]]:
        """The names of classes by column, where Hugging Face's datasets wrote them into the file."""
        names = {}
        for column, feature in self._features.items():
            listed = feature.get("names")
            if feature.get("_type") == "ClassLabel" and isinstance(listed, list):
                names[column] = [str(name) for name in listed]
        return names

    @cached_property
    def _features(self) -> Mapping[str, Mapping[str, object]]:
        try:
            stored = json.loads((self.schema.metadata or {}).get(b"huggingface", b"{}"))
            features = stored["info"]["features"]
            return {name: entry for name, entry in features.items() if isinstance(entry, dict)}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def places(self, column: ImageColumn) -> ParquetImages:
        """Return the images of a column, one for each row.

        They are called by the names that the file stores, if every row has one of its own, else by the number of the
        row.
        """
        stored: list[str] = []
        if column.names is not None:
            for batch in self.batches([column.names]):
                names = pc.struct_field(batch.column(0), "path").to_pylist()
                stored.extend(as_id(name or "") for name in names)
            if len(stored) != self.num_rows:
                raise OSError(_UNEVEN)
            if not all(stored) or len(set(stored)) < len(stored):
                stored = []
        groups = [self._content.metadata.row_group(group).num_rows for group in range(self._content.num_row_groups)]
        if sum(groups) != self.num_rows:
            raise OSError(_UNEVEN)
        return ParquetImages(self.path, column.cells, [0, *accumulate(groups)], stored)

    def _holds_images(self, column: str) -> bool:
        """Return whether the first values of a column of bytes are images."""
        for batch in self._content.iter_batches(1, columns=[column], use_threads=False):
            value = batch.column(0)[0]
            if value.is_valid:
                return find_format(bytes(value.as_buffer()[:HEAD_BYTES])) is not None
        return False


class ParquetImages(Sequence[ContainedFile]):
    """The images of a column, made when they are asked for."""

    def __init__(self, path: Path, cells: str, starts: Sequence[int], stored: Sequence[str]) -> None:
        self._path, self._codec, self._starts, self._stored = path, CODEC + cells, starts, stored
        self._id = container_id(path)

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> ContainedFile: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ContainedFile]: ...

    def __getitem__(self, index: int | slice) -> ContainedFile | Sequence[ContainedFile]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = range(len(self))[index]
        group = bisect_right(self._starts, number) - 1
        # The number keeps names apart that differ in their folders only.
        name = f"{number + 1}/{self._stored[number]}" if self._stored else f"{number + 1}"
        return ContainedFile(self._path, ArchiveMember(name, self._codec, group, number - self._starts[group], 0))

    def id(self, index: int) -> str:
        """Return the ID of a row's image: the name of the table, and that of the image or the number of the row."""
        return f"{self._id}/{self._stored[index] if self._stored else index + 1}"


def has_images(path: Path) -> bool:
    """Return whether a file is a parquet table that holds images."""
    if not path.is_file():  # a FIFO would block
        return False
    try:
        content = ParquetTable(path)
        try:
            return bool(content.images)
        finally:
            content.close()
    except (pa.ArrowException, UserError, OSError, ValueError, OverflowError, MemoryError):
        return False


def read_parquet_table(path: Path) -> DataTable:
    """Read a parquet table; the images in it are not read.

    Raises:
        UserError: The file is damaged, has a column twice, or unpacks to more than ``MAX_BYTES`` besides its images.
    """
    try:
        content = ParquetTable(path)
        try:
            return _read(path, content)
        finally:
            content.close()
    # ArrowInvalid is a ValueError, and so is a date beyond Python's own.
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, UserError):
            raise
        raise damaged_parquet(path, error) from None


def damaged_parquet(path: Path, error: BaseException) -> UserError:
    """Return the error of a parquet file that cannot be read."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return UserError(f"{path}: is a damaged parquet file ({reason}); write it again.")


def _read(path: Path, content: ParquetTable) -> DataTable:
    if not content.images and path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: is larger than {MAX_BYTES:,} bytes; leave out what is not needed, or split it.")
    images = {name: content.places(column) for name, column in content.images.items()}
    rows = TableRows(content.columns)
    problems: list[str] = []
    number = unpacked = 0
    # A table of images alone still has rows.
    for batch in content.batches(content.texts) if content.texts else ():
        # A kilobyte can hold gigabytes of one repeated value.
        unpacked += sum(map(_num_bytes, batch.columns))
        if unpacked > MAX_BYTES:
            raise UserError(f"{path}: unpacks to more than {MAX_BYTES:,} bytes; leave out what is not needed.")
        columns = {name: content.values(name, batch) for name in content.texts}
        if number + batch.num_rows > content.num_rows:
            raise OSError(_UNEVEN)
        for index in range(batch.num_rows):
            number += 1
            cells = [
                images[name].id(number - 1) if name in images else columns[name][index] if name in columns else ""
                for name in content.columns
            ]
            if any(cells):
                rows.append(number, cells)
    if content.num_rows > path.stat().st_size:  # only a claim, and every image takes some bytes
        raise OSError("it claims more rows than it has bytes")
    if not content.texts:
        for number in range(1, content.num_rows + 1):
            rows.append(number, [images[name].id(number - 1) if name in images else "" for name in content.columns])
    return DataTable(path, content.columns, rows, "parquet", tuple(problems), images=images, unread=content.unread)


def _class_name(cell: object, names: Sequence[str]) -> str:
    """Return the name of a class by its number; datasets of Hugging Face write -1 where a page has no label."""
    if cell is None or cell == -1:
        return ""
    if isinstance(cell, int) and 0 <= cell < len(names):
        return names[cell]
    return str(cell).strip()


def _child(kind: pa.DataType, name: str) -> pa.DataType | None:
    index = kind.get_field_index(name)
    return None if index < 0 else kind.field(index).type


def _is_binary(kind: pa.DataType | None) -> bool:
    return kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _has_binary(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_has_binary(kind.field(index).type) for index in range(kind.num_fields))
    return _is_binary(kind) or bool(pa.types.is_fixed_size_binary(kind))


def _num_bytes(column: pa.Array) -> int:
    """Return the bytes of a column with every value written out; a dictionary stores each value only once."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = column.dictionary
        if pa.types.is_primitive(values.type):
            return int(column.indices.nbytes)
        return int(pc.sum(pc.binary_length(values).take(column.indices)).as_py() or 0)
    if pa.types.is_map(kind):
        return _num_bytes(column.keys) + _num_bytes(column.items)
    if pa.types.is_struct(kind):
        return sum(map(_num_bytes, column.flatten()))
    return _num_bytes(column.flatten()) if pa.types.is_nested(kind) else int(column.nbytes)
