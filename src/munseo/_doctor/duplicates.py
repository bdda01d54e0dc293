"""Finder: the same picture twice, within a part (duplicates) or in two parts (leaks)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from munseo._data import decode
from munseo._data.near_duplicates import LEAST_FINE_LIKENESS, SamePicture, fine_likeness, fine_square, same_pictures
from munseo._doctor.bad_files import BLANK_INK
from munseo._doctor.issue import Issue, Severity, Sheet
from munseo._locale import Remark

EXACT = 2.0
"""Stands for equal pixels; correlations end at 1."""


def find_copies(sheets: Sequence[Sheet], class_names: Sequence[str], num_threads: int) -> list[Issue]:
    """Pairs of pages.

    Within a part, a group of n copies gives n - 1 pairs, the most alike first, and further pairs only where labels
    conflict. Between parts, each page is paired with its most alike page of each earlier part. Copies within the test
    part are not told: they do no harm.
    """
    places = [place for place, sheet in enumerate(sheets) if sheet.thumbnail is not None and sheet.ink >= BLANK_INK]
    thumbnails = [sheets[place].thumbnail for place in places]
    alike = [
        replace(pair, first=places[pair.first], second=places[pair.second])
        for pair in same_pictures([one for one in thumbnails if one is not None], num_threads)
    ]
    exact = list(_equal(sheets))
    other = [
        pair
        for pair in alike
        if sheets[pair.first].pixels_sha256 != sheets[pair.second].pixels_sha256
        and (sheets[pair.first].part, sheets[pair.second].part) != ("test", "test")
    ]
    with ThreadPoolExecutor(num_threads) as pool:
        near = list(pool.map(partial(_confirmed, sheets), other))
    near.sort(key=lambda pair: -pair.likeness)
    pairs = exact + [pair for pair in near if pair.likeness >= LEAST_FINE_LIKENESS]
    return [_issue(sheets, pair, class_names) for pair in _told(sheets, pairs)]


def _confirmed(sheets: Sequence[Sheet], pair: SamePicture) -> SamePicture:
    """The pair with its likeness at the size at which words differ; both pages are read once more for it."""
    one, two = (fine_square(decode(sheets[place].page.path)) for place in (pair.first, pair.second))
    return replace(pair, likeness=fine_likeness(one, two, pair.turn))


def _equal(sheets: Sequence[Sheet]) -> Iterable[SamePicture]:
    """Each page with the first of its part that has the same pixels, and with the first of each other part."""
    firsts: dict[tuple[str, str], int] = {}
    for place, sheet in enumerate(sheets):
        if sheet.problem is not None:
            continue
        for part in ("train", "val", "test"):
            first = firsts.get((sheet.pixels_sha256, part))
            if first is not None:
                yield SamePicture(first, place, EXACT)
        firsts.setdefault((sheet.pixels_sha256, sheet.part), place)


def _told(sheets: Sequence[Sheet], pairs: Sequence[SamePicture]) -> Iterable[SamePicture]:
    """The pairs that say all without saying anything twice; ``pairs`` begin with the most alike."""
    group = list(range(len(sheets)))
    crossed: set[tuple[int, str]] = set()
    conflicts: set[int] = set()

    def root(place: int) -> int:
        while group[place] != place:
            group[place] = group[group[place]]
            place = group[place]
        return place

    for pair in pairs:
        one, two = sheets[pair.first], sheets[pair.second]
        if one.part != two.part:
            if (pair.second, one.part) not in crossed:
                crossed.add((pair.second, one.part))
                yield pair
            continue
        if one.part == "test":
            continue
        joined = root(pair.first) == root(pair.second)
        if not joined or (one.page.label != two.page.label and pair.second not in conflicts):
            group[root(pair.second)] = root(pair.first)
            if one.page.label != two.page.label:
                conflicts.add(pair.second)
            yield pair


def _issue(sheets: Sequence[Sheet], pair: SamePicture, class_names: Sequence[str]) -> Issue:
    # The later page is the one to drop: of a leak the train page stays, and the judged part becomes clean. A test part
    # cannot be changed, so there the labelled page goes.
    sheet, other = sheets[pair.second], sheets[pair.first]
    if sheet.part == "test":
        sheet, other = other, sheet
    exact, leak = pair.likeness == EXACT, sheet.part != other.part
    kind = ("leak" if exact else "near_leak") if leak else ("duplicate" if exact else "near_duplicate")
    labels = (other.page.label, sheet.page.label)
    conflict = None not in labels and labels[0] != labels[1]
    severity: Severity = "high" if leak or conflict else "medium"
    likeness = min(pair.likeness, 1.0)
    key, values = ("doctor.exact" if exact else "doctor.near"), {"likeness": f"{likeness:.2f}"}
    if conflict:
        first, second = (class_names[label] for label in labels if label is not None)
        key = f"{key}_conflict"
        values |= {"first": first, "second": second}
    return Issue(kind, severity, Remark(key, values), sheet, other, score=likeness)
