"""What an ensemble is worth: every candidate scored on pages that it was not fitted on, and compared page by page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from munseo._ensemble.alignment import Aligned
from munseo._ensemble.combiners import Fit, deal_folds, fit_best_member, fit_mean, fit_stack, fit_weights, out_of_fold
from munseo._evaluation import macro_f1
from munseo._evaluation.comparison import Difference, paired_bootstrap
from munseo._evaluation.metrics import grouped_interval, log_loss
from munseo._prediction.combination import Combination

NUM_FOLDS = 5


@dataclass(frozen=True)
class Evidence:
    """The predictions that fit and judge: shifted pages where there are any, else clean ones.

    Attributes:
        rows: float64 (num_members, num_rows, num_classes); a page has a row for each draw.
        labels: int (num_rows,).
        groups: Page of each row, int (num_rows,).
        folds: Fold of each row; all draws of a page lie in one fold.
        page_folds: Fold of each page, int (num_pages,).
    """

    rows: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    folds: np.ndarray
    page_folds: np.ndarray

    @classmethod
    def of(cls, aligned: Aligned, seed: int) -> Evidence:
        """Choose the pages that decide."""
        draws = aligned.rows[None] if aligned.shifted is None else aligned.shifted
        folds = deal_folds(aligned.labels, NUM_FOLDS, seed)
        return cls(
            rows=np.concatenate(list(draws), axis=1),
            labels=np.tile(aligned.labels, len(draws)),
            groups=np.tile(np.arange(len(aligned.labels)), len(draws)),
            folds=np.tile(folds, len(draws)),
            page_folds=folds,
        )

    def out_of_fold(self, fit: Fit) -> np.ndarray:
        """Every row by a fit without its page, float64 (num_rows, num_classes)."""
        return out_of_fold(fit, self.rows, self.labels, self.folds)


@dataclass(frozen=True)
class Judgement:
    """An ensemble, fitted and judged.

    Attributes:
        method: ``weights``, ``mean`` or ``stack``.
        combination: Fitted on all common pages: what predicts new ones.
        decided_on: ``shifted`` or ``clean`` pages.
        probabilities: float64 (num_rows, num_classes) of the evidence: each page by a fit without it.
        clean_probabilities: float64 (num_pages, num_classes): the same of the clean pages.
        candidates: Scores of each candidate, out of fold, by its name: ``best_member_in_fold``, ``best_member``,
            ``mean``, ``weights`` and, if asked for, ``stack``.
        best: Number of the member that is best on all pages.
        differences: Ensemble less each other candidate.
        contributions: For each member: the weighted (or plain) mean of all less that of all but it.
        would_drop: Numbers of members that add nothing, in the order in which they would go.
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
        """The less favourable of the two comparisons with a best member, and its name.

        Choosing the member within each fold is the fair opponent; the member that is best on all pages, chosen with the
        answers in sight, is what a user would otherwise hand in. A claim has to hold against both.
        """
        names = ("best_member", "best_member_in_fold")  # often the same one, which is then called by its name
        name = min(names, key=lambda name: self.differences[name].value)
        return name, self.differences[name]


def fit_of(method: str, seed: int) -> Fit:
    """The fit of a method, ``weights``, ``mean`` or ``stack``."""
    fits: dict[str, Fit] = {"weights": fit_weights, "mean": fit_mean, "stack": partial(fit_stack, seed=seed)}
    return fits[method]


def honest_probabilities(aligned: Aligned, method: str, seed: int, clean: np.ndarray | None = None) -> np.ndarray:
    """Probabilities of every clean page by an ensemble that was fitted without it, float64 (num_pages, num_classes).

    Args:
        aligned: Held-out predictions of the members.
        method: ``weights``, ``mean`` or ``stack``.
        seed: Of the folds.
        clean: The members' probabilities of the clean pages, predicted anew; None: as recorded.
    """
    evidence, fit = Evidence.of(aligned, seed), fit_of(method, seed)
    rows = aligned.rows if clean is None else clean
    result = np.empty(rows.shape[1:])
    for fold in np.unique(evidence.page_folds):
        outside, inside = evidence.folds != fold, evidence.page_folds == fold
        result[inside] = fit(evidence.rows[:, outside], evidence.labels[outside])(rows[:, inside])
    return result


def judge(aligned: Aligned, method: str, seed: int) -> Judgement:
    """Fit and judge an ensemble by nested cross-validation over pages.

    Weights that are worse than none become ``mean``: log loss prefers the one member that is sure of itself where all
    are too cautious, and then throws away what the others know.

    Args:
        aligned: Held-out predictions of the members.
        method: ``weights`` or ``stack``.
        seed: Of folds and bootstraps.
    """
    evidence = Evidence.of(aligned, seed)
    rows, labels = evidence.rows, evidence.labels
    best = int(fit_best_member(rows, labels).weights.argmax())
    predictions = {
        "best_member_in_fold": evidence.out_of_fold(fit_best_member),
        "best_member": rows[best],
        "mean": fit_mean(rows, labels)(rows),
        "weights": evidence.out_of_fold(fit_weights),
    }
    if method == "stack":
        predictions["stack"] = evidence.out_of_fold(fit_of(method, seed))
    classes = {name: p.argmax(axis=1) for name, p in predictions.items()}
    compare = partial(paired_bootstrap, labels, num_classes=len(aligned.class_names), seed=seed, groups=evidence.groups)
    if method == "weights" and compare(classes["weights"], classes["mean"]).conclusion == "worse":
        method = "mean"
    mean_fit, mean_name = (fit_mean, "mean") if method == "mean" else (fit_weights, "weights")
    without = [
        out_of_fold(mean_fit, np.delete(rows, number, axis=0), labels, evidence.folds).argmax(axis=1)
        for number in range(len(rows))
    ]
    return Judgement(
        method=method,
        combination=fit_of(method, seed)(rows, labels),
        decided_on="clean" if aligned.shifted is None else "shifted",
        probabilities=predictions[method],
        clean_probabilities=honest_probabilities(aligned, method, seed),
        candidates={name: _scores(evidence, p, seed) for name, p in predictions.items()},
        best=best,
        differences={name: compare(classes[method], other) for name, other in classes.items() if name != method},
        contributions=[compare(classes[mean_name], other) for other in without],
        would_drop=_would_drop(mean_fit, rows, labels, evidence.folds),
    )


def _scores(evidence: Evidence, probabilities: np.ndarray, seed: int) -> dict[str, Any]:
    predicted, num_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    return {
        "macro_f1": macro_f1(evidence.labels, predicted, num_classes),
        "macro_f1_interval": list(grouped_interval(evidence.labels, predicted, evidence.groups, num_classes, seed)),
        "accuracy": float((evidence.labels == predicted).mean()),
        "loss": log_loss(evidence.labels, probabilities),
    }


def _would_drop(fit: Fit, rows: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> list[int]:
    """Take away, one after another, the member without which the others do at least as well.

    One at a time: of two equal members each adds nothing beside the other, and only one of them may go.
    """

    def score(members: list[int]) -> float:
        return macro_f1(labels, out_of_fold(fit, rows[members], labels, folds).argmax(axis=1), rows.shape[2])

    kept, dropped = list(range(len(rows))), list[int]()
    best = score(kept)
    while len(kept) > 1:
        weights = dict(zip(kept, fit_weights(rows[kept], labels).weights, strict=True))
        without = {number: score([other for other in kept if other != number]) for number in kept}
        # Of members that cost the same, the lightest goes; of equally light ones, the last.
        least = max(kept, key=lambda number: (without[number], -round(weights[number], 6), number))
        if without[least] < best:
            break
        best = without[least]
        kept.remove(least)
        dropped.append(least)
    return dropped
