"""ZIP and TAR archives as tables: the samples of WebDataset, and images in folders that are named after their class.

In WebDataset the files of a sample have one name up to the first dot, and differ in what follows: ``000017.jpg`` is the
page, ``000017.cls`` its class, and ``000017.json`` has more columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from munseo._data.container.archive_bytes import COMPRESSED, ArchiveMember, read_member
from munseo._data.container.archives import members_of
from munseo._data.container.contained_file import ContainedFile
from munseo._data.data_table import OTHER_NAMES, DataTable, TableRows
from munseo._data.formats import HEAD_BYTES
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError, words_of
from munseo._data.image_finder import is_hidden
from munseo._data.left_out import LeftOut, reason_to_leave_out
from munseo._data.source import as_id
from munseo._errors import UserError

FIELDS = ("cls", "txt", "json")
"""The endings of files that say something about the page of their sample."""

LABELS = ("target", *OTHER_NAMES["target"])
"""Columns that say the class of a page; where no sample has one, its folder does."""

MAX_FIELD_BYTES = 2**20
MAX_FIELDS_BYTES = 2**28  # what all of them may have together, as they are held in memory

SPLIT_FOLDERS = frozenset(("train", "val", "valid", "validation", "dev", "test"))


@dataclass
class _Sample:
    """The files of one sample: its images, and what others say about them."""

    images: list[ArchiveMember] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


def container_id(path: Path) -> str:
    """Return how the IDs of pages in a container begin; shards of two splits may have the same name."""
    parent = path.resolve().parent.name
    return as_id(f"{parent}/{path.name}" if parent in SPLIT_FOLDERS else path.name)


def read_archive_table(path: Path) -> DataTable:
    """Read an archive as a table of the pages in it.

    Returns:
        A row for each page, in the order of the archive. Its ID is the name of the archive and that in it. Where files
        such as ``.cls`` belong to the pages, their names and the keys of ``.json`` are the columns; otherwise the
        column ``target`` is the folder of each page.

    Raises:
        UserError: The archive is damaged, or compressed as a whole, or has no pages.
    """
    samples: dict[str, _Sample] = {}
    problems: list[str] = []
    left_out = LeftOut()
    num_bytes = 0
    try:
        for member, problem in _checked_members(path):
            folder, _, name = member.name.replace("\\", "/").rpartition("/")
            if any(is_hidden(part) for part in (*folder.split("/"), name)):
                continue
            stem, _, ending = name.partition(".")
            last = ending.rpartition(".")[2].lower()
            sample = samples.setdefault(f"{folder}/{stem}", _Sample())
            if last in FIELDS and problem is None:
                num_bytes += member.size
                if member.size > MAX_FIELD_BYTES or num_bytes > MAX_FIELDS_BYTES:
                    raise UserError(f"{path}: {member.name}: has {member.size:,} bytes, which is too much for a label.")
                problems += _read_field(path, member, last, sample)
            elif problem is not None:
                problems.append(f"{path.name}: {as_id(member.name)}: {problem}")
            elif (reason := reason_to_leave_out(name, partial(_head, path, member))) is not None:
                left_out.add(as_id(member.name), reason)
            else:
                sample.images.append(member)
    except UnreadableError as error:
        raise UserError(f"{path}: {error.problem}") from None
    # The readers raise a dozen types of error for damaged archives.
    except Exception as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: {ImageProblem(ProblemCode.DAMAGED_ARCHIVE, error=words_of(error))}") from None
    return _table(path, samples, problems, left_out)


def _checked_members(path: Path) -> Iterator[tuple[ArchiveMember, ImageProblem | None]]:
    for member, problem in members_of(str(path)):
        if member.codec in COMPRESSED:
            command = {"gz": "gzip -d", "bz2": "bzip2 -d", "xz": "xz -d"}[member.codec] + f" {path.name}"
            raise UserError(
                f"{path}: is compressed as a whole, so that single pages cannot be read from it; unpack it once: "
                f"{command}"
            )
        yield member, problem


def _head(path: Path, member: ArchiveMember) -> bytes:
    try:
        return read_member(str(path), member)[:HEAD_BYTES]
    except UnreadableError:
        return b""


def _read_field(path: Path, member: ArchiveMember, kind: str, sample: _Sample) -> Iterator[str]:
    """Add what a file says about its sample; yield what is wrong with it."""
    where = f"{path.name}: {as_id(member.name)}"
    try:
        text = read_member(str(path), member).decode("utf-8-sig").strip()
        values = json.loads(text) if kind == "json" else {kind: text}
    except UnreadableError as error:
        yield f"{where}: {error.problem}"
        return
    except (ValueError, RecursionError):
        yield f"{where}: is not UTF-8 text, or no JSON"
        return
    if not isinstance(values, dict):
        yield f"{where}: is JSON, but no object with keys"
        return
    for name, value in values.items():
        if isinstance(value, str | int | float) or value is None:
            sample.values[str(name)] = "" if value is None else str(value).strip()


def _table(path: Path, samples: dict[str, _Sample], problems: list[str], left_out: LeftOut) -> DataTable:
    known = {name for sample in samples.values() if sample.images for name in sample.values}
    has_labels = bool(known & set(LABELS))
    start, images, labels = container_id(path), [], []
    for key, sample in samples.items():
        if not sample.images and "cls" in sample.values:
            sample_key = as_id(key.lstrip("/"))
            problems.append(f"{path.name}: {sample_key}: has a class but no image")
        if has_labels and len(sample.images) > 1:
            problems.append(_joined(path, key.lstrip("/"), sample))
            continue
        for member in sample.images:
            images.append(ContainedFile(path, member))
            folder = key.strip("/").rpartition("/")[0].rpartition("/")[2]
            labels.append(sample.values if has_labels else {**sample.values, "target": as_id(folder)})
    names = dict.fromkeys(name for values in labels for name in values)
    columns = ("ID", *(name for name in names if name != "ID"))
    rows = TableRows(columns)
    for number, (image, values) in enumerate(zip(images, labels, strict=True), 1):
        rows.append(number, [as_id(f"{start}/{image.member.name}"), *(values.get(name, "") for name in columns[1:])])
    if not images and not problems:
        raise UserError(f"{path}: has no images in it.", list(left_out.notes))
    return DataTable(path, columns, rows, "archive", tuple(problems), images={"ID": images}, notes=left_out.notes)


def _joined(path: Path, key: str, sample: _Sample) -> str:
    names, count = ", ".join(as_id(image.name) for image in sample.images[:3]), len(sample.images)
    return (
        f"{path.name}: {names}: are one sample with {count} images, since in WebDataset the key ends at the first dot "
        f"({as_id(key)}); a page has one image: name them without other dots"
    )
