"""Finder: labelled pages that came, went or got another label since a run was trained."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from munseo.doctor.issue import Issue, Sheet
from munseo.remark import Remark
from munseo.run import RunFolder


def find_changes(sheets: Sequence[Sheet], run: RunFolder, class_names: Sequence[str]) -> list[Issue]:
    """Compare with the run's ``pages.parquet``; what the run does not hold any more is told without a page."""
    file = (run.folds or [run])[0].pages_file
    if not file.is_file():
        return []
    table = pd.read_parquet(file)
    labelled = table[table["part"].isin(["train", "val"]) & table["target"].notna()]
    before = {str(page_id): int(target) for page_id, target in zip(labelled["ID"], labelled["target"], strict=True)}
    found = []
    own = [sheet for sheet in sheets if sheet.part != "test"]
    for sheet in own:
        label, old = sheet.page.label, before.pop(sheet.page.id, None)
        if old is None:
            found.append(Issue("changed", "low", Remark("doctor.new", "is new since the run"), sheet))
        elif label is not None and label != old:
            old_name = class_names[old] if old < len(class_names) else str(old)
            text, values = (
                "was {old} when the run was trained, is {new} now",
                {"old": old_name, "new": class_names[label]},
            )
            found.append(Issue("changed", "medium", Remark("doctor.relabelled", text, values), sheet, suggested=old))
    for page_id in before:
        found.append(
            Issue("changed", "low", Remark("doctor.gone", "{id}: the run had it, it is gone", {"id": page_id}))
        )
    return found
