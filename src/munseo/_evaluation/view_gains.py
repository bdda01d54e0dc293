"""The gain of each test-time view, measured on shifted validation pages, and the views that hurt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.confidence_sequence import OF_VIEW, accuracy_change, random_order
from munseo._evaluation.fold_mean import average_folds
from munseo._evaluation.metrics import macro_f1, probability_columns

BASE = "identity"
"""The view that shows the page as it is; every other view is compared with it."""
SMALLEST = 1.4e-45
"""The smallest float32 above 0: a probability that a table holds as 0 counts as this one in a logarithm."""
LEVEL = 0.9
"""Level of the intervals of gains."""
VERDICTS = {"better": "helps", "worse": "hurts", "not distinguishable": "unclear"}
"""Verdicts of ``results.json`` by the conclusion of a comparison."""


def average(rows: np.ndarray, space: str) -> np.ndarray:
    """Average probabilities (V, N, K) over V views, as ``mean_probabilities`` does where the model is at hand.

    The views of several folds (V, F, N, K) are averaged in each fold, and then over the folds, as prediction does it.
    The result is float32 (N, K); ``space`` is ``probability``, which gives the same bits, or ``logit``.
    """
    if space == "probability":
        mean = np.zeros(rows.shape[1:], dtype=np.float32)
        for row in rows:
            mean += row
        mean /= np.float32(len(rows))
    else:
        # Log-probabilities are logits minus a constant for each page and view, which the softmax removes again.
        logs = np.log(np.clip(rows.astype(np.float64), SMALLEST, None))
        mean = np.asarray(softmax(logs.mean(axis=0), axis=-1), dtype=np.float32)
    return average_folds(mean) if mean.ndim == 3 else mean


def by_view(table: pd.DataFrame, num_classes: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return labels (N,) and the probabilities (N, K) by each view, pages in the order of the base view's rows.

    The views keep the order in which the table names them first; one that was judged on a part of the pages is left
    out. Where all folds predicted the same pages (column
    ``fold``), the probabilities are (F, N, K).
    """
    if "fold" in table and table["ID"].nunique() < (table["view"] == BASE).sum():
        parts = [by_view(part.drop(columns="fold"), num_classes) for _, part in table.groupby("fold", sort=True)]
        labels, first = parts[0]
        return labels, {name: np.stack([rows[name] for _, rows in parts]) for name in first}
    columns = probability_columns(num_classes)
    base = table[table["view"] == BASE]
    ids = base["ID"].tolist()
    rows = {
        str(name): part.set_index("ID").loc[ids][columns].to_numpy(np.float32)
        for name, part in table.groupby("view", sort=False)
        if len(part) == len(ids)
    }
    return base["target"].to_numpy(np.int64), rows


def weigh_views(
    table: pd.DataFrame, num_classes: int, configured: Sequence[str], space: str, groups: np.ndarray | None = None
) -> dict[str, Any]:
    """Compute macro-F1 of every view by itself and averaged with the unchanged page: the ``views`` of ``results.json``.

    A view helps if the 90% interval of its gain (paired bootstrap over pages) lies above 0, and hurts if it lies below.

    Args:
        table: ``ID, view, target, p_0 …`` of the same shifted pages.
        num_classes: K.
        configured: The run's views.
        space: How views are averaged.
        groups: Number of the group of each page, in the order of the base view's rows; None: each is its own.
    """
    labels, rows = by_view(table, num_classes)
    base = average(rows[BASE][None], space).argmax(axis=1)
    entries = []
    for name in rows:
        if name == BASE:
            continue
        both = average(np.stack([rows[BASE], rows[name]]), space).argmax(axis=1)
        gain = paired_bootstrap(labels, both, base, num_classes, level=LEVEL, groups=groups)
        entries.append(
            {
                "view": name,
                "alone": macro_f1(labels, average(rows[name][None], space).argmax(axis=1), num_classes),
                "with_identity": macro_f1(labels, both, num_classes),
                "gain": gain.value,
                "interval": [gain.low, gain.high],
                "verdict": VERDICTS[gain.conclusion],
            }
        )
    together = average(np.stack([rows[name] for name in configured]), space).argmax(axis=1)
    return {
        "space": space,
        "configured": list(configured),
        "base": macro_f1(labels, base, num_classes),
        "configured_macro_f1": macro_f1(labels, together, num_classes),
        "rows": entries,
    }


def weigh_quickly(table: pd.DataFrame, num_classes: int, space: str, groups: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows of ``weigh_views`` for views of which each was judged until its effect on accuracy was certain.

    The verdict is that of the confidence sequence of the gain in accuracy, which holds although the number of pages
    was not fixed beforehand.

    Args:
        table: ``ID, view, target, p_0 …``; all pages by the base view, and a part of them by others.
        num_classes: K.
        space: How views are averaged.
        groups: Number of the group of each page, in the order of the base view's rows.
    """
    columns = probability_columns(num_classes)
    base = table[table["view"] == BASE]
    order = random_order(base["ID"].tolist(), groups)
    entries = []
    for name, part in table.groupby("view", sort=False):
        if name == BASE:
            continue
        judged = order[base["ID"].iloc[order].isin(part["ID"]).to_numpy()]
        chosen = base.iloc[judged]
        labels, before = chosen["target"].to_numpy(np.int64), chosen[columns].to_numpy(np.float32)
        alone = part.set_index("ID").loc[chosen["ID"]][columns].to_numpy(np.float32)
        both = average(np.stack([before, alone]), space).argmax(axis=1)
        interval = accuracy_change(labels, average(before[None], space).argmax(axis=1), both, groups[judged], OF_VIEW)
        scores = [macro_f1(labels, rows, num_classes) for rows in (before.argmax(axis=1), alone.argmax(axis=1), both)]
        entries.append(
            {
                "view": name,
                "alone": scores[1],
                "with_identity": scores[2],
                "gain": scores[2] - scores[0],
                "verdict": "helps" if interval[0] > 0 else "hurts" if interval[1] < 0 else "unclear",
                "num_pages": len(judged),
                "accuracy_interval": list(interval),
                "stopped_early": len(judged) < len(base),
            }
        )
    return entries
