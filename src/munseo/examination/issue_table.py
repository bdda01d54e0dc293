"""``issues.csv``: a row an issue, with empty columns for a person's decision."""

from __future__ import annotations

import pandas as pd

from munseo.examination.examining import Examination
from munseo.examination.issue import Issue
from munseo.spreadsheet import inert_table

COLUMNS = (
    *("kind", "severity", "ID", "part", "other_ID", "other_part", "target", "suggested_target", "score", "detail"),
    *("action", "new_target"),
)
ACTIONS = ("keep", "relabel", "drop")
"""What a person writes into ``action``."""


def issue_table(found: Examination) -> pd.DataFrame:
    """The issues, texts of users made inert for spreadsheets."""
    rows = [_row(issue, found.class_targets) for issue in found.issues]
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
