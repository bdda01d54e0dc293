"""One file that may be a page: its ID, and where its bytes are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from munseo._data.container.archive_bytes import ArchiveMember
from munseo._data.container.contained_file import ContainedFile, ImageFile
from munseo._data.image_error import ImageProblem
from munseo._data.image_finder import nfc, printable


@dataclass(frozen=True, slots=True)
class Source:
    """One file, on the disk or in an archive or table, with one page or several."""

    id: str  # of its rows; distinct within a stream
    path: str  # of the file or its container; bytes that are not UTF-8 are escaped as Python does it
    member: ArchiveMember | None = None  # where the file is in the container
    problem: ImageProblem | None = None  # why it cannot be read, if that is known before it is opened

    @property
    def file(self) -> ImageFile:
        """Where its bytes are."""
        return Path(self.path) if self.member is None else ContainedFile(Path(self.path), self.member)

    @property
    def where(self) -> str:
        """The path and the name in the container, as text."""
        return printable(self.path if self.member is None else f"{self.path}/{self.member.name}")


def as_id(text: str) -> str:
    """Return a file name as an ID: composed (NFC), valid UTF-8."""
    return nfc(printable(text))


def source_at(id: str, file: ImageFile) -> Source:
    """Return the source of a file that is known."""
    if isinstance(file, ContainedFile):
        return Source(id, str(file.container), file.member)
    return Source(id, str(file))
