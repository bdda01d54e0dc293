"""The kinds of issue, as one table: who finds them, and how the page shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from munseo._doctor.bad_files import find_bad_files
from munseo._doctor.duplicates import find_duplicates
from munseo._doctor.issue import Issue, PageEvidence
from munseo._doctor.label_errors import find_changes, find_confused_classes, find_label_errors, find_odd_pages
from munseo._doctor.missing_classes import find_missing_classes

Layout = Literal["cards", "pairs", "groups", "table", "list"]
"""The presentation of issues on the page: pictures, pairs or groups of pictures, IDs with a sentence, or sentences."""


@dataclass(frozen=True)
class IssueKind:
    """A kind of issue. Its title and explanation are ``doctor.<name>`` and ``doctor.<name>.about`` in the catalogue."""

    name: str  # as in ``issues.csv``
    layout: Layout  # how the page shows its issues
    find: Callable[[PageEvidence], list[Issue]]  # it may find other kinds, too
    by_judge: bool = False  # whether the page states how good the judge of the labels is


KINDS: dict[str, IssueKind] = {
    kind.name: kind
    for kind in (
        IssueKind("suspicious", "table", find_bad_files),
        IssueKind("unreadable", "table", find_bad_files),
        IssueKind("truncated", "table", find_bad_files),
        IssueKind("leak", "pairs", find_duplicates),
        IssueKind("near_leak", "pairs", find_duplicates),
        IssueKind("duplicate", "pairs", find_duplicates),
        IssueKind("near_duplicate", "pairs", find_duplicates),
        IssueKind("label_error", "cards", find_label_errors, by_judge=True),
        IssueKind("missing_class", "groups", find_missing_classes),
        IssueKind("label_candidate", "cards", find_label_errors, by_judge=True),
        IssueKind("confused_classes", "list", find_confused_classes),
        IssueKind("blank", "cards", find_bad_files),
        IssueKind("wrong_extension", "cards", find_bad_files),
        IssueKind("tiny", "cards", find_bad_files),
        IssueKind("huge", "cards", find_bad_files),
        IssueKind("odd", "cards", find_odd_pages),
        IssueKind("changed", "table", find_changes),
    )
}
"""The kinds by name, in the order in which a person should look at them. To add one, add an entry and its texts."""
