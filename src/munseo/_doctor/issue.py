"""The evidence that finders examine, the issues that they find, and the table of issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from munseo._data.class_match import ClassMatch
from munseo._data.near_duplicates import SamePicture
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.judge import Judge, assess
from munseo._locale import Remark
from munseo._run import RunFolder
from munseo._spreadsheet import inert_table

Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class PageEvidence:
    """Everything that finders know about the pages of a data folder."""

    pages: Sequence[InspectedPage]  # all pages, in the order train, val, test
    class_names: Sequence[str]  # names of the classes, by index
    copies: Sequence[SamePicture] = ()  # pairs of pages that show the same picture, by their indices in ``pages``
    labelled: Sequence[InspectedPage] = ()  # labelled pages that a network has seen; empty where there is no network
    # (len(labelled), dimensions) what the network's last layer before the head makes of them.
    points: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    # (len(labelled), num_classes) by models that have not seen the labels.
    probabilities: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    # (len(labelled),) number of the group of copies of each labelled page; without it no page is a copy.
    groups: np.ndarray | None = None
    run: RunFolder | None = None  # a run of the same classes, or None
    match: ClassMatch | None = None  # ``class_names`` among the classes of the run, or None

    @property
    def copy_groups(self) -> np.ndarray:
        """The number of the group of copies of each of ``labelled``."""
        return np.arange(len(self.labelled)) if self.groups is None else self.groups

    @property
    def judge(self) -> Judge | None:
        """How good the models are that judged the labels; None where no label was judged."""
        return assess(self.labels, self.probabilities, self.copy_groups) if len(self.labelled) else None

    @property
    def labels(self) -> np.ndarray:
        """The class indices of ``labelled``."""
        return np.array([page.label for page in self.labelled], int)


@dataclass(frozen=True)
class Issue:
    """A problem of a page, a pair of pages or two classes that a person should look at."""

    kind: str  # a name in ``KINDS``
    # ``high``: results are wrong until it is fixed. ``medium``: it costs score. ``low``: good to know.
    severity: Severity
    detail: Remark  # what was found, as a sentence
    page: InspectedPage | None = None  # the page that an action is about; None where the issue is about classes
    other: InspectedPage | None = None  # the other page of a pair
    suggested: int | None = None  # index of the class that fits better
    score: float | None = None  # the finder's own measure; docs/doctor.md explains it
    classes: tuple[int, int] | None = None  # where the issue is about classes
    group: int | None = None  # number of the group of pages that are one issue together


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
