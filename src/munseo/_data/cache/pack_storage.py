"""The cache folder: where it is, what is in it, how large it may grow, and what is deleted first.

``<folder>/pages-1/224px-<decoder>/<name>.pages``: a folder for each format of the files, in it one for each size and
version of the decoder, and in that the packs. ``thumbnails-1`` has likewise what is known of files that were checked.
Only the holder of the folder's lock makes and deletes packs.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import cv2
import PIL

from munseo._console import say
from munseo._data.cache.pack import SUFFIX
from munseo._data.image_readers import HEIF_READERS
from munseo._data.pdf_fonts import FONT_PACKAGES
from munseo._errors import UserError
from munseo._run.run_lock import lock

FOLDER_VARIABLE = "MUNSEO_CACHE"  # the environment variable that names the cache folder
LIMIT_VARIABLE = "MUNSEO_CACHE_GB"  # the environment variable that limits the size of the cache
FORMAT = "pages-1"  # the folder of packs in the present format
THUMBNAILS = "thumbnails-1"  # the folder of the thumbnails of files that were checked
WORDS, WORDS_SUFFIX = "words-1", ".words"  # the folder of the words that were read on pages, and its files
LOCK_NAME = ".lock"  # the file that is locked while packs are made and deleted

SIZE_FOLDERS = "*-*/*px-*"
"""The folders of every format, size and version; the limit holds for all of them together."""

DECODING_CODE = (
    *("bitfield_bmp.py", "decoder.py", "formats.py", "image_readers.py", "jpeg_check.py", "large_page.py"),
    *("paged_files.py", "pdf_annotations.py", "pdf_end.py", "pdf_fonts.py", "pdf_pages.py", "pixel_aspect.py"),
    *("pixels.py", "png_repair.py", "tiff_directory.py", "tiff_pages.py", "tiff_samples.py"),
)
"""The files that decide the pixels. A change of any of them starts a new cache, so that nobody has to remember to raise
a version."""

DECODING_PACKAGES = ("pypdfium2", "tifffile", "imagecodecs", *HEIF_READERS)
"""The packages that decide the pixels, beside OpenCV and Pillow."""

GB = 10**9  # bytes of a gigabyte
MOST_GB = 20  # the limit in gigabytes, unless a tenth of the free space of the disk is less


def cache_folder() -> Path:
    """Return the folder that ``MUNSEO_CACHE`` names, or the usual cache folder of the user."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "munseo" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "munseo"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "munseo"


def size_limit(folder: Path) -> int:
    """Return the bytes that the cache may hold: ``MUNSEO_CACHE_GB``, or 20 GB and at most a tenth of the free space.

    Raises:
        UserError: ``MUNSEO_CACHE_GB`` is not a number of 0 or more.
    """
    if value := os.environ.get(LIMIT_VARIABLE):
        try:
            limit = float(value)
        except ValueError:
            limit = -1
        if not 0 <= limit < float("inf"):
            raise UserError(f"{LIMIT_VARIABLE}={value}: should be a number of gigabytes, such as 50.")
        return int(limit * GB)
    return min(MOST_GB * GB, (shutil.disk_usage(folder).free + used_bytes(folder)) // 10)


def used_bytes(folder: Path) -> int:
    """Return the bytes of all packs."""
    return sum(path.stat().st_size for path in pack_files(folder))


def pack_files(folder: Path) -> list[Path]:
    """Return all packs, including those of other formats, the least recently used first."""
    return sorted(folder.glob(f"{SIZE_FOLDERS}/*{SUFFIX}"), key=lambda path: path.stat().st_mtime)


def size_folder(folder: Path, size_px: int) -> Path:
    """Return the folder of the packs whose pages this installation would decode to the same pixels."""
    return folder / FORMAT / f"{size_px}px-{decoder_version()}"


@cache
def decoder_version() -> str:
    """Return 12 hexadecimal digits that change whenever pixels might: with libraries, processor or own code."""
    versions = [cv2.__version__, PIL.__version__, platform.machine()]
    for name in (*DECODING_PACKAGES, *FONT_PACKAGES):
        with suppress(metadata.PackageNotFoundError):  # readers of HEIC are optional
            versions.append(f"{name} {metadata.version(name)}")
    total = hashlib.sha256("\n".join(versions).encode())
    for name in DECODING_CODE:
        total.update((Path(__file__).parent.parent / name).read_bytes())
    return total.hexdigest()[:12]


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder: no other process makes or deletes packs, and incomplete files are removed.

    If the file system has no locks, several processes may write at once. The same pages go to the same file name, and a
    file is replaced in one step, so both results are right and one process has worked in vain.

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
    """Return whether a running process reads from a pack; if that cannot be determined, it counts as used."""
    try:
        with path.open("rb+") as file:
            return not lock(file)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def delete_unused(path: Path) -> int:
    """Delete a pack unless it is used; return the bytes that this freed."""
    num_bytes = path.stat().st_size
    if is_used(path):
        return 0
    try:
        path.unlink()
    except PermissionError:  # Windows: another process has it open
        return 0
    return num_bytes


class Room:
    """The room that is left in a cache folder whose lock is held; the least recently used packs make more.

    Attributes:
        is_full: Whether the last pages did not fit because running processes use all remaining packs.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.left = limit - used_bytes(folder)
        self.is_full = False

    def take(self, num_bytes: int) -> bool:
        """Return whether so many more bytes may be written; if so, they count as written."""
        if num_bytes > self.left:
            for path in pack_files(self.folder):
                self.left += delete_unused(path)
                if num_bytes <= self.left:
                    break
        self.is_full = num_bytes > self.left
        if not self.is_full:
            self.left -= num_bytes
        return not self.is_full
