"""A full look at every image before anything costly starts, and the fingerprint of a set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from munseo._console import track
from munseo._data.decoder import inspect, read_bytes
from munseo._data.image_error import ImageError, ImageProblem
from munseo._data.near_duplicates import thumbnail
from munseo._data.page import Page
from munseo._errors import UserError


@dataclass(frozen=True)
class Checked:
    """The outcome of ``check_images``."""

    pages: tuple[Page, ...]
    """Those that can be read, in their order."""
    skipped: tuple[tuple[Page, ImageProblem], ...]
    """Those that cannot, and why."""
    digests: dict[str, str]
    """SHA-256 of each readable file, by the page's ID."""
    notes: tuple[str, ...]
    """Files of several pages, of which the first is used."""
    thumbnails: dict[str, np.ndarray] = field(default_factory=dict)
    """Of each readable page, by its ID, as ``likeness.thumbnail`` makes them; empty where none were asked for."""


@dataclass(frozen=True, slots=True)
class _Look:
    digest: str
    num_pages: int
    problem: ImageProblem | None
    thumbnail: np.ndarray | None = None


def check_images(
    pages: Sequence[Page], on_bad_image: Literal["fail", "skip"] = "fail", thumbnails: bool = False
) -> Checked:
    """Decode every page once, in threads, with a progress bar.

    Args:
        pages: One part of a set; its IDs are distinct.
        on_bad_image: Whether one unreadable image stops everything or is left out.
        thumbnails: Whether to keep thumbnails, 9 kB a page.

    Raises:
        UserError: Images cannot be read, all of them named, and ``on_bad_image`` is ``fail``; or none can be read.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        looks = list(track(pool.map(partial(_look, thumbnails), pages), "Checking images", total=len(pages)))
    finally:
        pool.shutdown(cancel_futures=True)
    good, skipped, digests, notes, kept = [], [], {}, [], {}
    for page, look in zip(pages, looks, strict=True):
        if look.problem is not None:
            skipped.append((page, look.problem))
            continue
        good.append(page)
        digests[page.id] = look.digest
        if look.thumbnail is not None:
            kept[page.id] = look.thumbnail
        if look.num_pages > 1:
            notes.append(f"{page.id}: first of {look.num_pages} pages used")
    if skipped and (on_bad_image == "fail" or not good):
        advice = "mend or remove them, or go on without them: --on-bad-image skip" if good else "none is left"
        problems = [f"{page.id}: {problem}" for page, problem in skipped]
        raise UserError(f"{len(skipped)} of {len(pages)} images cannot be read; {advice}.", problems)
    return Checked(tuple(good), tuple(skipped), digests, tuple(notes), kept)


def fingerprint(digests: Mapping[str, str]) -> str:
    """SHA-256 over the sorted IDs and SHA-256s of a set: the same for the same images, whatever their order."""
    total = hashlib.sha256()
    for page_id, digest in sorted(digests.items()):
        # Lengths first, so that no ID can pass for the end of another.
        total.update(f"{len(page_id)}:{page_id}:{digest}\n".encode())
    return total.hexdigest()


def _look(thumbnails: bool, page: Page) -> _Look:
    try:
        data = read_bytes(page.path, page.id)
    except ImageError as error:
        return _Look("", 0, error.problem)
    small: list[np.ndarray] = []
    found = inspect(data, page.id, (lambda pixels: small.append(thumbnail(pixels))) if thumbnails else None)
    return _Look(hashlib.sha256(data).hexdigest(), found.num_pages, found.problem, small[0] if small else None)
