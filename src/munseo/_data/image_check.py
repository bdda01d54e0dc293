"""The check of every image before anything costly starts, and the fingerprint of a set of images."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from munseo._console import track
from munseo._cores import num_cores
from munseo._data.cache.checked_files import CheckedFiles
from munseo._data.claimed_pages import loses_too_much
from munseo._data.decoder import inspect, read_bytes
from munseo._data.image_error import ImageError, ImageProblem
from munseo._data.near_duplicates import thumbnail
from munseo._data.page import Page
from munseo._errors import UserError
from munseo._locale import Remark


@dataclass(frozen=True)
class Checked:
    """The outcome of ``check_images``."""

    pages: tuple[Page, ...]  # pages that can be read, in their order; ``skipped`` are the others, and why they cannot
    skipped: tuple[tuple[Page, ImageProblem], ...]
    digests: dict[str, str]  # SHA-256 of each readable file, by the ID of the page
    # Notes about files of several pages, of which the first is used, about stretched pages, and about undrawn text.
    notes: tuple[str, ...]
    # The ``near_duplicates.thumbnail`` of each readable page, by its ID; empty if none were asked for.
    thumbnails: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _CheckedFile:
    digest: str
    num_pages: int
    problem: ImageProblem | None
    has_square_pixels: bool = True
    has_undrawn_text: bool = False
    thumbnail: np.ndarray | None = None
    is_new: bool = True  # whether it was decoded now


def check_images(
    pages: Sequence[Page],
    on_bad_image: Literal["fail", "skip"] = "fail",
    thumbnails: bool = False,
    known: CheckedFiles | None = None,
) -> Checked:
    """Decode every page once, in threads, with a progress bar.

    Args:
        pages: One split of a set; its IDs are distinct.
        on_bad_image: Whether an unreadable image is an error or is skipped.
        thumbnails: Whether to keep thumbnails, which take 9 kB a page.
        known: Files that were checked before, which are read and not decoded; what is new is added to them.

    Raises:
        UserError: Images cannot be read and ``on_bad_image`` is ``fail``, or no image can be read. All are named.
    """
    pool = ThreadPoolExecutor(num_cores())
    try:
        checked = track(pool.map(partial(_check, thumbnails, known), pages), "Checking images", total=len(pages))
        files = [_remember(known, file) for file in checked]
    finally:
        pool.shutdown(cancel_futures=True)
    good, skipped, digests, notes, kept = [], [], {}, [], {}
    for page, file in zip(pages, files, strict=True):
        if file.problem is not None:
            skipped.append((page, file.problem))
            continue
        good.append(page)
        digests[page.id] = file.digest
        if file.thumbnail is not None:
            kept[page.id] = file.thumbnail
        if file.num_pages > 1:
            notes.append(str(Remark("data.first_page", {"page": page.id, "count": file.num_pages})))
    stretched = [page.id for page, file in zip(pages, files, strict=True) if not file.has_square_pixels]
    if stretched:
        notes.append(str(Remark("data.stretched", {"count": len(stretched), "page": stretched[0]})))
    undrawn = [page.id for page, file in zip(pages, files, strict=True) if file.has_undrawn_text]
    if undrawn:
        notes.append(str(Remark("data.undrawn_text", {"count": len(undrawn), "page": undrawn[0]})))
    if skipped and (on_bad_image == "fail" or not good):
        advice = "fix or remove them, or go on without them: --on-bad-image skip" if good else "none is left"
        problems = [f"{page.id}: {problem}" for page, problem in skipped]
        raise UserError(f"{len(skipped)} of {len(pages)} images cannot be read; {advice}.", problems)
    return Checked(tuple(good), tuple(skipped), digests, tuple(notes), kept)


def refuse_losses(checked: Iterable[Checked], class_names: Sequence[str]) -> None:
    """Refuse to go on without pages that cannot be read where a class loses all or over a tenth of its pages.

    Args:
        checked: The outcome for some splits, such as train and validation, each of which is looked at.
        class_names: The names of the classes.

    Raises:
        UserError: A class loses too much; each is named, with its first unreadable page.
    """
    problems = []
    for split in checked:
        kept = Counter(page.label for page in split.pages if page.label is not None)
        lost: dict[int, list[tuple[Page, ImageProblem]]] = {}
        for page, problem in split.skipped:
            if page.label is not None:
                lost.setdefault(page.label, []).append((page, problem))
        for label, pages in sorted(lost.items()):
            if loses_too_much(kept[label], len(pages)):
                page, problem = pages[0]
                total = kept[label] + len(pages)
                problems.append(f"{class_names[label]}: {len(pages)} of {total} pages, {page.id} first ({problem})")
    if problems:
        raise UserError(
            "Classes lose all or over a tenth of their pages, because they cannot be read. Convert these pages, or "
            "take them out of the data yourself:",
            problems,
        )


def fingerprint(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 over the sorted IDs and digests of a set, which does not depend on the order of the images."""
    total = hashlib.sha256()
    for page_id, digest in sorted(digests.items()):
        # The length comes first, so that an ID cannot pass for the end of another one.
        total.update(f"{len(page_id)}:{page_id}:{digest}\n".encode())
    return total.hexdigest()


def _remember(known: CheckedFiles | None, file: _CheckedFile) -> _CheckedFile:
    """Add a file to the known ones if it was decoded now, can be read, and there is nothing else to say about it."""
    is_plain = file.num_pages == 1 and file.has_square_pixels and not file.has_undrawn_text
    if known is not None and file.is_new and is_plain:
        known.add(bytes.fromhex(file.digest), file.thumbnail)
    return file


def _check(thumbnails: bool, known: CheckedFiles | None, page: Page) -> _CheckedFile:
    try:
        data = read_bytes(page.path, page.id)
    except ImageError as error:
        return _CheckedFile("", 0, error.problem)
    digest = hashlib.sha256(data)
    if known is not None and (found := known.find(digest.digest(), thumbnails)) is not None:
        return _CheckedFile(digest.hexdigest(), 1, None, thumbnail=found if thumbnails else None, is_new=False)
    kept: list[np.ndarray] = []
    look = (lambda pixels: kept.append(thumbnail(pixels))) if thumbnails else None
    seen = inspect(data, page.id, look)
    shown = kept[0] if kept else None
    about = seen.num_pages, seen.problem, seen.has_square_pixels, seen.has_undrawn_text
    return _CheckedFile(digest.hexdigest(), *about, thumbnail=shown)
