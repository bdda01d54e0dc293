"""The bytes of a file in a ZIP or TAR archive, read by its place alone: no table of contents is held in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, cast

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError, words_of

MAX_MEMBER_BYTES = 2**28  # Larger members are refused; each thread that decodes holds the bytes of one member

UNPACKED = ""  # the codec of bytes that the archive stores uncompressed

COMPRESSED = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\0"}
"""The codecs for a whole archive, and how such a file starts."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """Where a file is in an archive, or an image in a parquet table."""

    name: str  # as the archive spells it; in a parquet table the number of the row and the name that it stores
    # ``""`` for uncompressed bytes (TAR), ``zip:8`` and the like for the method of a ZIP, ``gz``, ``bz2`` or ``xz``
    # if the archive is compressed as a whole, ``parquet:image.bytes`` for a column of a parquet table.
    codec: str
    # Where the bytes start (TAR, counted in the unpacked archive), where the member's header starts (ZIP), or the row
    # group (parquet).
    offset: int
    stored: int  # number of bytes in the archive; in a parquet table the row, counted within its row group
    size: int  # size of the file that the archive claims; 0 in a parquet table, which does not say
    crc: int = 0  # CRC-32 of the file; 0 where there is none


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
        elif member.codec in COMPRESSED:
            with open_compressed(path, member.codec) as file:
                data = _read_at(file, member)
        else:
            data = _unzip(path, member)
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(ImageProblem(ProblemCode.MEMBER_NOT_READABLE, error=words_of(error))) from error
    if len(data) > MAX_MEMBER_BYTES:
        raise UnreadableError(too_large())
    if len(data) != member.size:
        raise UnreadableError(ImageProblem(ProblemCode.MEMBER_TRUNCATED))
    return data


def open_compressed(path: str, codec: str) -> IO[bytes]:
    """Open an archive that is compressed as a whole. Reading forwards is cheap; a step back starts over."""
    openers = {"gz": gzip.GzipFile, "bz2": bz2.BZ2File, "xz": lzma.LZMAFile}
    return cast(IO[bytes], openers[codec](path))


def too_large() -> ImageProblem:
    """Return the problem of a member beyond the limit."""
    return ImageProblem(ProblemCode.MEMBER_TOO_LARGE, most=MAX_MEMBER_BYTES)


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
