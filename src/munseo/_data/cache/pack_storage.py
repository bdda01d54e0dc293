"""The cache folder: where it is, what lies in it, how large it may grow, and what goes first.

``<folder>/pages-1/224px-<decoder>/<name>.pages``: a folder for each format of the files, within it one for each size
and version of the decoder, within it the packs. Packs are only made and deleted by who holds the folder's lock.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

import cv2
import PIL

from munseo._console import say
from munseo._data.cache.pack import SUFFIX
from munseo._errors import UserError
from munseo._run.run_lock import lock

FOLDER_VARIABLE, LIMIT_VARIABLE = "MUNSEO_CACHE", "MUNSEO_CACHE_GB"
FORMAT = "pages-1"
LOCK_NAME = ".lock"
SIZE_FOLDERS = "pages-*/*px-*"
"""Those of every format and version: the limit holds for all of them together."""
DECODING_CODE = ("decoder.py", "formats.py", "paged_files.py", "pixels.py", "letterbox.py")
"""Every change of these files starts a new cache: no one has to remember to raise a number."""
GB = 10**9
MOST_GB = 20
"""The limit, where a tenth of the disk's free space is not less."""


def cache_folder() -> Path:
    """The user's cache folder as the system has it, or where ``MUNSEO_CACHE`` says."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "munseo" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "munseo"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "munseo"


def size_limit(folder: Path) -> int:
    """Bytes that the cache may hold: ``MUNSEO_CACHE_GB``, or 20 GB and at most a tenth of the space it finds free.

    Raises:
        UserError: ``MUNSEO_CACHE_GB`` is not a number of 0 or more.
    """
    if wanted := os.environ.get(LIMIT_VARIABLE):
        try:
            limit = float(wanted)
        except ValueError:
            limit = -1
        if not 0 <= limit < float("inf"):
            raise UserError(f"{LIMIT_VARIABLE}={wanted}: should be a number of gigabytes, such as 50.")
        return int(limit * GB)
    return min(MOST_GB * GB, (shutil.disk_usage(folder).free + used_bytes(folder)) // 10)


def used_bytes(folder: Path) -> int:
    """Bytes of all packs."""
    return sum(path.stat().st_size for path in pack_files(folder))


def pack_files(folder: Path) -> list[Path]:
    """All packs, also those of other formats, the least recently used first."""
    return sorted(folder.glob(f"{SIZE_FOLDERS}/*{SUFFIX}"), key=lambda path: path.stat().st_mtime)


def size_folder(folder: Path, size_px: int) -> Path:
    """Where the packs are whose pages this installation would decode to the same pixels."""
    return folder / FORMAT / f"{size_px}px-{decoder_version()}"


@cache
def decoder_version() -> str:
    """12 hexadecimal digits that change whenever pixels might: with the libraries, the processor and our own code."""
    versions = [cv2.__version__, PIL.__version__, metadata.version("pypdfium2"), platform.machine()]
    total = hashlib.sha256("\n".join(versions).encode())
    for name in DECODING_CODE:
        total.update((Path(__file__).parent.parent / name).read_bytes())
    return total.hexdigest()[:12]


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Within this block no other process makes or deletes packs; what a killed one left half written is removed.

    Where the file system has no locks, builders work beside each other: the same pages go to the same file name, which
    appears whole or not at all, so both are right and one has worked for nothing.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("ab") as file:
        try:
            if not lock(file):
                say(f"cache: another run fills {folder}; waiting for it")
                lock(file, wait=True)
        except OSError:
            yield
        else:
            for leftover in folder.glob(f"{SIZE_FOLDERS}/.*{SUFFIX}.*.tmp"):
                leftover.unlink(missing_ok=True)
            yield


def is_used(path: Path) -> bool:
    """Whether a running process reads from a pack; where that cannot be told, it does."""
    try:
        with path.open("rb+") as file:
            return not lock(file)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def delete_unused(path: Path) -> int:
    """Delete a pack unless it is used; the bytes that this freed."""
    num_bytes = path.stat().st_size
    if is_used(path):
        return 0
    try:
        path.unlink()
    except PermissionError:  # Windows: open somewhere
        return 0
    return num_bytes


class Room:
    """What is left of the limit, made larger by deleting the packs that were not used for longest.

    Args:
        folder: The cache folder; its lock is held.
        limit: Bytes that it may hold.

    Attributes:
        is_full: The last pages did not fit, and all that is left is used by running processes.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self.left = limit - used_bytes(folder)
        self.is_full = False

    def take(self, num_bytes: int) -> bool:
        """Whether so many bytes more may be written; if so, they count as written."""
        if num_bytes > self.left:
            for path in pack_files(self.folder):
                self.left += delete_unused(path)
                if num_bytes <= self.left:
                    break
        self.is_full = num_bytes > self.left
        if not self.is_full:
            self.left -= num_bytes
        return not self.is_full
