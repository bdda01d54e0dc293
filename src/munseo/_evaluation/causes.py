"""What moved macro-F1 from one run to another: other pages to validate, other labels, other predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.metrics import macro_f1


def causes_of_change(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any] | None:
    """Take the change of macro-F1 apart; the three parts sum up to it.

    On the pages that both runs validated, A's predictions are scored by A's labels, then by B's, then B's predictions
    by B's: so the labels' part and the predictions' part. What is left of the change comes from pages that only one of
    the two validated.

    Args:
        one: ``label, predicted`` (class names) of each page that A validated, with the ID as index.
        other: The same of B.

    Returns:
        ``macro_f1_a, macro_f1_b, by_pages, by_labels, by_predictions``, ``interval`` (95 %, of the predictions' part),
        and of the pages that both validated ``num_pages, shared_a, shared_b``; None where there is no such page.
    """
    both = one.index.intersection(other.index)
    if both.empty:
        return None
    names = pd.unique(pd.concat([table[column] for table in (one, other) for column in ("label", "predicted")]))
    codes = [
        table[["label", "predicted"]].apply(lambda column: pd.Index(names).get_indexer(column))
        for table in (one, other)
    ]
    (labels_a, answers_a), (labels_b, answers_b) = (code.loc[both].to_numpy().T for code in codes)
    whole_a, whole_b = (_macro_f1(code["label"], code["predicted"], len(names)) for code in codes)
    shared_a = _macro_f1(labels_a, answers_a, len(names))
    relabelled = _macro_f1(labels_b, answers_a, len(names))
    shared_b = _macro_f1(labels_b, answers_b, len(names))
    sure = paired_bootstrap(labels_b, answers_b, answers_a, len(names))
    return {
        "macro_f1_a": whole_a,
        "macro_f1_b": whole_b,
        "by_pages": (whole_b - whole_a) - (shared_b - shared_a),
        "by_labels": relabelled - shared_a,
        "by_predictions": shared_b - relabelled,
        "interval": [sure.low, sure.high],
        "num_pages": len(both),
        "shared_a": shared_a,
        "shared_b": shared_b,
    }


def _macro_f1(labels: pd.Series | np.ndarray, predicted: pd.Series | np.ndarray, num_classes: int) -> float:
    return macro_f1(np.asarray(labels), np.asarray(predicted), num_classes)
