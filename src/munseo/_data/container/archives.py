"""Members of ZIP and TAR archives: listed, and read into memory one by one. Nothing is unpacked to the disk.

Only the listing trusts the table of contents of an archive; a member is read with a limit, whatever size it claims.
"""

from __future__ import annotations

import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import IO, cast

from munseo._data.container.archive_bytes import (
    COMPRESSED,
    MAX_MEMBER_BYTES,
    UNPACKED,
    ArchiveMember,
    open_compressed,
    read_member,
    too_large,
)
from munseo._data.formats import HEAD_BYTES
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError, words_of
from munseo._data.image_finder import is_hidden
from munseo._data.left_out import LeftOut, reason_to_leave_out
from munseo._data.source import Source, as_id

EXTENSIONS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MAX_TAR_READ = 2**20
"""The most bytes of a name and the other headers of a member. A few packed kilobytes may claim gigabytes."""

_END_OF_TAR = b"\0" * tarfile.BLOCKSIZE

_UTF8_NAME = 0x800  # the flag of a member of a ZIP that says that its name is UTF-8
_UNICODE_PATH = 0x7075  # the extra field with the name in UTF-8
_DOS = "cp437"
_HANGUL = re.compile("[가-힣]")

Members = Iterator[tuple[ArchiveMember, ImageProblem | None]]
"""The files of an archive, each with what is known to be wrong with it."""


def is_archive(name: str) -> bool:
    """Return whether a name has the extension of an archive."""
    return name.lower().endswith(EXTENSIONS)


def list_archive(path: str, archive_id: str, left_out: LeftOut) -> Iterator[Source]:
    """Yield the pages in an archive, in its order; IDs are ``<ID of the archive>/<name>``.

    Links and archives in the archive are sources with a problem, and so is the archive itself if it is damaged.
    ``left_out`` counts the files that are no pages.
    """
    seen: set[int] = set()
    try:
        for member, problem in members_of(path):
            if any(is_hidden(part) for part in member.name.replace("\\", "/").split("/")):
                continue
            page_id = as_id(f"{archive_id}/{member.name}")
            if is_archive(member.name):
                problem = problem or ImageProblem(ProblemCode.ARCHIVE_IN_ARCHIVE)
            elif (reason := reason_to_leave_out(member.name, partial(_head, path, member))) is not None:
                left_out.add(page_id, reason)
                continue
            if member.size > MAX_MEMBER_BYTES:
                problem = problem or too_large()
            yield Source(_distinct(page_id, seen), path, member, problem)
    # The readers raise a dozen types of error for damaged archives.
    except Exception as error:
        if isinstance(error, UnreadableError):
            problem = error.problem
        else:
            problem = ImageProblem(ProblemCode.DAMAGED_ARCHIVE, error=words_of(error))
        yield Source(archive_id, path, None, problem)


def members_of(path: str) -> Members:
    """Yield the files of an archive in its order; folders are left out."""
    if not os.path.isfile(path):  # noqa: PTH113
        raise UnreadableError(ImageProblem(ProblemCode.NOT_A_FILE))  # a FIFO would block
    with open(path, "rb") as file:  # noqa: PTH123
        head = file.read(8)
    return _members_of_zip(path) if head.startswith(b"PK") else _members_of_tar(path, head)


def _head(path: str, member: ArchiveMember) -> bytes:
    """Return the first bytes of a member, where that does not cost reading the archive from its start."""
    if member.codec in COMPRESSED or member.size > MAX_MEMBER_BYTES:
        return b""
    with suppress(UnreadableError):
        return read_member(path, member)[:HEAD_BYTES]
    return b""


def _members_of_zip(path: str) -> Members:
    with zipfile.ZipFile(path) as archive:
        codec_of_names = _codec_of_names([info for info in archive.infolist() if not info.flag_bits & _UTF8_NAME])
        for info in archive.infolist():
            if info.is_dir():
                continue
            codec = f"zip:{info.compress_type}"
            where = (info.header_offset, info.compress_size, info.file_size, info.CRC)
            problem = ImageProblem(ProblemCode.ARCHIVE_WITH_PASSWORD) if info.flag_bits & 1 else None
            yield ArchiveMember(_name_in_zip(info, codec_of_names), codec, *where), problem


def _codec_of_names(infos: list[zipfile.ZipInfo]) -> str:
    """Return the encoding of the names of a ZIP that do not say that they are UTF-8.

    ``zipfile`` takes them for CP437, as the specification wants. Programs on Korean Windows write CP949 and some on
    other systems UTF-8, without saying so; a name in another encoding is hardly ever valid in these.
    """
    names = b"\n".join(_stored(info) for info in infos)
    for codec in ("utf-8", "cp949"):
        with suppress(UnicodeDecodeError):
            text = names.decode(codec)
            if codec == "utf-8" or _is_korean(text):
                return codec
    return _DOS


def _name_in_zip(info: zipfile.ZipInfo, codec: str) -> str:
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    stored = _stored(info)
    # Info-ZIP adds the name in UTF-8, with the CRC-32 of the name that it stands for.
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and body[1:5] == struct.pack("<I", zlib.crc32(stored)):
            with suppress(UnicodeDecodeError):
                return body[5:].decode()
    return stored.decode(codec).partition("\0")[0]


def _is_korean(text: str) -> bool:
    """Return whether at least half of the letters beyond ASCII are Hangul; bytes of other encodings rarely are."""
    others = sum(not sign.isascii() for sign in text)
    return others > 0 and 2 * len(_HANGUL.findall(text)) >= others


def _stored(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode(_DOS)


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
            name = _name_in_tar(info.name)
            yield ArchiveMember(name, codec, info.offset_data, info.size, info.size), _problem_in_tar(info)
        # The reader silently stops at anything that is not a header.
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != _END_OF_TAR:
            raise UnreadableError(ImageProblem(ProblemCode.NO_END_MARK))


def _name_in_tar(name: str) -> str:
    """Return a name that is not UTF-8 as CP949, if it has Hangul then: a TAR does not say how its names are encoded."""
    if name.isascii() or not any("\udc80" <= sign <= "\udcff" for sign in name):
        return name
    with suppress(UnicodeDecodeError):
        text = name.encode("utf-8", "surrogateescape").decode("cp949")
        if _is_korean(text):
            return text
    return name


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


def _distinct(page_id: str, seen: set[int]) -> str:
    """Return a distinct ID: an archive may hold a name twice, and the later ones are numbered."""
    number, name = 1, page_id
    while hash(name) in seen:
        number += 1
        name = f"{page_id} ({number})"
    seen.add(hash(name))
    return name
