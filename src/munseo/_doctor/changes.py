"""Finder: labelled pages that came, went, or got another label or picture since a run was trained."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from munseo._doctor.issue import Issue, Sheet
from munseo._locale import Remark
from munseo._run import RunFolder


def find_changes(sheets: Sequence[Sheet], run: RunFolder, class_names: Sequence[str]) -> list[Issue]:
    """Compare with the run's ``pages.parquet``; what the data do not hold any more is told without a page.

    Args:
        sheets: All pages.
        run: Of the same classes.
        class_names: By index.
    """
    file = (run.folds or [run])[0].pages_file
    if not file.is_file():
        return []
    table = pd.read_parquet(file)
    # Pages that could not be read stand there as "skipped": the run's table had them.
    table = table[table["part"] != "test"]
    before: dict[str, tuple[int | None, str]] = {
        str(page_id): (None if pd.isna(target) else int(target), "" if pd.isna(digest) else str(digest))
        for page_id, target, digest in zip(table["ID"], table["target"], table["sha256"], strict=True)
    }
    found = []
    for sheet in sheets:
        if sheet.part == "test":
            continue
        old = before.pop(sheet.page.id, None)
        if old is None:
            found.append(Issue("changed", "low", Remark("doctor.new"), sheet))
            continue
        (old_label, old_sha256), label = old, sheet.page.label
        if old_label is not None and label is not None and old_label != label:
            values = {"old": class_names[old_label], "new": class_names[label]}
            detail = Remark("doctor.relabelled", values)
            found.append(Issue("changed", "medium", detail, sheet))
        if old_sha256 and sheet.file_sha256 and old_sha256 != sheet.file_sha256:
            found.append(Issue("changed", "low", Remark("doctor.replaced"), sheet))
    for page_id in before:
        detail = Remark("doctor.gone", {"id": page_id})
        found.append(Issue("changed", "low", detail))
    return found
