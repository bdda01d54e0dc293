"""Finder: images that cannot be read, are blank, have an unusual size, or are named as another format."""

from __future__ import annotations

import numpy as np

from munseo._data import FORMATS
from munseo._data.image_error import ProblemCode
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import Issue, PageEvidence
from munseo._locale import Remark

TINY_PX = 100  # the longest side below which no line of print can be read
TINY_FRACTION = 0.25  # the fraction of the median longest side below which a page is tiny
HUGE_PIXELS = 50_000_000  # pixels above which a page is huge; an A4 page at 600 dpi has 35 million

BLANK_INK = 0.0005
"""The fraction of ink below which a page is blank: 33 of 65,536 pixels. Even a page number is more."""

_PROBLEM_KINDS = {
    ProblemCode.TRUNCATED: "truncated",
    ProblemCode.TOO_MANY_PIXELS: "huge",
    ProblemCode.TOO_MANY_BYTES: "huge",
    ProblemCode.TOO_MANY_SCANS: "suspicious",
}
"""Kinds of issue for what the decoder refuses; everything else is ``unreadable``."""


def find_bad_files(evidence: PageEvidence) -> list[Issue]:
    """Return at most one issue of each kind for a page."""
    longest_sides = [max(page.width, page.height) for page in evidence.pages if page.problem is None]
    usual_px = float(np.median(longest_sides)) if longest_sides else 0.0
    return [issue for page in evidence.pages for issue in _issues_of(page, usual_px)]


def _issues_of(page: InspectedPage, usual_px: float) -> list[Issue]:
    if page.problem is not None:
        kind = _PROBLEM_KINDS.get(page.problem.code, "unreadable")
        return [Issue(kind, "high", page.problem.remark, page)]
    issues = []
    if page.ink < BLANK_INK:
        detail = Remark("doctor.blank", {"ink": f"{page.ink:.3%}"})
        issues.append(Issue("blank", "medium", detail, page, score=page.ink))
    longest_px, num_pixels = max(page.width, page.height), page.width * page.height
    size = {"width": page.width, "height": page.height, "usual": f"{usual_px:.0f}"}
    if longest_px < max(TINY_PX, TINY_FRACTION * usual_px):
        issues.append(Issue("tiny", "low", Remark("doctor.tiny", size), page, score=float(longest_px)))
    if num_pixels > HUGE_PIXELS:
        issues.append(Issue("huge", "low", Remark("doctor.huge", size), page, score=float(num_pixels)))
    suffix = page.page.path.suffix.lower()
    if suffix not in FORMATS[page.format].extensions:
        detail = Remark("doctor.extension", {"format": page.format, "suffix": suffix or "–"})
        issues.append(Issue("wrong_extension", "low", detail, page))
    return issues
