"""Files that are never half written: a reader sees the old file or the new one.

A new file is written under a temporary name, flushed to the disk, and renamed.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from munseo._errors import NoRoomError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk, a quota or a file size limit that is reached."""
_SWAP, _CURRENT_FOLDER = 2, -100
"""``RENAME_EXCHANGE`` of Linux, which is ``RENAME_SWAP`` of macOS too, and ``AT_FDCWD``."""
_TEMPORARY = ".*.*.tmp"
"""The pattern of temporary names."""


@contextmanager
def replacing(path: Path, needed: int | None = None) -> Iterator[Path]:
    """Give a temporary path to write to; it replaces ``path`` when the block ends without an error.

    Example:
        >>> with replacing(run.weights_file) as temporary:
        ...     save_file(tensors, temporary)

    Args:
        path: The file.
        needed: How many bytes it will have, where that is known; an error reports it.

    Raises:
        NoRoomError: The disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoomError(error.errno, os.strerror(error.errno), str(path), needed) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def exchange(first: Path, second: Path) -> bool:
    """Let two files or folders trade their names in one step, so that a reader finds either of them at any time.

    Returns:
        Whether that was done; some file systems cannot do it, such as NFS, and then nothing has changed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "darwin":
            return bool(libc.renamex_np(*names, _SWAP) == 0)
        return bool(libc.renameat2(_CURRENT_FOLDER, names[0], _CURRENT_FOLDER, names[1], _SWAP) == 0)
    except AttributeError:  # an older C library
        return False


def remove_half_written(folder: Path) -> None:
    """Remove the temporary files of processes that were killed; no process may be writing into the folder."""
    for file in folder.rglob(_TEMPORARY):
        with suppress(OSError):
            file.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; line ends stay as they are."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON; NaN and infinity, which JSON lacks, become null."""
    write_text(path, json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """Return a value as it will be read back from JSON."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return str(value) if isinstance(value, Path) else value


def _flush_folder(folder: Path) -> None:
    """Flush the rename itself to the disk, so that it survives a power cut, on systems that can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
