"""Finders: labels that are probably wrong, and classes that cannot be told apart (confident learning).

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]

from munseo._doctor.issue import Issue, Sheet
from munseo._locale import Remark

SURE, SURER = 0.5, 4.0
"""A label is wrong, too, where another class has this probability and is so many times as probable. Of 5 % wrong labels
in rvl5 0.85 are told instead of 0.79, and 0.38 of those told were planted instead of 0.40."""
LEAST_CONFUSED = 0.15
"""Share of two classes' pages that are taken for the other one, from which on they are named."""
LEAST_CONFUSED_PAGES = 4


def rank_labels(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Quality of each label in [0, 1], the probability of the given class; wrong labels are low."""
    quality: np.ndarray = get_label_quality_scores(labels, probabilities, method="self_confidence")
    return quality


def find_label_errors(sheets: Sequence[Sheet], probabilities: np.ndarray, class_names: Sequence[str]) -> list[Issue]:
    """Pages whose label is wrong by confident learning, or far less probable than another; the surest first.

    Args:
        sheets: Labelled pages.
        probabilities: (len(sheets), num_classes), by models that have not seen the labels.
        class_names: By index.
    """
    labels = np.array([sheet.page.label for sheet in sheets])
    # Classes without a page would break its thresholds; they are left out and put back.
    used, counts = np.unique(labels, return_counts=True)
    if len(used) < 2 or counts.max() < 2:
        return []
    compact, shares = np.searchsorted(used, labels), probabilities[:, used]
    shares = shares / shares.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        wrong = find_label_issues(compact, shares, filter_by="both", n_jobs=1)
    quality = rank_labels(compact, shares)
    # Confident learning counts the wrong labels of each class first, and of a clean table's few it counts none.
    wrong |= (shares.max(axis=1) >= SURE) & (shares.max(axis=1) >= SURER * quality)
    found = []
    for place in np.flatnonzero(wrong)[np.argsort(quality[wrong], kind="stable")]:
        given, best = int(labels[place]), int(used[shares[place].argmax()])
        # Who judges the only page of a class has never seen that class.
        if given == best or counts[compact[place]] < 2:
            continue
        values = {
            "given": class_names[given],
            "best": class_names[best],
            "p_given": f"{shares[place, compact[place]]:.1%}",
            "p_best": f"{shares[place].max():.1%}",
        }
        detail = Remark("doctor.label", values)
        found.append(Issue("label_error", "medium", detail, sheets[place], None, best, float(quality[place])))
    return found


def find_confused_classes(
    sheets: Sequence[Sheet], probabilities: np.ndarray, class_names: Sequence[str]
) -> list[Issue]:
    """Pairs of classes whose pages are often taken for each other's."""
    labels = np.array([sheet.page.label for sheet in sheets])
    num_classes = len(class_names)
    counts = np.zeros((num_classes, num_classes), int)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    found = []
    for one in range(num_classes):
        for two in range(one + 1, num_classes):
            mixed, total = int(counts[one, two] + counts[two, one]), int(counts[one].sum() + counts[two].sum())
            share = mixed / total if total else 0.0
            if share < LEAST_CONFUSED or mixed < LEAST_CONFUSED_PAGES:
                continue
            values = {"first": class_names[one], "second": class_names[two], "count": mixed, "total": total}
            remark = Remark("doctor.confused", values)
            found.append(Issue("confused_classes", "medium", remark, score=share, classes=(one, two)))
    return sorted(found, key=lambda issue: -(issue.score or 0))
