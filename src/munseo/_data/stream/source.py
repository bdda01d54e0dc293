"""One file of a stream: how it is called, and where its bytes lie."""

from __future__ import annotations

from dataclasses import dataclass

from munseo._data.image_error import ImageProblem
from munseo._data.image_finder import nfc, printable

UNPACKED = ""
"""Codec of bytes that lie in the archive as they are."""


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """Where a file lies in an archive.

    Attributes:
        name: As the archive writes it.
        codec: ``""`` for bytes as they are (TAR), ``zip:8`` and the like for a ZIP's method, ``gz``, ``bz2`` or ``xz``
            where the archive is compressed as a whole.
        offset: Of the bytes (TAR, counted in the unpacked archive) or of the member's own header (ZIP).
        stored: Bytes in the archive.
        size: Bytes of the file, as the archive claims.
        crc: CRC-32 of the file; 0 in a TAR, which has none.
    """

    name: str
    codec: str
    offset: int
    stored: int
    size: int
    crc: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """One file to predict: on the disk, or in an archive; of one page or of several.

    Attributes:
        id: What its rows are called; distinct within a stream.
        path: Of the file, or of the archive that it lies in; bytes that are no UTF-8 as Python escapes them.
        member: Where it lies in the archive.
        problem: Why it cannot be read, where the listing knows already.
    """

    id: str
    path: str
    member: ArchiveMember | None = None
    problem: ImageProblem | None = None

    @property
    def where(self) -> str:
        """The path, and the name in the archive, as text."""
        return printable(self.path if self.member is None else f"{self.path}/{self.member.name}")


def as_id(text: str) -> str:
    """A file name as an ID: composed (NFC), valid UTF-8."""
    return nfc(printable(text))
