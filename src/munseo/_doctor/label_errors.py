"""Finders that judge labelled pages by a network: wrong labels, confused classes, and pages unlike all others.

Wrong labels are found by confident learning: Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty
in dataset labels", 2021. Odd pages are found by the distance to their neighbours: Sun et al., "Out-of-distribution
detection with deep nearest neighbors", 2022, with a robust threshold for each class.
"""

from __future__ import annotations

import warnings

import numpy as np
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]
from sklearn.neighbors import NearestNeighbors

from munseo._doctor.issue import Issue, PageEvidence
from munseo._locale import Remark

SURE = 0.5
"""A label also counts as wrong where another class has at least this probability …"""

SURER = 4.0
"""… and is this many times as probable as the label. With this rule 0.85 of 5% planted wrong labels in rvl5 are found
instead of 0.79, and 0.38 of the reported ones were planted instead of 0.40."""

LEAST_CONFUSED = 0.15
"""The fraction of two classes' pages that are taken for the other class, from which on the classes are reported."""

LEAST_CONFUSED_PAGES = 4
"""The number of such pages from which on the classes are reported."""

NEIGHBOURS = 5
"""The distance of a page is that to its fifth neighbour."""

ODD_SPREADS = 5.0
"""Robust standard deviations above the median distance of the nearest class, from which on a page is odd."""

LEAST_PAGES = 30
"""With fewer pages there is no usual distance, and no page is odd."""


def rank_labels(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the quality of each label in [0, 1]: the probability of the given class. Wrong labels are low."""
    quality: np.ndarray = get_label_quality_scores(labels, probabilities, method="self_confidence")
    return quality


def find_label_errors(evidence: PageEvidence) -> list[Issue]:
    """Return pages whose label is wrong by confident learning, or far less probable than another; the surest first."""
    labels, class_names = evidence.labels, evidence.class_names
    # Classes without a page would break the thresholds of confident learning, so they are left out.
    used, counts = np.unique(labels, return_counts=True)
    if len(used) < 2 or counts.max() < 2:
        return []
    compact, probabilities = np.searchsorted(used, labels), evidence.probabilities[:, used]
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        wrong = find_label_issues(compact, probabilities, filter_by="both", n_jobs=1)
    quality, highest = rank_labels(compact, probabilities), probabilities.max(axis=1)
    # Confident learning counts the wrong labels of each class first; where a table has only few, it counts none.
    wrong |= (highest >= SURE) & (highest >= SURER * quality)
    issues = []
    for index in np.flatnonzero(wrong)[np.argsort(quality[wrong], kind="stable")]:
        given, best = int(labels[index]), int(used[probabilities[index].argmax()])
        # The model that judges the only page of a class has never seen that class.
        if given == best or counts[compact[index]] < 2:
            continue
        values = {
            "given": class_names[given],
            "best": class_names[best],
            "p_given": f"{probabilities[index, compact[index]]:.1%}",
            "p_best": f"{highest[index]:.1%}",
        }
        detail, page = Remark("doctor.label", values), evidence.labelled[index]
        issues.append(Issue("label_error", "medium", detail, page, suggested=best, score=float(quality[index])))
    return issues


def find_confused_classes(evidence: PageEvidence) -> list[Issue]:
    """Return pairs of classes whose pages are often taken for each other's."""
    if not evidence.labelled:
        return []
    class_names = evidence.class_names
    counts = np.zeros((len(class_names), len(class_names)), int)
    np.add.at(counts, (evidence.labels, evidence.probabilities.argmax(axis=1)), 1)
    issues = []
    for first in range(len(class_names)):
        for second in range(first + 1, len(class_names)):
            confused = int(counts[first, second] + counts[second, first])
            total = int(counts[first].sum() + counts[second].sum())
            fraction = confused / total if total else 0.0
            if fraction < LEAST_CONFUSED or confused < LEAST_CONFUSED_PAGES:
                continue
            names = {"first": class_names[first], "second": class_names[second]}
            detail = Remark("doctor.confused", {**names, "count": confused, "total": total})
            issues.append(Issue("confused_classes", "medium", detail, score=fraction, classes=(first, second)))
    return sorted(issues, key=lambda issue: -(issue.score or 0))


def find_odd_pages(evidence: PageEvidence) -> list[Issue]:
    """Return pages whose nearest neighbours are unusually far away, the farthest first."""
    points, labels = evidence.points, evidence.labels
    if len(labels) < LEAST_PAGES:
        return []
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    distances, neighbours = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(unit).kneighbors(unit)
    distance = distances[:, -1]
    # A class of similar forms is tight, one of photographs wide: the scale is that of the nearest page's class.
    nearest_label = labels[neighbours[:, 1]]
    score = np.zeros(len(labels))
    for label in np.unique(nearest_label):
        usual = distance[labels == label]
        median = np.median(usual)
        spread = 1.4826 * np.median(np.abs(usual - median)) + 1e-9
        score[nearest_label == label] = (distance[nearest_label == label] - median) / spread
    return [
        Issue("odd", "low", Remark("doctor.odd", {"score": f"{score[index]:.1f}"}), evidence.labelled[index],
              score=float(score[index]))
        for index in np.argsort(-score, kind="stable")
        if score[index] >= ODD_SPREADS
    ]  # fmt: skip
