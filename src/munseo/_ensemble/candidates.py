"""Judges an ensemble: every candidate is scored on pages that it was not fitted on, and compared page by page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from munseo._ensemble.alignment import AlignedMembers
from munseo._ensemble.combiners import Fit, fit_best_member, fit_mean, fit_stack, fit_weights, out_of_fold
from munseo._evaluation import macro_f1
from munseo._evaluation.comparison import Difference, paired_bootstrap
from munseo._evaluation.group_folds import deal_groups_by_class
from munseo._evaluation.held_out_groups import common_groups
from munseo._evaluation.metrics import log_loss, macro_f1_interval
from munseo._prediction.combination import Combination

NUM_FOLDS = 5


@dataclass(frozen=True)
class Evidence:
    """The predictions that fit and judge an ensemble: those of shifted pages if there are any, else of clean pages.

    Attributes:
        rows: Probabilities, float64 (num_members, num_rows, num_classes); a page has one row for each draw.
        labels: Class index of each row, int (num_rows,).
        groups: Number of the group of each row, int (num_rows,); draws of a page are in its group.
        folds: Fold of each row, int (num_rows,); all rows of a group are in one fold.
        page_folds: Fold of each page, int (num_pages,).
    """

    rows: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    folds: np.ndarray
    page_folds: np.ndarray

    @classmethod
    def of(cls, aligned: AlignedMembers, seed: int) -> Evidence:
        """Collect the predictions that decide, and deal the groups of pages to folds."""
        draws = aligned.rows[None] if aligned.shifted is None else aligned.shifted
        groups = common_groups([member.run for member in aligned.members], aligned.ids)
        folds = deal_groups_by_class(aligned.labels, groups, NUM_FOLDS, seed, "ensemble/folds")
        return cls(
            rows=np.concatenate(list(draws), axis=1),
            labels=np.tile(aligned.labels, len(draws)),
            groups=np.tile(groups, len(draws)),
            folds=np.tile(folds, len(draws)),
            page_folds=folds,
        )

    def out_of_fold(self, fit: Fit) -> np.ndarray:
        """Predict every row by a fit without its group, float64 (num_rows, num_classes)."""
        return out_of_fold(fit, self.rows, self.labels, self.groups, self.folds)


@dataclass(frozen=True)
class EnsembleJudgement:
    """A fitted ensemble and how it compares with its members.

    Attributes:
        method: ``weights``, ``mean`` or ``stack``.
        combination: The combination that predicts new pages, fitted on all common pages.
        decided_on: ``shifted`` or ``clean``, the pages that fit and judge.
        probabilities: Out-of-fold probabilities of the evidence, float64 (num_rows, num_classes).
        clean_probabilities: Out-of-fold probabilities of the clean pages, float64 (num_pages, num_classes).
        candidates: Out-of-fold scores of each candidate by its name: ``best_member_in_fold``, ``best_member``,
            ``mean``, ``weights`` and, if requested, ``stack``.
        best: Index of the member that is best on all pages.
        differences: Score of the ensemble minus that of each other candidate.
        contributions: For each member, the score of the weighted (or plain) mean of all members minus that of the
            others.
        would_drop: Indices of members that add nothing, in the order in which they would be removed.
    """

    method: str
    combination: Combination
    decided_on: str
    probabilities: np.ndarray
    clean_probabilities: np.ndarray
    candidates: dict[str, dict[str, Any]]
    best: int
    differences: dict[str, Difference]
    contributions: list[Difference]
    would_drop: list[int]

    @property
    def decisive(self) -> tuple[str, Difference]:
        """The name and the difference of the less favourable of the two comparisons with a best member.

        The member chosen within each fold is the fair opponent. The member that is best on all pages was chosen with
        the labels in sight, but is what a user would otherwise submit. A claim has to hold against both.
        """
        names = ("best_member", "best_member_in_fold")  # often the same member; ``min`` then returns the first name
        name = min(names, key=lambda name: self.differences[name].value)
        return name, self.differences[name]


def fit_of(method: str, seed: int) -> Fit:
    """Return the fitting function of a method: ``weights``, ``mean`` or ``stack``."""
    fits: dict[str, Fit] = {"weights": fit_weights, "mean": fit_mean, "stack": partial(fit_stack, seed=seed)}
    return fits[method]


def honest_probabilities(
    aligned: AlignedMembers, method: str, seed: int, clean: np.ndarray | None = None
) -> np.ndarray:
    """Predict every clean page by an ensemble that was fitted without it, float64 (num_pages, num_classes).

    ``clean`` are new predictions of the clean pages by the members; None uses the recorded ones.
    """
    evidence, fit = Evidence.of(aligned, seed), fit_of(method, seed)
    rows = aligned.rows if clean is None else clean
    result = np.empty(rows.shape[1:])
    for fold in np.unique(evidence.page_folds):
        outside, inside = evidence.folds != fold, evidence.page_folds == fold
        combination = fit(evidence.rows[:, outside], evidence.labels[outside], evidence.groups[outside])
        result[inside] = combination(rows[:, inside])
    return result


def judge(aligned: AlignedMembers, method: str, seed: int) -> EnsembleJudgement:
    """Fit and judge an ensemble by nested cross-validation over groups of pages.

    Fitted weights that are worse than equal ones become ``mean``. Where all members are underconfident, log loss
    prefers the most confident one and discards what the others know. ``method`` is ``weights`` or ``stack``.
    """
    evidence = Evidence.of(aligned, seed)
    rows, labels, groups = evidence.rows, evidence.labels, evidence.groups
    best = int(fit_best_member(rows, labels, groups).weights.argmax())
    predictions = {
        "best_member_in_fold": evidence.out_of_fold(fit_best_member),
        "best_member": rows[best],
        "mean": fit_mean(rows, labels, groups)(rows),
        "weights": evidence.out_of_fold(fit_weights),
    }
    if method == "stack":
        predictions["stack"] = evidence.out_of_fold(fit_of(method, seed))
    classes = {name: p.argmax(axis=1) for name, p in predictions.items()}
    compare = partial(paired_bootstrap, labels, num_classes=len(aligned.class_names), seed=seed, groups=groups)
    if method == "weights" and compare(classes["weights"], classes["mean"]).conclusion == "worse":
        method = "mean"
    mean_fit, mean_name = (fit_mean, "mean") if method == "mean" else (fit_weights, "weights")
    without = [
        out_of_fold(mean_fit, np.delete(rows, number, axis=0), labels, groups, evidence.folds).argmax(axis=1)
        for number in range(len(rows))
    ]
    return EnsembleJudgement(
        method=method,
        combination=fit_of(method, seed)(rows, labels, groups),
        decided_on="clean" if aligned.shifted is None else "shifted",
        probabilities=predictions[method],
        clean_probabilities=honest_probabilities(aligned, method, seed),
        candidates={name: _scores(evidence, p, seed) for name, p in predictions.items()},
        best=best,
        differences={name: compare(classes[method], p) for name, p in classes.items() if name != method},
        contributions=[compare(classes[mean_name], p) for p in without],
        would_drop=_would_drop(mean_fit, evidence),
    )


def _scores(evidence: Evidence, probabilities: np.ndarray, seed: int) -> dict[str, Any]:
    predicted, num_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    return {
        "macro_f1": macro_f1(evidence.labels, predicted, num_classes),
        "macro_f1_interval": list(macro_f1_interval(evidence.labels, predicted, num_classes, evidence.groups)),
        "accuracy": float((evidence.labels == predicted).mean()),
        "loss": log_loss(evidence.labels, probabilities),
    }


def _would_drop(fit: Fit, evidence: Evidence) -> list[int]:
    """Remove members one after another while the others score at least as well without them.

    Removing one at a time matters: of two equal members each adds nothing to the other, but only one may be removed.
    """
    rows, labels, groups = evidence.rows, evidence.labels, evidence.groups

    def score(members: list[int]) -> float:
        predicted = out_of_fold(fit, rows[members], labels, groups, evidence.folds).argmax(axis=1)
        return macro_f1(labels, predicted, rows.shape[2])

    kept, dropped = list(range(len(rows))), list[int]()
    best = score(kept)
    while len(kept) > 1:
        weights = dict(zip(kept, fit_weights(rows[kept], labels, groups).weights, strict=True))
        without = {number: score([other for other in kept if other != number]) for number in kept}
        # Of members that cost the same, the one with the smallest weight is removed; of these, the last.
        least = max(kept, key=lambda number: (without[number], -round(weights[number], 6), number))
        if without[least] < best:
            break
        best = without[least]
        kept.remove(least)
        dropped.append(least)
    return dropped
