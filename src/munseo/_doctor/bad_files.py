"""Finder: images that cannot be read, hold nothing, have an unusual size, or are named as another format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from munseo._data import FORMATS
from munseo._data.image_error import ProblemCode
from munseo._doctor.issue import Issue, Sheet
from munseo._locale import Remark

TINY_PX = 100
"""Longest side below which no line of print can be read."""
TINY_SHARE = 0.25
"""Of the median longest side."""
HUGE_PIXELS = 50_000_000
"""An A4 page at 600 dpi has 35 million."""
BLANK_INK = 0.0005
"""Of a page, 33 of 65,536 pixels: a page number alone is more."""

_PROBLEM_KINDS = {
    ProblemCode.TRUNCATED: "truncated",
    ProblemCode.TOO_MANY_PIXELS: "huge",
    ProblemCode.TOO_MANY_BYTES: "huge",
    ProblemCode.TOO_MANY_SCANS: "suspicious",
}
"""Kinds of issue for what the decoder refuses; everything else is ``unreadable``."""


def find_bad_files(sheets: Sequence[Sheet]) -> list[Issue]:
    """One issue a page and kind."""
    sides = [max(sheet.width, sheet.height) for sheet in sheets if sheet.problem is None]
    usual_px = float(np.median(sides)) if sides else 0.0
    return [issue for sheet in sheets for issue in _of_page(sheet, usual_px)]


def _of_page(sheet: Sheet, usual_px: float) -> list[Issue]:
    if sheet.problem is not None:
        kind = _PROBLEM_KINDS.get(sheet.problem.code, "unreadable")
        return [Issue(kind, "high", sheet.problem.remark, sheet)]
    found = []
    if sheet.ink < BLANK_INK:
        detail = Remark("doctor.blank", {"ink": f"{sheet.ink:.3%}"})
        found.append(Issue("blank", "medium", detail, sheet, score=sheet.ink))
    longest = max(sheet.width, sheet.height)
    size = {"width": sheet.width, "height": sheet.height, "usual": f"{usual_px:.0f}"}
    if longest < max(TINY_PX, TINY_SHARE * usual_px):
        detail = Remark("doctor.tiny", size)
        found.append(Issue("tiny", "low", detail, sheet, score=float(longest)))
    if sheet.width * sheet.height > HUGE_PIXELS:
        detail = Remark("doctor.huge", size)
        found.append(Issue("huge", "low", detail, sheet, score=float(sheet.width * sheet.height)))
    suffix = sheet.page.path.suffix.lower()
    if suffix not in FORMATS[sheet.format].extensions:
        detail = Remark("doctor.extension", {"format": sheet.format, "suffix": suffix or "–"})
        found.append(Issue("wrong_extension", "low", detail, sheet))
    return found
