"""Finder: pages of a kind that no label names, as groups of pages that fit no class and are alike.

Confident learning cannot see such a kind, because no class of it exists that a page could belong to. What gives it away
is that its pages are near each other and far from any agreement: each was labelled with whatever class seemed closest.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors

from munseo._doctor.bad_files import BLANK_INK
from munseo._doctor.issue import Issue, PageEvidence
from munseo._locale import Remark

LEAST_LABELLED = 60  # labelled pages below which no group is searched for
LEAST_MEMBERS = 10  # pages of the smallest group

LEAST_PREDICTED = 3
"""Pages that a run assigns to a class without labels, from which on they are reported."""

NEIGHBOURS = 10
AGREEMENT = 0.5  # the fraction of a page's neighbours that share a label, up to which the page fits no class
COMPANY = 0.6  # the fraction of its neighbours that fit no class either, from which on it is in the core of a group

LEAST_KNOWN = 0.7
"""The mean held-out probability of a group's pages for their group. Pages that only lie between two classes are not
recognised as a kind: it is 0.3 to 0.5 for them."""

LEAST_STABLE = 0.75
"""The overlap (Jaccard) of a group with what the last classifiers, fitted to other folds, assign to it."""

MOST_OF_A_CLASS = 0.45
"""The fraction of a class's pages that a group may hold. Where it holds more, the classes themselves are confused."""

_DIMENSIONS = 64
_ROUNDS = 3  # rounds in which the group is fitted and predicted anew
_NUM_FOLDS = 5
_MOST_GROUPS = 8  # Groups that are tried, the largest first; each takes 20 fits
_ABSENT_CLASS = 0.5  # the probability from which on a run assigns a page to a class without labels


@dataclass(frozen=True)
class PageGroup:
    """Pages that are alike and fit no class."""

    members: np.ndarray  # (N,) bool, among the labelled pages
    known: np.ndarray  # (N,) held-out probability of each page to belong to the group


def find_missing_classes(evidence: PageEvidence) -> list[Issue]:
    """Return one issue for each page of a group; the groups are numbered, the largest first.

    A run that knows a class without labels in this folder names its pages. For all other kinds, groups are searched for
    among the pages as points.
    """
    if not len(evidence.labelled):
        return []
    named = list(_absent_classes(evidence))
    taken = np.zeros(len(evidence.labelled), bool)
    for group, _ in named:
        taken |= group.members
    # A blank page is like every other blank page, and is reported as such.
    has_ink = np.array([page.ink >= BLANK_INK for page in evidence.labelled])
    kept = np.flatnonzero(has_ink & ~taken)
    unnamed = []
    for group in find_groups(evidence.points[kept], evidence.labels[kept], evidence.copy_groups[kept]):
        members, known = np.zeros(len(taken), bool), np.zeros(len(taken))
        members[kept], known[kept] = group.members, group.known
        unnamed.append((PageGroup(members, known), None))
    groups = sorted([*named, *unnamed], key=lambda pair: -int(pair[0].members.sum()))
    return [
        issue for number, (group, label) in enumerate(groups, 1) for issue in _issues(group, label, number, evidence)
    ]


def find_groups(points: np.ndarray, labels: np.ndarray, copies: np.ndarray) -> list[PageGroup]:
    """Return groups of pages that are alike, fit no class, and would be recognised if they were a class.

    The core of a group are connected pages whose neighbours disagree about the label. A classifier is fitted with the
    core as a further class, and the pages that it predicts, held out, are the group; this is repeated. A group is kept
    if the classifiers recognise its pages, keep its outline, and leave most pages of every other class alone.

    Args:
        points: (N, dimensions) of a network's last layer before the head.
        labels: (N,) class indices.
        copies: (N,) number of the group of copies of each page; copies are not each other's neighbours.
    """
    used, labels = np.unique(labels, return_inverse=True)
    if len(labels) < LEAST_LABELLED or len(used) < 2:
        return []
    reduced = _reduce(points)
    neighbours = _neighbours(reduced, copies)
    groups: list[PageGroup] = []
    for core in _cores(labels, neighbours):
        group = _grow(core, reduced, labels, copies)
        if group is None or any((group.members & other.members).sum() > len(other.members) // 2 for other in groups):
            continue
        groups.append(group)
    return groups


def _absent_classes(evidence: PageEvidence) -> Iterator[tuple[PageGroup, int]]:
    """Yield the pages of each class that no page is labelled with, as far as the judge knows such a class."""
    best = evidence.probabilities.argmax(axis=1)
    for label in sorted(set(range(len(evidence.class_names))) - set(evidence.labels.tolist())):
        known = evidence.probabilities[:, label]
        members = (best == label) & (known >= _ABSENT_CLASS)
        if members.sum() >= LEAST_PREDICTED:
            yield PageGroup(members, known), label


def _reduce(points: np.ndarray) -> np.ndarray:
    """Return the principal components of the directions, scaled so that the first has a standard deviation of 3."""
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    num = min(_DIMENSIONS, unit.shape[1], len(unit) - 1)
    reduced = PCA(num, svd_solver="covariance_eigh").fit_transform(unit.astype(np.float64))
    return np.asarray(3 * reduced / max(float(reduced.std(axis=0).max()), 1e-12))


def _neighbours(points: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Return (N, NEIGHBOURS) indices of the nearest pages that are not copies, -1 where there are too few."""
    num = min(3 * NEIGHBOURS, len(points) - 1) + 1
    nearest = NearestNeighbors(n_neighbors=num).fit(points).kneighbors(points, return_distance=False)
    chosen = np.full((len(points), NEIGHBOURS), -1)
    for index, row in enumerate(nearest):
        others = row[copies[row] != copies[index]][:NEIGHBOURS]
        chosen[index, : len(others)] = others
    return chosen


def _cores(labels: np.ndarray, neighbours: np.ndarray) -> list[np.ndarray]:
    """Return (N,) bool for each connected set of pages that fit no class, among others of them; the largest first."""
    known = neighbours >= 0
    votes = np.where(known[..., None], labels[neighbours][..., None] == np.arange(labels.max() + 1), False).sum(axis=1)
    fits_none = votes.max(axis=1) <= AGREEMENT * np.maximum(known.sum(axis=1), 1)
    company = (fits_none[neighbours] & known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    is_core = fits_none & (company >= COMPANY)
    near = neighbours[:, : NEIGHBOURS // 2]
    linked = is_core[:, None] & (near >= 0) & is_core[near]
    rows, columns = np.nonzero(linked)
    graph = csr_matrix((np.ones(len(rows)), (rows, near[rows, columns])), shape=(len(labels), len(labels)))
    _, component = connected_components(graph, directed=False)
    cores = [(component == number) & is_core for number in np.unique(component[is_core])]
    large = [core for core in cores if core.sum() >= LEAST_MEMBERS]
    return sorted(large, key=lambda core: -int(core.sum()))[:_MOST_GROUPS]


def _grow(members: np.ndarray, points: np.ndarray, labels: np.ndarray, copies: np.ndarray) -> PageGroup | None:
    """Return the group that a core becomes, or None if it is no kind of its own."""
    new = labels.max() + 1
    for number in range(_ROUNDS + 1):
        if len(np.unique(copies[members])) < LEAST_MEMBERS or members.sum() > len(members) // 2:
            return None
        predicted = _held_out(points, np.where(members, new, labels), copies, seed=number)
        belongs = predicted.argmax(axis=1) == new
        members = belongs if number < _ROUNDS else members
    known = predicted[:, new]
    overlap = (belongs & members).sum() / (belongs | members).sum()
    counts = np.bincount(labels[members], minlength=new)
    # A few strays of a small class say nothing about that class.
    shares = np.where(counts >= 0.1 * members.sum(), counts / np.maximum(np.bincount(labels, minlength=new), 1), 0)
    if known[members].mean() < LEAST_KNOWN or overlap < LEAST_STABLE or shares.max() > MOST_OF_A_CLASS:
        return None
    return PageGroup(members, known)


def _held_out(points: np.ndarray, labels: np.ndarray, copies: np.ndarray, seed: int) -> np.ndarray:
    """Return (N, labels.max() + 1) probabilities by classifiers that were fitted without the page and its copies."""
    predicted = np.zeros((len(points), labels.max() + 1))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(StratifiedGroupKFold(_NUM_FOLDS, shuffle=True, random_state=seed).split(points, labels, copies))
    for fit, held_out in folds:
        if len(np.unique(labels[fit])) < 2:
            predicted[held_out, labels[fit[0]]] = 1
            continue
        model = LogisticRegression(C=0.1, max_iter=300).fit(points[fit], labels[fit])
        predicted[np.ix_(held_out, model.classes_)] = model.predict_proba(points[held_out])
    return predicted


def _issues(group: PageGroup, label: int | None, number: int, evidence: PageEvidence) -> Iterator[Issue]:
    """Yield the pages of a group, those that belong to it most clearly first."""
    values: dict[str, object] = {"number": number, "count": int(group.members.sum())}
    detail = Remark("doctor.missing", values)
    if label is not None:
        detail = Remark("doctor.missing_named", {**values, "best": evidence.class_names[label]})
    indices = np.flatnonzero(group.members)
    for index in indices[np.argsort(-group.known[indices], kind="stable")]:
        page, score = evidence.labelled[index], float(group.known[index])
        yield Issue("missing_class", "medium", detail, page, suggested=label, score=score, group=number)
