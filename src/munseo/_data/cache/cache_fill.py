"""Finding the pages of a run in the cache, and decoding into it what is missing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, takewhile
from pathlib import Path

import numpy as np

from munseo._console import say, track
from munseo._cores import num_cores
from munseo._data.cache.cached_page import CachedPage, PackRow
from munseo._data.cache.pack import ENTRY_BYTES, SUFFIX, DamagedPackError, Pack, write_pack
from munseo._data.cache.pack_storage import GB, LIMIT_VARIABLE, Room, holding, size_folder, size_limit
from munseo._data.decoder import decode_stored, read_bytes
from munseo._data.image_error import ImageError
from munseo._data.page import Page
from munseo._data.pixels import resized
from munseo._data.stream.read_ahead import read_ahead

MOST_PACK_BYTES = 2**30
"""The most bytes of a pack. A kill or a full disk costs the work on one pack, and old pages are deleted by the pack."""


def cache_pages(pages: Sequence[Page], digests: Sequence[str], sizes_px: Iterable[int], folder: Path) -> list[Page]:
    """Find the decoded pixels of pages in the cache, and decode the missing ones into it, in threads.

    A page is identified by the SHA-256 of its file. So every run that uses it finds it, whatever its name, class and
    split, and a file that was changed is not found. Pages that cannot be cached, because the folder cannot be written
    to or is full, are decoded whenever they are needed; the reason is printed.

    Args:
        pages: N pages.
        digests: The SHA-256 of each image file, hexadecimal.
        sizes_px: The sides of the squares that will be needed.
        folder: The cache folder.

    Returns:
        The same pages in their order; those that are cached know the places of their pixels.

    Raises:
        UserError: ``MUNSEO_CACHE_GB`` is not a number.
    """
    keys = [bytes.fromhex(digest) for digest in digests]
    places: dict[bytes, tuple[PackRow, ...]] = {}
    try:
        with holding(folder):
            room = Room(folder, size_limit(folder))
            for size_px in sizes_px:
                for key, place in _fill(dict(zip(keys, pages, strict=True)), size_px, folder, room).items():
                    places[key] = (*places.get(key, ()), place)
    except OSError as error:
        say(f"cache: {folder} cannot be used ({error.strerror or error}); pages are decoded anew each time")
    return [
        CachedPage(page.id, page.path, page.label, places[key]) if key in places else page
        for page, key in zip(pages, keys, strict=True)
    ]


def _fill(pages: dict[bytes, Page], size_px: int, folder: Path, room: Room) -> dict[bytes, PackRow]:
    """Return the places of pages of one size; ``pages`` is keyed by SHA-256, so equal images are decoded once."""
    home = size_folder(folder, size_px)
    home.mkdir(parents=True, exist_ok=True)
    found = _find(pages, home, size_px)
    missing = {key: page for key, page in pages.items() if key not in found}
    fresh: dict[bytes, PackRow] = {}
    if missing:
        try:
            for places in _decode_into(home, missing, size_px, room):
                fresh |= places
        except OSError as error:
            say(f"cache: {folder} cannot be written to ({error.strerror or error})")
        if room.is_full:
            say(f"cache: full ({room.limit / GB:.3g} GB); {LIMIT_VARIABLE} sets another limit")
    left = len(missing) - len(fresh)
    say(
        f"cache: of {len(pages)} pages at {size_px} px {len(found)} were there, {len(fresh)} are new"
        + (f", {left} are decoded anew each time" if left else "")
    )
    return found | fresh


def _find(wanted: dict[bytes, Page], home: Path, size_px: int) -> dict[bytes, PackRow]:
    """Return the places of those pages that intact packs hold; damaged packs are deleted."""
    found: dict[bytes, PackRow] = {}
    for path in sorted(home.glob(f"*{SUFFIX}")):
        pack = Pack(path, size_px)
        try:
            pack.open()
            rows = {key: row for row, key in enumerate(pack.digests) if key in wanted and key not in found}
            whole = pack.is_whole(list(rows.values()))
        except DamagedPackError:
            rows, whole = {}, False
        if not whole:
            say(f"cache: {path} is damaged; its pages are decoded again")
            pack.close()
            path.unlink(missing_ok=True)
        elif rows:
            os.utime(path)  # what was used last is deleted last
            found |= {key: PackRow(pack, row) for key, row in rows.items()}
        else:
            pack.close()
    return found


def _decode_into(home: Path, missing: dict[bytes, Page], size_px: int, room: Room) -> Iterator[dict[bytes, PackRow]]:
    """Decode pages and write them pack by pack, as long as there is room; yield the places in each pack."""
    num_threads = num_cores()
    # At most two pages a core wait, to bound the memory.
    ahead = read_ahead(missing.items(), lambda item: [_decode(*item, size_px)], num_threads, 2 * num_threads)
    decoded = track(ahead, f"Decoding pages for {size_px} px", total=len(missing))
    keys, most = list(missing), max(1, MOST_PACK_BYTES // (3 * size_px**2))
    for start in range(0, len(keys), most):
        chunk = keys[start : start + most]
        readable = (page for page in islice(decoded, len(chunk)) if page is not None)
        kept = takewhile(lambda page: room.take(page[1].nbytes + ENTRY_BYTES), readable)
        if (first := next(kept, None)) is not None:
            pack = Pack(home / f"{hashlib.sha256(b''.join(chunk)).hexdigest()[:16]}{SUFFIX}", size_px)
            write_pack(pack.path, chain([first], kept))
            pack.open()
            yield {key: PackRow(pack, row) for row, key in enumerate(pack.digests)}
        if room.is_full:
            return


def _decode(key: bytes, page: Page, size_px: int) -> tuple[bytes, np.ndarray] | None:
    """Return the pixels of a page, (h, w) if it is grey, otherwise (h, w, 3); None if its file has changed."""
    try:
        data = read_bytes(page.path, page.id)
        if hashlib.sha256(data).digest() != key:
            return None
        pixels = resized(decode_stored(data, page.id), size_px)
    except ImageError:
        return None
    if pixels.ndim == 2:
        return key, pixels
    grey = pixels[:, :, 0]
    return key, grey.copy() if all((pixels[:, :, channel] == grey).all() for channel in (1, 2)) else pixels
