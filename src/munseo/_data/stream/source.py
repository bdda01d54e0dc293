"""One file of a stream: its ID, and where its bytes are."""

from __future__ import annotations

from dataclasses import dataclass

from munseo._data.image_error import ImageProblem
from munseo._data.image_finder import nfc, printable

UNPACKED = ""  # the codec of bytes that the archive stores uncompressed


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """Where a file is in an archive."""

    name: str  # as the archive spells it
    # ``""`` for uncompressed bytes (TAR), ``zip:8`` and the like for the method of a ZIP, ``gz``, ``bz2`` or ``xz``
    # if the archive is compressed as a whole.
    codec: str
    # Where the bytes start (TAR, counted in the unpacked archive) or where the member's header starts (ZIP).
    offset: int
    stored: int  # number of bytes in the archive
    size: int  # size of the file that the archive claims
    crc: int = 0  # CRC-32 of the file; 0 in a TAR, which has none


@dataclass(frozen=True, slots=True)
class Source:
    """One file to predict, on the disk or in an archive, with one page or several."""

    id: str  # of its rows; distinct within a stream
    path: str  # of the file or its archive; bytes that are not UTF-8 are escaped as Python does it
    member: ArchiveMember | None = None  # where the file is in the archive
    problem: ImageProblem | None = None  # why it cannot be read, if that is known before it is opened

    @property
    def where(self) -> str:
        """The path and the name in the archive, as text."""
        return printable(self.path if self.member is None else f"{self.path}/{self.member.name}")


def as_id(text: str) -> str:
    """Return a file name as an ID: composed (NFC), valid UTF-8."""
    return nfc(printable(text))
