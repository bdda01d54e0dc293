"""Members of ZIP and TAR archives: listed, and read into memory one by one. Nothing is unpacked to the disk.

Only the listing trusts an archive's table of contents; a member is read with a limit, whatever size it claims.
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

from munseo._data.image_error import UnreadableError
from munseo._data.image_finder import IMAGE_EXTENSIONS
from munseo._data.stream.source import UNPACKED, Member, Source, as_id

MAX_MEMBER_BYTES = 2**28
"""Larger members are refused; the bytes of one are held by each thread that decodes."""

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_SYSTEM_FILES = frozenset(["thumbs.db", "desktop.ini", "__macosx"])
COMPRESSED = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\0"}
"""Ways to compress an archive as a whole, and how such a file begins."""
_MAX_TAR_READ = 2**20
"""Bytes of a name and of all other words about a member. A few packed kilobytes may claim gigabytes of them."""
_END_OF_TAR = b"\0" * tarfile.BLOCKSIZE
_LOCAL_HEADER = struct.Struct("<4s22xHH")

Members = Iterator[tuple[Member, str | None]]
"""Files of an archive, with what is known to be wrong with them."""


def is_archive(name: str) -> bool:
    """Whether a name ends as an archive's."""
    return name.lower().endswith(ENDINGS)


def is_hidden(name: str) -> bool:
    """Whether a name is one that systems leave beside people's files."""
    return (name.startswith(".") and name not in (".", "..")) or name.casefold() in _SYSTEM_FILES


def list_archive(path: str, archive_id: str, leave_out: Callable[[str], None]) -> Iterator[Source]:
    """The images in an archive, in its order; IDs are ``<archive's ID>/<name>``.

    Links and archives in the archive are sources with a problem; so is the archive itself, where it is damaged.

    Args:
        path: The archive.
        archive_id: Its ID.
        leave_out: Called with the ID of each file that is no image.
    """
    seen: set[int] = set()
    try:
        for member, problem in _members(path):
            if any(is_hidden(part) for part in member.name.replace("\\", "/").split("/")):
                continue
            page_id = as_id(f"{archive_id}/{member.name}")
            if is_archive(member.name):
                problem = problem or "is an archive in an archive; unpack it"
            elif os.path.splitext(member.name)[1].lower() not in IMAGE_EXTENSIONS:  # noqa: PTH122
                leave_out(page_id)
                continue
            if member.size > MAX_MEMBER_BYTES:
                problem = problem or _too_large()
            yield Source(_distinct(page_id, seen), path, member, problem)
    # For damaged archives the readers raise a dozen types.
    except Exception as error:
        reason = str(error) if isinstance(error, UnreadableError) else f"is a damaged archive ({_words(error)})"
        yield Source(archive_id, path, None, reason)


def read_member(path: str, member: Member, stream: IO[bytes] | None = None) -> bytes:
    """Read one file of an archive.

    Args:
        path: The archive.
        member: Where the file lies.
        stream: The archive opened with ``open_compressed``, where it is compressed as a whole.

    Raises:
        UnreadableError: It is larger than the limit, cut short, or damaged.
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
        raise UnreadableError(f"cannot be read from its archive ({_words(error)})") from error
    if len(data) > MAX_MEMBER_BYTES:
        raise UnreadableError(_too_large())
    if len(data) != member.size:
        raise UnreadableError("is cut short; the end of it is missing in the archive")
    return data


def open_compressed(path: str, codec: str) -> IO[bytes]:
    """Open an archive that is compressed as a whole. Reading forwards is cheap; a step back begins anew."""
    openers = {"gz": gzip.GzipFile, "bz2": bz2.BZ2File, "xz": lzma.LZMAFile}
    return cast(IO[bytes], openers[codec](path))


def _members(path: str) -> Members:
    if not os.path.isfile(path):  # noqa: PTH113
        raise UnreadableError("is not a file")  # a FIFO would block
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
            problem = "asks for a password; save the archive without one" if info.flag_bits & 1 else None
            yield Member(info.filename, codec, *where), problem


def _members_of_tar(path: str, head: bytes) -> Members:
    codec = next((name for name, magic in COMPRESSED.items() if head.startswith(magic)), UNPACKED)
    with (
        open(path, "rb") if codec == UNPACKED else open_compressed(path, codec) as stream,  # noqa: PTH123
        tarfile.open(fileobj=cast(IO[bytes], sparing := _Sparing(stream)), mode="r:") as archive,
    ):
        while (info := archive.next()) is not None:
            sparing.left = _MAX_TAR_READ
            if info.size < 0:
                # The reader would go back to where it has been, for ever.
                raise ValueError("a member of less than nothing")
            # The archive would keep an object for each member.
            archive.members.clear()  # type: ignore[attr-defined]
            if info.isdir():
                continue
            kind = "a link" if info.issym() or info.islnk() else "a sparse file" if info.issparse() else "no file"
            problem = None if info.isreg() and not info.issparse() else f"is {kind} in an archive"
            yield Member(info.name, codec, info.offset_data, info.size, info.size), problem
        # The reader ends without a word at anything that is no header.
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != _END_OF_TAR:
            raise UnreadableError("is cut short or damaged: it has no end mark, and files may be missing")


class _Sparing:
    """A file for ``tarfile``, which reads names and other words about a member as long as they claim to be.

    Attributes:
        left: Bytes that may be read before the next member.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell
        self.left = _MAX_TAR_READ

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise UnreadableError(f"is a TAR archive with a name of more than {_MAX_TAR_READ:,} bytes")
        self.left -= size
        return self._stream.read(size)


def _read_at(stream: IO[bytes], member: Member) -> bytes:
    stream.seek(member.offset)
    return stream.read(min(member.size, MAX_MEMBER_BYTES + 1))


def _unzip(path: str, member: Member) -> bytes:
    """Read by the member's own place: a table of contents of a million members would have to be kept in memory."""
    info = zipfile.ZipInfo("member")
    info.compress_type = int(member.codec.removeprefix("zip:"))
    info.compress_size, info.file_size, info.CRC = member.stored, member.size, member.crc
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(member.offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if magic != b"PK\x03\x04":
            raise UnreadableError("is not where its archive says that it is")
        file.seek(name_length + extra_length, io.SEEK_CUR)
        # It compares the CRC at the end, but unpacks as much as it is asked for, whatever size was claimed.
        with zipfile.ZipExtFile(cast(IO[bytes], file), "r", info) as unpacked:
            return unpacked.read(min(member.size, MAX_MEMBER_BYTES) + 1)


def _distinct(page_id: str, seen: set[int]) -> str:
    """An archive may hold a name twice: the later ones are numbered."""
    number, name = 1, page_id
    while hash(name) in seen:
        number += 1
        name = f"{page_id} ({number})"
    seen.add(hash(name))
    return name


def _too_large() -> str:
    return f"is larger than {MAX_MEMBER_BYTES:,} bytes; such members are not read"


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
