"""One file of a stream: its ID, and where its bytes are."""

from __future__ import annotations

from dataclasses import dataclass

from munseo._data.image_error import ImageProblem
from munseo._data.image_finder import nfc, printable

UNPACKED = ""
"""The codec of bytes that the archive stores uncompressed."""


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """Where a file is in an archive.

    Attributes:
        name: The name as the archive spells it.
        codec: ``""`` for uncompressed bytes (TAR), ``zip:8`` and the like for the method of a ZIP, ``gz``, ``bz2`` or
            ``xz`` if the archive is compressed as a whole.
        offset: Where the bytes start (TAR, counted in the unpacked archive) or where the member's header starts (ZIP).
        stored: The number of bytes in the archive.
        size: The size of the file that the archive claims.
        crc: The CRC-32 of the file; 0 in a TAR, which has none.
    """

    name: str
    codec: str
    offset: int
    stored: int
    size: int
    crc: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """One file to predict, on the disk or in an archive, with one page or several.

    Attributes:
        id: The ID of its rows, which is distinct within a stream.
        path: The path of the file, or of its archive; bytes that are not UTF-8 are escaped as Python does it.
        member: Where the file is in the archive.
        problem: Why it cannot be read, if that is known before it is opened.
    """

    id: str
    path: str
    member: ArchiveMember | None = None
    problem: ImageProblem | None = None

    @property
    def where(self) -> str:
        """The path and the name in the archive, as text."""
        return printable(self.path if self.member is None else f"{self.path}/{self.member.name}")


def as_id(text: str) -> str:
    """Return a file name as an ID: composed (NFC), valid UTF-8."""
    return nfc(printable(text))
