"""Finder: labelled pages that came, went, or got another label or picture since a run was trained."""

from __future__ import annotations

import pandas as pd

from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import Issue, PageEvidence
from munseo._locale import Remark


def find_changes(evidence: PageEvidence) -> list[Issue]:
    """Compare the labelled pages with ``pages.parquet`` of the run, if there is a run that has it.

    A page that the data folder does not have any more is an issue without a page.
    """
    run = evidence.run
    file = (run.folds or [run])[0].pages_file if run is not None else None
    if file is None or not file.is_file():
        return []
    table = pd.read_parquet(file)
    # Pages that could not be read have the part "skipped": the table of the run had them.
    table = table[table["part"] != "test"]
    before: dict[str, tuple[int | None, str]] = {
        str(page_id): (None if pd.isna(target) else int(target), "" if pd.isna(digest) else str(digest))
        for page_id, target, digest in zip(table["ID"], table["target"], table["sha256"], strict=True)
    }
    issues = []
    for page in evidence.pages:
        if page.split == "test":
            continue
        if page.id in before:
            issues += _changes_of(page, *before.pop(page.id), evidence)
        else:
            issues.append(Issue("changed", "low", Remark("doctor.new"), page))
    return [*issues, *(Issue("changed", "low", Remark("doctor.gone", {"id": page_id})) for page_id in before)]


def _changes_of(page: InspectedPage, label: int | None, sha256: str, evidence: PageEvidence) -> list[Issue]:
    """Compare a page with the label and the file that the run had."""
    issues = []
    if label is not None and page.label is not None and label != page.label:
        values = {"old": evidence.class_names[label], "new": evidence.class_names[page.label]}
        issues.append(Issue("changed", "medium", Remark("doctor.relabelled", values), page))
    if sha256 and page.file_sha256 and sha256 != page.file_sha256:
        issues.append(Issue("changed", "low", Remark("doctor.replaced"), page))
    return issues
