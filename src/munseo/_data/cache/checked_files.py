"""What earlier runs found out about image files: which can be read, their thumbnails, and which of them are copies.

A file is identified by its SHA-256, and everything here is a function of the files. So a run has the same pages, groups
and splits with and without it. Files that a run has something to say about (a problem, several pages, pixels that are
not square) are looked at again by every run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from munseo._data.cache.cached_page import PackRow
from munseo._data.cache.pack import ENTRY_BYTES, SUFFIX, DamagedPackError, Pack, write_pack
from munseo._data.cache.pack_storage import THUMBNAILS, Room, decoder_version, holding, size_limit
from munseo._data.near_duplicates import SIDE
from munseo._run.atomic import write_text

PAIRS_SUFFIX = ".copies.json"
"""The ending of the files with the pairs of copies among a set of files."""
MOST_WAITING = 4096
"""Files that wait to be written: at most 38 MB."""
NO_THUMBNAIL = np.zeros((1, SIDE), np.uint8)
"""What is kept of a file whose thumbnail nobody needed, which takes a millisecond to make."""
COMPARING_CODE = ("near_duplicates.py", "copies.py")
"""The files that decide thumbnails and copies; a change of any of them starts anew."""

Pairs = list[tuple[int, int]]
"""Indices of two pages that show the same picture."""


@cache
def checking_version() -> str:
    """Return 12 hexadecimal digits that change whenever thumbnails or copies might."""
    total = hashlib.sha256(decoder_version().encode())
    for name in COMPARING_CODE:
        total.update((Path(__file__).parent.parent / name).read_bytes())
    return total.hexdigest()[:12]


def thumbnail_folder(folder: Path) -> Path:
    """Return the folder, in a cache folder, of what this installation would find out again."""
    return folder / THUMBNAILS / f"{SIDE}px-{checking_version()}"


class CheckedFiles:
    """The files that were checked before, in a cache folder; where it cannot be used, none are known.

    Reading is safe in threads; ``add`` and ``save`` are for one thread. What it reads is not deleted before ``close``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, thumbnail_folder(folder)
        self._rows: dict[bytes, PackRow] = {}
        self._waiting: dict[bytes, np.ndarray] = {}
        for path in sorted(self.home.glob(f"*{SUFFIX}")):
            pack = Pack(path, SIDE)
            with suppress(DamagedPackError, OSError):  # its files are checked again, and it is replaced
                pack.open()
                for row, (key, height) in enumerate(zip(pack.digests, pack.heights, strict=True)):
                    if height > 1 or key not in self._rows:
                        self._rows[key] = PackRow(pack, row)

    def find(self, digest: bytes, thumbnail: bool) -> np.ndarray | None:
        """Return what is kept of a file that can be read and has one page; None if it has to be looked at.

        Args:
            digest: The SHA-256 of the file.
            thumbnail: Whether its thumbnail is needed; otherwise ``NO_THUMBNAIL`` is enough.
        """
        place = self._rows.get(digest)
        if place is None or not place.pack.is_whole([place.row]):
            return None
        kept = place.pack.page(place.row)
        return None if thumbnail and len(kept) == 1 else kept

    def add(self, digest: bytes, thumbnail: np.ndarray | None) -> None:
        """Remember a file that was read and has one page; it is written with others."""
        self._waiting[digest] = NO_THUMBNAIL if thumbnail is None else thumbnail
        if len(self._waiting) >= MOST_WAITING:
            self.save()

    def save(self) -> None:
        """Write what was added; a full disk or a folder that may not be written to costs nothing but the next check."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        with suppress(OSError), holding(self.folder):
            room = Room(self.folder, size_limit(self.folder))
            kept = [(key, pixels) for key, pixels in waiting.items() if room.take(pixels.nbytes + ENTRY_BYTES)]
            if kept:
                self.home.mkdir(parents=True, exist_ok=True)
                name = hashlib.sha256(b"".join(key for key, _ in kept)).hexdigest()[:16]
                write_pack(self.home / f"{name}{SUFFIX}", kept)

    def close(self) -> None:
        """Write what was added, and close the files."""
        self.save()
        for pack in {id(place.pack): place.pack for place in self._rows.values()}.values():
            pack.close()
        self._rows = {}

    def copies(self, digests: Sequence[str], find: Callable[[], Pairs]) -> Pairs:
        """Return the pairs of copies among files with these digests: as they were found before, or found now."""
        name = hashlib.sha256("\n".join(digests).encode()).hexdigest()[:32]
        file = self.home / f"{name}{PAIRS_SUFFIX}"
        if (known := _read_pairs(file, len(digests))) is not None:
            return known
        pairs = [(int(first), int(second)) for first, second in find()]
        with suppress(OSError), holding(self.folder):
            self.home.mkdir(parents=True, exist_ok=True)
            write_text(file, json.dumps(pairs))
        return pairs


def _read_pairs(file: Path, num_files: int) -> Pairs | None:
    """Return the pairs of a file; None if there is none, or it is not what was written."""
    try:
        pairs = [(first, second) for first, second in json.loads(file.read_text(encoding="utf-8"))]
        whole = all(type(first) is type(second) is int for first, second in pairs)
        return pairs if whole and all(0 <= first < second < num_files for first, second in pairs) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None
