"""The gain of each test-time view, measured on shifted validation pages, and the views that hurt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from munseo._evaluation.comparison import paired_bootstrap
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

    The views keep the order in which the table names them first. Where all folds predicted the same pages (column
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
        name: table[table["view"] == name].set_index("ID").loc[ids][columns].to_numpy(np.float32)
        for name in table["view"].unique().tolist()
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
