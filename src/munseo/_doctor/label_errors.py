"""Finders that judge labelled pages: by a network (wrong labels, confused classes, odd pages), and by an earlier run.

Wrong labels are found by confident learning: Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty
in dataset labels", 2021. Odd pages are found by the distance to their neighbours: Sun et al., "Out-of-distribution
detection with deep nearest neighbors", 2022, with a robust threshold for each class.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]
from sklearn.neighbors import NearestNeighbors

from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import Issue, PageEvidence
from munseo._doctor.judge import are_probably_wrong
from munseo._locale import Remark

SURE = 0.5
"""A label also counts as wrong where another class has at least this probability …"""

SURER = 4.0
"""… and is this many times as probable as the label. With this rule 0.85 of 5% planted wrong labels in rvl5 are found
instead of 0.79, and 0.38 of the reported ones were planted instead of 0.40."""

LEAST_CONFUSED = 0.15
"""The fraction of two classes' pages that are taken for the other class, from which on the classes are reported."""

LEAST_CONFUSED_PAGES = 4  # the number of such pages from which on the classes are reported
NEIGHBOURS = 5  # the distance of a page is that to its fifth neighbour

ODD_SPREADS = 5.0
"""Robust standard deviations above the median distance of the nearest class, from which on a page is odd."""

LEAST_PAGES = 30  # With fewer pages there is no usual distance, and no page is odd


def rank_labels(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the quality of each label in [0, 1]: the probability of the given class. Wrong labels are low."""
    quality: np.ndarray = get_label_quality_scores(labels, probabilities, method="self_confidence")
    return quality


def find_label_errors(evidence: PageEvidence) -> list[Issue]:
    """Return pages whose label is wrong by confident learning, or far less probable than another; the surest first.

    They are candidates to look at. Only a judge that is good on these pages calls the worst of them wrong.
    """
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
    judge = evidence.judge
    is_error = np.zeros(len(labels), bool)
    if judge is not None and judge.is_trusted:
        is_error = are_probably_wrong(compact, probabilities)
    issues = []
    for index in np.flatnonzero(wrong | is_error)[np.argsort(quality[wrong | is_error], kind="stable")]:
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
        page, score = evidence.labelled[index], float(quality[index])
        if is_error[index]:
            detail = Remark("doctor.label", values)
            issues.append(Issue("label_error", "medium", detail, page, suggested=best, score=score))
        else:
            detail = Remark("doctor.label_candidate", {key: values[key] for key in ("given", "best")})
            issues.append(Issue("label_candidate", "low", detail, page, suggested=best, score=score))
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


def find_changes(evidence: PageEvidence) -> list[Issue]:
    """Return labelled pages that came, went, or got another label or picture since ``pages.parquet`` of the run.

    A page that the data folder does not have any more is an issue without a page.
    """
    run, match = evidence.run, evidence.match
    file = (run.folds or [run])[0].pages_file if run is not None else None
    if file is None or match is None or not file.is_file():
        return []
    data_labels = match.data_labels()
    table = pd.read_parquet(file)
    # Pages that could not be read have the part "skipped": the table of the run had them.
    table = table[table["part"] != "test"]
    before: dict[str, tuple[int | None, str]] = {
        str(page_id): (
            None if pd.isna(target) else data_labels.get(int(target)),
            "" if pd.isna(digest) else str(digest),
        )
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
