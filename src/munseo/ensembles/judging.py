"""What an ensemble is worth: every candidate scored on pages that it was not fitted on, and compared page by page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from munseo.ensembles.alignment import Aligned
from munseo.ensembles.comparison import Difference, paired_bootstrap
from munseo.ensembles.fitting import (
    Fit,
    deal_folds,
    fit_best_member,
    fit_mean,
    fit_stack,
    fit_weights,
    out_of_fold,
)
from munseo.evaluation import macro_f1, summarise
from munseo.evaluation.combining import Combination

NUM_FOLDS = 5
SCORES = ("macro_f1", "macro_f1_interval", "accuracy", "loss")


@dataclass(frozen=True)
class Judgement:
    """An ensemble, fitted and judged.

    Attributes:
        method: ``weights``, ``mean`` or ``stack``.
        combination: Fitted on all common pages: what predicts new ones.
        probabilities: float64 (num_pages, num_classes): each page by a fit without it.
        candidates: Scores of each candidate, out of fold, by its name: ``best_member_in_fold``, ``best_member``,
            ``mean``, ``weights`` and, if asked for, ``stack``.
        best: Number of the member that is best on all pages.
        differences: Ensemble less each other candidate.
        contributions: For each member: the weighted (or plain) mean of all less that of all but it.
        would_drop: Numbers of members that add nothing, in the order in which they would go.
    """

    method: str
    combination: Combination
    probabilities: np.ndarray
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


def honest_probabilities(rows: np.ndarray, labels: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Probabilities of every page by an ensemble that was fitted without it, float64 (num_pages, num_classes).

    Args:
        rows: Held-out probabilities of the members, (num_members, num_pages, num_classes).
        labels: True classes, int (num_pages,).
        method: ``weights``, ``mean`` or ``stack``.
        seed: Of the folds.
    """
    return out_of_fold(fit_of(method, seed), rows, labels, deal_folds(labels, NUM_FOLDS, seed))


def judge(aligned: Aligned, method: str, seed: int) -> Judgement:
    """Fit and judge an ensemble by nested cross-validation over pages.

    Weights that are worse than none become ``mean``: log loss prefers the one member that is sure of itself where all
    are too cautious, and then throws away what the others know.

    Args:
        aligned: Held-out predictions of the members.
        method: ``weights`` or ``stack``.
        seed: Of folds and bootstraps.
    """
    rows, labels = aligned.rows, aligned.labels
    folds = deal_folds(labels, NUM_FOLDS, seed)
    best = int(fit_best_member(rows, labels).weights.argmax())
    predictions = {
        "best_member_in_fold": out_of_fold(fit_best_member, rows, labels, folds),
        "best_member": rows[best],
        "mean": fit_mean(rows, labels)(rows),
        "weights": out_of_fold(fit_weights, rows, labels, folds),
    }
    if method == "stack":
        predictions["stack"] = out_of_fold(fit_of(method, seed), rows, labels, folds)
    scores = {name: summarise(labels, p, aligned.class_names, seed) for name, p in predictions.items()}
    classes = {name: p.argmax(axis=1) for name, p in predictions.items()}
    compare = partial(paired_bootstrap, labels, num_classes=len(aligned.class_names), seed=seed)
    if method == "weights" and compare(classes["weights"], classes["mean"]).conclusion == "worse":
        method = "mean"
    mean_fit, mean_name = (fit_mean, "mean") if method == "mean" else (fit_weights, "weights")
    without = [
        out_of_fold(mean_fit, np.delete(rows, number, axis=0), labels, folds).argmax(axis=1)
        for number in range(len(rows))
    ]
    return Judgement(
        method=method,
        combination=fit_of(method, seed)(rows, labels),
        probabilities=predictions[method],
        candidates={name: {key: score[key] for key in SCORES} for name, score in scores.items()},
        best=best,
        differences={name: compare(classes[method], other) for name, other in classes.items() if name != method},
        contributions=[compare(classes[mean_name], other) for other in without],
        would_drop=_would_drop(mean_fit, rows, labels, folds),
    )


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
