"""Finder: the same picture twice, within a split (duplicates) or in two splits (leaks)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from munseo._data import decode
from munseo._data.near_duplicates import LEAST_FINE_LIKENESS, SamePicture, fine_likeness, fine_square, same_pictures
from munseo._data.page_groups import root_of
from munseo._doctor.bad_files import BLANK_INK
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import Issue, PageEvidence, Severity
from munseo._locale import Remark

_EXACT = 2.0  # the likeness of equal pixels, which puts them first; correlations end at 1


def find_copies(pages: Sequence[InspectedPage], num_threads: int) -> list[SamePicture]:
    """Return pairs of pages that show the same picture, equal pixels first and then the most alike.

    Within a split, a group of n copies gives n - 1 pairs, and further pairs only where labels conflict. Between splits,
    each page is paired with its most similar page of each earlier split. Copies within the test split are not
    reported, because they do no harm.

    Args:
        pages: All pages, in the order train, val, test.
        num_threads: Pairs that are compared at once.
    """
    printed = [index for index, page in enumerate(pages) if page.thumbnail is not None and page.ink >= BLANK_INK]
    thumbnails = [thumbnail for index in printed if (thumbnail := pages[index].thumbnail) is not None]
    similar = same_pictures(thumbnails, num_threads)
    candidates = [
        pair
        for pair in (replace(pair, first=printed[pair.first], second=printed[pair.second]) for pair in similar)
        if pages[pair.first].pixels_sha256 != pages[pair.second].pixels_sha256
        and (pages[pair.first].split, pages[pair.second].split) != ("test", "test")
    ]
    with ThreadPoolExecutor(num_threads) as pool:
        near = list(pool.map(partial(_compared_closely, pages), candidates))
    near.sort(key=lambda pair: -pair.likeness)
    pairs = [*_equal_pairs(pages), *(pair for pair in near if pair.likeness >= LEAST_FINE_LIKENESS)]
    return list(_without_repeats(pages, pairs))


def find_duplicates(evidence: PageEvidence) -> list[Issue]:
    """Return an issue for each pair of copies."""
    return [_issue(evidence, pair) for pair in evidence.copies]


def _compared_closely(pages: Sequence[InspectedPage], pair: SamePicture) -> SamePicture:
    """Return the pair with its likeness at a size at which words differ; both pages are read again for it."""
    first, second = (fine_square(decode(pages[index].page.path)) for index in (pair.first, pair.second))
    return replace(pair, likeness=fine_likeness(first, second, pair.turn))


def _equal_pairs(pages: Sequence[InspectedPage]) -> Iterator[SamePicture]:
    """Pair each page with the first one of each split that has the same pixels."""
    firsts: dict[tuple[str, str], int] = {}
    for index, page in enumerate(pages):
        if page.problem is not None:
            continue
        for split in ("train", "val", "test"):
            first = firsts.get((page.pixels_sha256, split))
            if first is not None:
                yield SamePicture(first, index, _EXACT)
        firsts.setdefault((page.pixels_sha256, page.split), index)


def _without_repeats(pages: Sequence[InspectedPage], pairs: Sequence[SamePicture]) -> Iterator[SamePicture]:
    """Drop pairs that follow from others; ``pairs`` begin with the most alike."""
    parents = list(range(len(pages)))
    paired_with_split: set[tuple[int, str]] = set()
    in_conflict: set[int] = set()

    for pair in pairs:
        first, second = pages[pair.first], pages[pair.second]
        if first.split != second.split:
            if (pair.second, first.split) not in paired_with_split:
                paired_with_split.add((pair.second, first.split))
                yield pair
            continue
        if first.split == "test":
            continue
        root, other_root = root_of(parents, pair.first), root_of(parents, pair.second)
        if root != other_root or (first.label != second.label and pair.second not in in_conflict):
            parents[other_root] = root
            if first.label != second.label:
                in_conflict.add(pair.second)
            yield pair


def _issue(evidence: PageEvidence, pair: SamePicture) -> Issue:
    # The later page is the one to drop: of a leak the train page stays, and the judged split becomes clean. A test
    # split cannot be changed, so there the labelled page goes.
    page, other = evidence.pages[pair.second], evidence.pages[pair.first]
    if page.split == "test":
        page, other = other, page
    is_exact, is_leak = pair.likeness == _EXACT, page.split != other.split
    kind = ("leak" if is_exact else "near_leak") if is_leak else ("duplicate" if is_exact else "near_duplicate")
    likeness = min(pair.likeness, 1.0)
    key, values = ("doctor.exact" if is_exact else "doctor.near"), {"likeness": f"{likeness:.2f}"}
    in_conflict = other.label is not None and page.label is not None and other.label != page.label
    if other.label is not None and page.label is not None and in_conflict:
        key = f"{key}_conflict"
        values |= {"first": evidence.class_names[other.label], "second": evidence.class_names[page.label]}
    severity: Severity = "high" if is_leak or in_conflict else "medium"
    return Issue(kind, severity, Remark(key, values), page, other, score=likeness)
