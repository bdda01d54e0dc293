"""What the doctor has seen of a page, and what it finds wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from munseo._data import ImageProblem, Page
from munseo._locale import Remark
from munseo._spreadsheet import inert_table

Severity = Literal["high", "medium", "low"]

KINDS = (
    *("suspicious", "unreadable", "truncated", "leak", "near_leak", "duplicate", "near_duplicate", "label_error"),
    *("confused_classes", "blank", "wrong_extension", "tiny", "huge", "odd", "changed"),
)
"""In the order in which a person should look at them."""


@dataclass(frozen=True)
class Sheet:
    """A page of a part, as it was seen.

    Attributes:
        part: ``train``, ``val`` or ``test``.
        page: The page.
        problem: Why it cannot be read, or None; then the rest is empty.
        format: As ``Inspection.format``.
        width: Of the upright image, px.
        height: Px.
        file_sha256: Of the file's bytes; set wherever it could be read at all.
        pixels_sha256: Of size and pixels; equal for equal pictures, whatever their files.
        ink: Share of the page, 0 to 1, that differs from the paper around it.
        brightness: Mean grey level, 0 to 255.
        colour: Mean difference between the largest and smallest channel, 0 for grey pages.
        thumbnail: (96, 96) uint8 grey, or None.
    """

    part: str
    page: Page
    problem: ImageProblem | None = None
    format: str = ""
    width: int = 0
    height: int = 0
    file_sha256: str = ""
    pixels_sha256: str = ""
    ink: float = 0.0
    brightness: float = 0.0
    colour: float = 0.0
    thumbnail: np.ndarray | None = None


@dataclass(frozen=True)
class Issue:
    """One thing that a person should look at.

    Attributes:
        kind: One of ``KINDS``.
        severity: ``high``: results are wrong until it is mended. ``medium``: it costs score. ``low``: good to know.
        detail: What was found, in words.
        sheet: The page that an action is about; None where it is about classes.
        other: The other page of a pair.
        suggested: Index of the class that fits better.
        score: The finder's own measure; what it means is said in docs/doctor.md.
        classes: The two classes, where the issue is about classes.
    """

    kind: str
    severity: Severity
    detail: Remark
    sheet: Sheet | None = None
    other: Sheet | None = None
    suggested: int | None = None
    score: float | None = None
    classes: tuple[int, int] | None = None


COLUMNS = (
    *("kind", "severity", "ID", "part", "other_ID", "other_part", "target", "suggested_target", "score", "detail"),
    *("action", "new_target"),
)
ACTIONS = ("keep", "relabel", "drop")
"""What a person writes into ``action``."""


def issue_table(issues: Sequence[Issue], class_targets: tuple[str, ...]) -> pd.DataFrame:
    """The issues as ``issues.csv`` holds them; texts of users are made inert for spreadsheets."""
    rows = [_row(issue, class_targets) for issue in issues]
    return inert_table(pd.DataFrame(rows, columns=list(COLUMNS)))


def _row(issue: Issue, targets: tuple[str, ...]) -> tuple[str, ...]:
    sheet, other = issue.sheet, issue.other
    label = None if sheet is None else sheet.page.label
    return (
        issue.kind,
        issue.severity,
        sheet.page.id if sheet else "",
        sheet.part if sheet else "",
        other.page.id if other else "",
        other.part if other else "",
        "" if label is None else targets[label],
        "" if issue.suggested is None or issue.suggested >= len(targets) else targets[issue.suggested],
        "" if issue.score is None else f"{issue.score:.4g}",
        str(issue.detail),
        "",
        "",
    )
