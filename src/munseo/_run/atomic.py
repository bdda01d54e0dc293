"""Nothing is half written: write beside, flush to the disk, rename. A reader sees the old file or the new one."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from munseo._errors import NoRoomError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEMPORARY = ".*.*.tmp"


@contextmanager
def replacing(path: Path, needed: int | None = None) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the place of ``path`` when the block ends without an error.

    Args:
        path: The file.
        needed: How many bytes it will have, where that is known.

    Raises:
        NoRoomError: The disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoomError(error.errno, os.strerror(error.errno), str(path), needed) from error
        raise
    finally:
        beside.unlink(missing_ok=True)
    _flush_folder(path.parent)


def remove_half_written(folder: Path) -> None:
    """Remove what processes that were killed had begun to write; none may be at work in the folder."""
    for file in folder.rglob(_TEMPORARY):
        with suppress(OSError):
            file.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with line ends as given."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON; floats that JSON has no word for (nan, inf) become null."""
    write_text(path, json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return str(value) if isinstance(value, Path) else value


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
