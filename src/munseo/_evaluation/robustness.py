"""The robustness profile: how much macro-F1 each kind of damage costs, and which pages it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from munseo._augment import DAMAGES
from munseo._evaluation.confidence_sequence import OF_DAMAGE, accuracy_change, random_order
from munseo._evaluation.metrics import macro_f1, probability_columns

MAX_BROKEN = 4
"""Pages that are shown for each kind of damage."""


def robustness_profile(
    damaged: pd.DataFrame, clean: pd.DataFrame, class_names: Sequence[str], groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Return macro-F1 under every damage by severity, and the pages that break.

    A page breaks under a damage if its prediction is right when clean and wrong under the damage. Pages that break
    under a weaker damage come first, then the most confident mistakes.

    Args:
        damaged: ``ID, damage, severity, target, p_0 …``.
        clean: ``ID, target, p_0 …`` of at least the same pages.
        class_names: K names.
        groups: Number of the group of each clean page, where each damage was judged until its effect was certain; None
            where each was judged on all pages.

    Returns:
        The ``robustness`` entry of ``results.json``; ``broken`` has no ``file`` yet.
    """
    columns = probability_columns(len(class_names))
    ids = damaged["ID"].drop_duplicates().tolist()
    before = clean.set_index("ID").loc[ids]
    right = dict(zip(ids, before[columns].to_numpy().argmax(axis=1) == before["target"].to_numpy(), strict=True))
    rows = []
    for name, damage in DAMAGES.items():
        table = damaged[damaged["damage"] == name]
        if table.empty:
            continue
        levels = sorted(table["severity"].unique().tolist())
        scores = [_score(table[table["severity"] == level], columns) for level in levels]
        broken = _broken(table, right, columns, class_names)
        row = {"damage": name, "graded": damage.graded, "severities": levels, "macro_f1": scores, "broken": broken}
        if groups is not None:
            row |= _quick_entries(table, before, columns, dict(zip(clean["ID"], groups.tolist(), strict=True)))
        rows.append(row)
    return {"num_pages": len(ids), "clean": _score(before, columns), "damages": rows}


def _quick_entries(
    table: pd.DataFrame, clean: pd.DataFrame, columns: Sequence[str], group_of: Mapping[str, int]
) -> dict[str, Any]:
    """Return what the profile adds for a damage that was judged until its effect on accuracy was certain.

    Args:
        table: The predictions under the damage.
        clean: Those of the same and other pages without damage, by ID.
        columns: The columns of probabilities.
        group_of: The group of each page.
    """
    ids = table["ID"].drop_duplicates().tolist()
    groups = np.array([group_of[name] for name in ids])
    judged = random_order(ids, groups)
    order = [ids[index] for index in judged]
    before = clean.loc[order]
    labels = before["target"].to_numpy(np.int64)
    changes = []
    for _, part in table.groupby("severity", sort=True):
        after = part.set_index("ID").loc[order]
        first, second = (rows[list(columns)].to_numpy().argmax(axis=1) for rows in (before, after))
        changes.append(list(accuracy_change(labels, first, second, groups[judged], OF_DAMAGE)))
    return {
        "num_pages": len(ids),
        "clean": _score(before, columns),
        "accuracy_changes": changes,
        "stopped_early": len(ids) < len(clean),
    }


def _score(table: pd.DataFrame, columns: Sequence[str]) -> float:
    predicted = table[list(columns)].to_numpy().argmax(axis=1)
    return macro_f1(table["target"].to_numpy(np.int64), predicted, len(columns))


def _broken(
    table: pd.DataFrame, right: dict[str, bool], columns: Sequence[str], class_names: Sequence[str]
) -> list[dict[str, Any]]:
    rows = table[list(columns)].to_numpy()
    predicted, targets = rows.argmax(axis=1), table["target"].to_numpy(np.int64)
    severities, ids = table["severity"].to_numpy(), table["ID"].tolist()
    wrong = [index for index in np.flatnonzero(predicted != targets) if right[ids[index]]]
    wrong.sort(key=lambda index: (severities[index], -rows[index].max(), index))
    found: dict[str, dict[str, Any]] = {}
    for index in wrong:
        if ids[index] not in found and len(found) < MAX_BROKEN:
            found[ids[index]] = {
                "id": ids[index],
                "severity": float(severities[index]),
                "true": class_names[targets[index]],
                "predicted": class_names[predicted[index]],
                "confidence": float(rows[index].max()),
            }
    return list(found.values())
