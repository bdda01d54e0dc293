"""The content of a cache folder, and its deletion, for ``munseo cache``."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from munseo._data.cache.checked_files import PAIRS_SUFFIX, thumbnail_folder
from munseo._data.cache.pack import DamagedPackError, count_pages
from munseo._data.cache.pack_storage import (
    SIZE_FOLDERS,
    THUMBNAILS,
    WORDS,
    WORDS_SUFFIX,
    cache_folder,
    delete_unused,
    holding,
    is_used,
    pack_files,
    size_folder,
    size_limit,
)
from munseo._errors import UserError


@dataclass(frozen=True)
class CacheEntry:
    """All pages of one size that one version of the decoder has made."""

    image_size: int  # longest side, px
    num_pages: int  # pages that can be read
    num_bytes: int
    last_used: datetime  # when a run last started with them
    in_use: bool  # whether a running process reads them
    # Whether this installation would make the same pixels. If not, it makes its own, and these are deleted first.
    current: bool
    thumbnails: bool = False  # whether these are thumbnails, which say that a file was checked


@dataclass(frozen=True)
class CacheListing:
    """The content of a cache folder, the last used first, and its limit in bytes."""

    folder: Path
    entries: tuple[CacheEntry, ...]
    limit: int
    # Words that were read on pages. They are text, a hundredth of the pixels, and do not count towards the limit.
    num_pages_with_words: int = 0
    word_bytes: int = 0

    @property
    def num_bytes(self) -> int:
        """The bytes of all pages on the disk."""
        return sum(entry.num_bytes for entry in self.entries)


@dataclass(frozen=True)
class Cleared:
    """The bytes that ``clear_cache`` freed, and those that are left because running processes read them."""

    folder: Path
    num_bytes: int
    bytes_in_use: int


def list_cache(folder: Path | str | None = None) -> CacheListing:
    """List the content of a cache folder; without one, of the user's."""
    chosen = _chosen(folder)
    if not chosen.is_dir():
        return CacheListing(chosen, (), 0)
    groups: dict[Path, list[Path]] = {}
    for pack in pack_files(chosen):
        groups.setdefault(pack.parent, []).append(pack)
    entries = [_entry(chosen, home, packs) for home, packs in groups.items()]
    entries.sort(key=lambda entry: entry.last_used, reverse=True)
    words = _word_files(chosen)
    num_bytes = sum(file.stat().st_size for file in words)
    return CacheListing(chosen, tuple(entries), size_limit(chosen), sum(map(_count_words, words)), num_bytes)


def clear_cache(folder: Path | str | None = None) -> Cleared:
    """Delete all decoded pages that no running process reads, and all words; they only cost the time to do it again.

    Raises:
        UserError: The folder may not be written to.
    """
    chosen = _chosen(folder)
    if not chosen.is_dir():
        return Cleared(chosen, 0, 0)
    try:
        with holding(chosen):
            freed = sum(delete_unused(pack) for pack in pack_files(chosen))
            for file in _word_files(chosen):
                num_bytes = file.stat().st_size
                with suppress(PermissionError):  # Windows: another process has it open
                    file.unlink()
                    freed += num_bytes
            left = sum(pack.stat().st_size for pack in pack_files(chosen))
            for home in chosen.glob(SIZE_FOLDERS):
                for file in home.glob(f"*{PAIRS_SUFFIX}"):
                    file.unlink(missing_ok=True)
                with suppress(OSError):  # not empty
                    home.rmdir()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{chosen}: cannot be cleared ({reason}); ask the owner of the folder to do it.") from None
    return Cleared(chosen, freed, left)


def _chosen(folder: Path | str | None) -> Path:
    return cache_folder() if folder is None else Path(folder).expanduser()


def _entry(folder: Path, home: Path, packs: list[Path]) -> CacheEntry:
    size_px = int(home.name.partition("px-")[0])
    num_pages = 0
    for pack in packs:
        with suppress(DamagedPackError):
            num_pages += count_pages(pack)
    stats = [pack.stat() for pack in packs]
    return CacheEntry(
        image_size=size_px,
        num_pages=num_pages,
        num_bytes=sum(stat.st_size for stat in stats),
        last_used=datetime.fromtimestamp(max(stat.st_mtime for stat in stats)).astimezone(),
        in_use=any(is_used(pack) for pack in packs),
        current=home in (size_folder(folder, size_px), thumbnail_folder(folder)),
        thumbnails=home.parent.name == THUMBNAILS,
    )


def _word_files(folder: Path) -> list[Path]:
    """Return the files of words of all versions, with the journals that a killed process may have left."""
    return sorted(folder.glob(f"{WORDS}/*{WORDS_SUFFIX}*"))


def _count_words(file: Path) -> int:
    """Return the number of pages whose words a file has; 0 if it cannot be read."""
    if file.suffix != WORDS_SUFFIX:
        return 0
    try:
        with closing(sqlite3.connect(file)) as database:
            return int(database.execute("SELECT count(*) FROM pages").fetchone()[0])
    except sqlite3.Error:
        return 0
