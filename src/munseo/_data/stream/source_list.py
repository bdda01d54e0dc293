"""The list of files to predict: from paths, patterns and tables to one fixed order, kept on the disk to save memory."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.container.archive_bytes import ArchiveMember
from munseo._data.container.archives import is_archive, list_archive
from munseo._data.data_table import file_and_sheet
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._data.left_out import LeftOut
from munseo._data.page import Page
from munseo._data.source import Source, as_id, source_at
from munseo._data.stream.table_rows import walk_table
from munseo._data.tables import is_table, table_files
from munseo._errors import UserError
from munseo._run.atomic import replacing

STDIN = "-"  # the word that means a list of paths from standard input
_ROWS = 4096  # rows that are written and read together
_NUMBERS = [(name, pa.int64()) for name in ("offset", "stored", "size", "crc")]
_MEMBER = pa.struct([("name", pa.binary()), ("codec", pa.string()), *_NUMBERS])
_SCHEMA = pa.schema([("id", pa.string()), ("path", pa.binary()), ("member", _MEMBER), ("problem", pa.string())])


@dataclass(frozen=True)
class Listing:
    """The result of a walk over the inputs: numbers of files of all shards and of this one; IDs are of all shards."""

    num_sources: int
    num_own: int
    ids_sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SourceList:
    """The files to predict: paths and patterns in the order given, or pages that are known already."""

    # Folders, images, PDFs, archives, tables, patterns; ``-`` for a list of paths from standard input.
    words: Sequence[str]
    pages: Sequence[Page] = ()  # pages instead of ``words``
    id_column: str | None = None  # column of tables that names the files
    stdin_file: Path | None = None  # copy of what came from standard input, which can be read only once
    follow_links: bool = False  # whether links may leave the folder that they are in

    def sources(self, left_out: LeftOut | None = None) -> Iterator[Source]:
        """Yield all files, in an order that depends on nothing but their names; ``left_out`` counts other files.

        Raises:
            UserError: A table cannot be read.
        """
        left_out = left_out or LeftOut()
        for page in self.pages:
            yield source_at(as_id(page.id), page.path)
        for word in self.words:
            yield from self._sources_of(word, left_out)

    def check(self) -> None:
        """Raise ``UserError`` for words that mean nothing that is there, all in one message."""
        problems = []
        for word in self.words:
            if word == STDIN or Path(word).exists() or (is_table(Path(word)) and table_files(Path(word))):
                continue
            if not _is_pattern(word):
                problems.append(f"{word}: there is no such file or folder")
            elif next(FolderWalk(Path()).pattern(word), None) is None:
                problems.append(f"{word}: no image or archive has such a name")
        if problems:
            raise UserError(f"{len(problems)} of the inputs cannot be found; correct these names:", problems)

    def _sources_of(self, word: str, left_out: LeftOut) -> Iterator[Source]:
        path = Path(word)
        if word == STDIN:
            assert self.stdin_file is not None
            yield from _sources_of_lines(self.stdin_file, left_out)
        elif path.is_dir():
            yield from FolderWalk(path, left_out, self.follow_links).sources(str(path), "")
        elif is_table(path) and (path.exists() or table_files(path)):
            files = table_files(path) or [path]
            for file in files:
                # A pattern means several; one file may be named with a sheet.
                table = path if files == [file_and_sheet(path)[0]] else file
                yield from walk_table(table, self.id_column, self.follow_links)
        elif not path.exists() and _is_pattern(word):
            yield from FolderWalk(path, left_out, self.follow_links).pattern(word)
        elif is_archive(path.name):
            yield from list_archive(word, as_id(path.name), left_out)
        else:
            yield Source(as_id(path.name), word)


def list_sources(inputs: SourceList, is_own: Callable[[int], bool], file: Path | None) -> Listing:
    """Walk over the inputs once.

    Args:
        inputs: The files to predict.
        is_own: Whether the file with this index belongs to the caller's shard, and is kept.
        file: Where to keep them; None only counts.

    Raises:
        UserError: IDs occur twice, or there is nothing to predict.
    """
    left_out = LeftOut()
    total = hashlib.sha256()
    hashes = array("Q")

    def own() -> Iterator[Source]:
        for index, source in enumerate(inputs.sources(left_out)):
            data = source.id.encode()
            # Lengths first, so that no ID can pass for the end of another.
            total.update(b"%d:%s\n" % (len(data), data))
            hashes.append(int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little"))
            if is_own(index):
                yield source

    num_own = sum(1 for _ in own()) if file is None else _write(file, own())
    if not hashes:
        raise UserError(f"{', '.join(inputs.words)}: no images there.", list(left_out.notes))
    _refuse_repeats(inputs, np.frombuffer(hashes, np.uint64))
    return Listing(len(hashes), num_own, total.hexdigest(), left_out.notes)


def read_sources(file: Path, start: int = 0) -> Iterator[Source]:
    """Yield the files of a kept list, from index ``start`` on."""
    with pq.ParquetFile(file) as content:
        for batch in content.iter_batches(_ROWS):
            if start >= batch.num_rows:
                start -= batch.num_rows
                continue
            for row in batch.slice(start).to_pylist():
                yield _source(row)
            start = 0


def _write(file: Path, sources: Iterable[Source]) -> int:
    count = 0
    rows: list[dict[str, Any]] = []
    with replacing(file) as temporary, pq.ParquetWriter(temporary, _SCHEMA, compression="zstd") as writer:
        for source in sources:
            rows.append(_row(source))
            count += 1
            if len(rows) == _ROWS:
                writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
                rows.clear()
        writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
    return count


def _row(source: Source) -> dict[str, Any]:
    member = source.member
    return {
        "id": source.id,
        "path": _bytes(source.path),
        "member": None if member is None else {**asdict(member), "name": _bytes(member.name)},
        "problem": None if source.problem is None else str(source.problem),
    }


def _source(row: dict[str, Any]) -> Source:
    member = row["member"]
    if member is not None:
        member = ArchiveMember(**{**member, "name": _text(member["name"])})
    problem = None if row["problem"] is None else ImageProblem(ProblemCode.OTHER, text=row["problem"])
    return Source(row["id"], _text(row["path"]), member, problem)


def _bytes(text: str) -> bytes:
    """Encode a file name with all that Python escapes in it, whatever the encoding of the system is."""
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _sources_of_lines(file: Path, left_out: LeftOut) -> Iterator[Source]:
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            word = line.strip("\r\n")
            if is_archive(word):
                yield from list_archive(word, as_id(word), left_out)
            elif word:
                yield Source(as_id(word), word)


def _is_pattern(word: str) -> bool:
    return any(sign in word for sign in "*?[")


def _refuse_repeats(inputs: SourceList, hashes: np.ndarray) -> None:
    """Refuse IDs that occur twice. Eight bytes per ID find the few suspects; only these are compared as text."""
    ordered = np.sort(hashes)
    suspects = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(suspects):
        return
    first: dict[str, str] = {}
    problems = []
    for value, source in zip(hashes, inputs.sources(), strict=False):
        index = int(np.searchsorted(suspects, value))
        if index == len(suspects) or suspects[index] != value:
            continue
        if source.id in first:
            problems.append(f"{source.id}: {source.where} and {first[source.id]}")
        first.setdefault(source.id, source.where)
    if problems:
        advice = "leave one of them out, or name a folder above both"
        raise UserError(f"{len(problems)} files have an ID that another one has; {advice}.", problems)
