"""Members of ZIP and TAR archives: listed, and read into memory one by one. Nothing is unpacked to the disk.

Only the listing trusts the table of contents of an archive; a member is read with a limit, whatever size it claims.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, cast

from munseo._data.formats import IMAGE_EXTENSIONS
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError, words_of
from munseo._data.image_finder import is_hidden
from munseo._data.stream.source import UNPACKED, ArchiveMember, Source, as_id

MAX_MEMBER_BYTES = 2**28  # Larger members are refused; each thread that decodes holds the bytes of one member

EXTENSIONS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
COMPRESSED = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\0"}
"""The codecs for a whole archive, and how such a file starts."""

_MAX_TAR_READ = 2**20
"""The most bytes of a name and the other headers of a member. A few packed kilobytes may claim gigabytes."""

_END_OF_TAR = b"\0" * tarfile.BLOCKSIZE
_LOCAL_HEADER = struct.Struct("<4s22xHH")

Members = Iterator[tuple[ArchiveMember, ImageProblem | None]]
"""The files of an archive, each with what is known to be wrong with it."""


def is_archive(name: str) -> bool:
    """Return whether a name has the extension of an archive."""
    return name.lower().endswith(EXTENSIONS)


def list_archive(path: str, archive_id: str, leave_out: Callable[[str], None]) -> Iterator[Source]:
    """Yield the images in an archive, in its order; IDs are ``<ID of the archive>/<name>``.

    Links and archives in the archive are sources with a problem, and so is the archive itself if it is damaged.
    ``leave_out`` is called with the ID of each file that is not an image.
    """
    seen: set[int] = set()
    try:
        for member, problem in _members(path):
            if any(is_hidden(part) for part in member.name.replace("\\", "/").split("/")):
                continue
            page_id = as_id(f"{archive_id}/{member.name}")
            if is_archive(member.name):
                problem = problem or ImageProblem(ProblemCode.ARCHIVE_IN_ARCHIVE)
            elif os.path.splitext(member.name)[1].lower() not in IMAGE_EXTENSIONS:  # noqa: PTH122
                leave_out(page_id)
                continue
            if member.size > MAX_MEMBER_BYTES:
                problem = problem or _too_large()
            yield Source(_distinct(page_id, seen), path, member, problem)
    # The readers raise a dozen types of error for damaged archives.
    except Exception as error:
        if isinstance(error, UnreadableError):
            problem = error.problem
        else:
            problem = ImageProblem(ProblemCode.DAMAGED_ARCHIVE, error=words_of(error))
        yield Source(archive_id, path, None, problem)


def read_member(path: str, member: ArchiveMember, stream: IO[bytes] | None = None) -> bytes:
    """Read one file of an archive; one that is compressed as a whole is opened with ``open_compressed``.

    Raises:
        UnreadableError: The file is larger than the limit, cut short, or damaged.
    """
    try:
        if stream is not None:
            data = _read_at(stream, member)
        elif member.codec == UNPACKED:
            with open(path, "rb") as file:  # noqa: PTH123
                data = _read_at(file, member)
        else:
            data = _unzip(path, member)
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(ImageProblem(ProblemCode.MEMBER_NOT_READABLE, error=words_of(error))) from error
    if len(data) > MAX_MEMBER_BYTES:
        raise UnreadableError(_too_large())
    if len(data) != member.size:
        raise UnreadableError(ImageProblem(ProblemCode.MEMBER_TRUNCATED))
    return data


def open_compressed(path: str, codec: str) -> IO[bytes]:
    """Open an archive that is compressed as a whole. Reading forwards is cheap; a step back starts over."""
    openers = {"gz": gzip.GzipFile, "bz2": bz2.BZ2File, "xz": lzma.LZMAFile}
    return cast(IO[bytes], openers[codec](path))


def _members(path: str) -> Members:
    if not os.path.isfile(path):  # noqa: PTH113
        raise UnreadableError(ImageProblem(ProblemCode.NOT_A_FILE))  # a FIFO would block
    with open(path, "rb") as file:  # noqa: PTH123
        head = file.read(8)
    return _members_of_zip(path) if head.startswith(b"PK") else _members_of_tar(path, head)


def _members_of_zip(path: str) -> Members:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            codec = f"zip:{info.compress_type}"
            where = (info.header_offset, info.compress_size, info.file_size, info.CRC)
            problem = ImageProblem(ProblemCode.ARCHIVE_WITH_PASSWORD) if info.flag_bits & 1 else None
            yield ArchiveMember(info.filename, codec, *where), problem


def _members_of_tar(path: str, head: bytes) -> Members:
    codec = next((name for name, magic in COMPRESSED.items() if head.startswith(magic)), UNPACKED)
    with (
        open(path, "rb") if codec == UNPACKED else open_compressed(path, codec) as stream,  # noqa: PTH123
        tarfile.open(fileobj=cast(IO[bytes], limited := _LimitedFile(stream)), mode="r:") as archive,
    ):
        while (info := archive.next()) is not None:
            limited.left = _MAX_TAR_READ
            if info.size < 0:
                # The reader would go back and read the same members forever.
                raise ValueError("a member of less than nothing")
            # The archive would otherwise keep an object for each member.
            archive.members.clear()  # type: ignore[attr-defined]
            if info.isdir():
                continue
            yield ArchiveMember(info.name, codec, info.offset_data, info.size, info.size), _problem_in_tar(info)
        # The reader silently stops at anything that is not a header.
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != _END_OF_TAR:
            raise UnreadableError(ImageProblem(ProblemCode.NO_END_MARK))


def _problem_in_tar(info: tarfile.TarInfo) -> ImageProblem | None:
    if info.issym() or info.islnk():
        return ImageProblem(ProblemCode.LINK_IN_ARCHIVE)
    if info.issparse():
        return ImageProblem(ProblemCode.SPARSE_FILE_IN_ARCHIVE)
    return None if info.isreg() else ImageProblem(ProblemCode.NO_FILE_IN_ARCHIVE)


class _LimitedFile:
    """A file for ``tarfile``, which reads names and other headers of a member whatever length they claim.

    Attributes:
        left: The bytes that may be read before the next member.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell
        self.left = _MAX_TAR_READ

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise UnreadableError(ImageProblem(ProblemCode.LONG_NAME_IN_TAR, most=_MAX_TAR_READ))
        self.left -= size
        return self._stream.read(size)


def _read_at(stream: IO[bytes], member: ArchiveMember) -> bytes:
    stream.seek(member.offset)
    return stream.read(min(member.size, MAX_MEMBER_BYTES + 1))


def _unzip(path: str, member: ArchiveMember) -> bytes:
    """Read a member by its offset: the table of contents of a million members would have to be kept in memory."""
    info = zipfile.ZipInfo("member")
    info.compress_type = int(member.codec.removeprefix("zip:"))
    info.compress_size, info.file_size, info.CRC = member.stored, member.size, member.crc
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(member.offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if magic != b"PK\x03\x04":
            raise UnreadableError(ImageProblem(ProblemCode.MEMBER_NOT_THERE))
        file.seek(name_length + extra_length, io.SEEK_CUR)
        # It compares the CRC at the end, but unpacks as many bytes as are requested, whatever size was claimed.
        with zipfile.ZipExtFile(cast(IO[bytes], file), "r", info) as unpacked:
            return unpacked.read(min(member.size, MAX_MEMBER_BYTES) + 1)


def _distinct(page_id: str, seen: set[int]) -> str:
    """Return a distinct ID: an archive may hold a name twice, and the later ones are numbered."""
    number, name = 1, page_id
    while hash(name) in seen:
        number += 1
        name = f"{page_id} ({number})"
    seen.add(hash(name))
    return name


def _too_large() -> ImageProblem:
    return ImageProblem(ProblemCode.MEMBER_TOO_LARGE, most=MAX_MEMBER_BYTES)
