"""The place of a page that is not a file of its own, and its bytes on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from munseo._data.container.archive_bytes import ArchiveMember, read_member
from munseo._data.container.parquet_cell import CODEC, read_cell


@dataclass(frozen=True, slots=True)
class ContainedFile:
    """A file in an archive, or an image in a cell of a parquet table; wherever a page is decoded, it is as a path is.

    It holds no open file, so that it can be sent to another process.
    """

    container: Path  # the archive or table
    member: ArchiveMember

    @property
    def name(self) -> str:
        """The last part of its name in the container."""
        return self.member.name.replace("\\", "/").rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The extension of its name, with the dot; empty where a parquet table stores no names."""
        return PurePosixPath(self.name).suffix

    def __str__(self) -> str:
        """Return the path of the container and the name in it."""
        return f"{self.container}/{self.member.name}"

    def read(self) -> bytes:
        """Return its bytes, at most ``archive_bytes.MAX_MEMBER_BYTES``.

        Raises:
            UnreadableError: It is larger, or it is not there (any more), or the container is damaged.
        """
        read = read_cell if self.member.codec.startswith(CODEC) else read_member
        return read(str(self.container), self.member)


ImageFile = Path | ContainedFile
"""Whatever has the bytes of a page."""
