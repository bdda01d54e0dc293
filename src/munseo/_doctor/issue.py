"""What finders are given, the issues that they find, and the table of issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from munseo._data.near_duplicates import SamePicture
from munseo._doctor.inspected_page import InspectedPage
from munseo._locale import Remark
from munseo._run import RunFolder
from munseo._spreadsheet import inert_table

Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class PageEvidence:
    """What is known about the pages of a data folder; finders judge it.

    Attributes:
        pages: All pages, in the order train, val, test.
        class_names: The names of the classes, by index.
        copies: Pairs of pages that show the same picture, by their indices in ``pages``.
        labelled: The labelled pages that a network has seen; empty where there is no network.
        points: (len(labelled), dimensions) what the network's last layer before the head makes of them.
        probabilities: (len(labelled), num_classes) by models that have not seen the labels.
        run: A run of the same classes, or None.
    """

    pages: Sequence[InspectedPage]
    class_names: Sequence[str]
    copies: Sequence[SamePicture] = ()
    labelled: Sequence[InspectedPage] = ()
    points: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    probabilities: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    run: RunFolder | None = None

    @property
    def labels(self) -> np.ndarray:
        """The class indices of ``labelled``."""
        return np.array([page.label for page in self.labelled], int)


@dataclass(frozen=True)
class Issue:
    """One thing that a person should look at.

    Attributes:
        kind: A name in ``KINDS``.
        severity: ``high``: results are wrong until it is fixed. ``medium``: it costs score. ``low``: good to know.
        detail: What was found, as a sentence.
        page: The page that an action is about; None where the issue is about classes.
        other: The other page of a pair.
        suggested: The index of the class that fits better.
        score: The finder's own measure; docs/doctor.md explains it.
        classes: The two classes, where the issue is about classes.
    """

    kind: str
    severity: Severity
    detail: Remark
    page: InspectedPage | None = None
    other: InspectedPage | None = None
    suggested: int | None = None
    score: float | None = None
    classes: tuple[int, int] | None = None


COLUMNS = (
    *("kind", "severity", "ID", "part", "other_ID", "other_part", "target", "suggested_target", "score", "detail"),
    *("action", "new_target"),
)
"""The columns of ``issues.csv``; a person fills in the last two."""


def issue_table(issues: Sequence[Issue], class_targets: tuple[str, ...]) -> pd.DataFrame:
    """Return the issues as ``issues.csv`` holds them; texts of users are made inert for spreadsheets."""
    rows = [_row(issue, class_targets) for issue in issues]
    return inert_table(pd.DataFrame(rows, columns=list(COLUMNS)))


def _row(issue: Issue, targets: tuple[str, ...]) -> tuple[str, ...]:
    page, other = issue.page, issue.other
    label = None if page is None else page.label
    return (
        issue.kind,
        issue.severity,
        page.id if page else "",
        page.split if page else "",
        other.id if other else "",
        other.split if other else "",
        "" if label is None else targets[label],
        "" if issue.suggested is None or issue.suggested >= len(targets) else targets[issue.suggested],
        "" if issue.score is None else f"{issue.score:.4g}",
        str(issue.detail),
        "",
        "",
    )
