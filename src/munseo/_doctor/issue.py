"""The evidence that finders examine, the issues that they find, and the table of issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from munseo._data.class_match import ClassMatch
from munseo._data.near_duplicates import SamePicture
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.judge import Judge, assess
from munseo._locale import Remark
from munseo._run import RunFolder
from munseo._run.atomic import replacing, write_text
from munseo._spreadsheet import Workbook, csv_text, inert_table

Severity = Literal["high", "medium", "low"]

_WIDTH_ROWS = 200  # the rows from which a workbook takes the widths of its columns


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
    *("kind", "severity", "ID", "part", "other_ID", "other_part", "target", "class_name"),
    *("suggested_target", "suggested_class_name", "score", "detail", "action", "new_target"),
)
"""The columns of ``issues.csv``; a person fills in the last two."""


def issue_table(issues: Sequence[Issue], class_targets: tuple[str, ...], class_names: tuple[str, ...]) -> pd.DataFrame:
    """Return the issues as ``issues.csv`` holds them; texts of users are made inert for spreadsheets."""
    classes = list(zip(class_targets, class_names, strict=True))
    rows = [_row(issue, classes) for issue in issues]
    return inert_table(pd.DataFrame(rows, columns=list(COLUMNS)))


def write_issues(file: Path, issues: pd.DataFrame, workbook: Path | None = None) -> None:
    """Write the table of issues as CSV and, if a workbook is wanted, as one too.

    A CSV that has a workbook beside it is for Excel and begins with a byte order mark.
    """
    mark = "" if workbook is None else "\ufeff"
    write_text(file, mark + csv_text(issues))
    if workbook is None:
        return
    rows = list(issues.itertuples(index=False, name=None))
    with replacing(workbook) as temporary:
        book = Workbook(temporary, list(issues.columns), "issues", rows[:_WIDTH_ROWS])
        for row in rows:
            book.write(row)
        book.close()


def _row(issue: Issue, classes: list[tuple[str, str]]) -> tuple[str, ...]:
    page, other = issue.page, issue.other
    label = None if page is None else page.label
    suggested = None if issue.suggested is None or issue.suggested >= len(classes) else issue.suggested
    return (
        issue.kind,
        issue.severity,
        page.id if page else "",
        page.split if page else "",
        other.id if other else "",
        other.split if other else "",
        *(("", "") if label is None else classes[label]),
        *(("", "") if suggested is None else classes[suggested]),
        "" if issue.score is None else f"{issue.score:.4g}",
        str(issue.detail),
        "",
        "",
    )
