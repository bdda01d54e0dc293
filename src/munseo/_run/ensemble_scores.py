"""The types of the entry ``ensemble`` of ``results.json``, and of the difference between two scores."""

from __future__ import annotations

from munseo._run.records import Remarks, RunRecord
from munseo._run.scores import Interval


class ScoreDifference(RunRecord):
    """Macro-F1 of the ensemble minus that of another candidate, with its 95% interval by paired bootstrap.

    Attributes:
        p_better: Fraction of the resamples in which the ensemble was better.
        conclusion: ``better``, ``worse`` or ``not distinguishable``.
    """

    difference: float
    interval: tuple[float, float]
    p_better: float
    conclusion: str


class MemberScores(RunRecord):
    """One run of an ensemble; ``weight`` is None in a stack.

    ``contribution`` is the score of all members minus that of all but this one.
    """

    name: str
    weight: float | None = None
    macro_f1: float
    loss: float | None = None
    contribution: ScoreDifference


class CandidateScores(RunRecord):
    """The scores of one way to predict, on pages that it was not fitted on."""

    macro_f1: float
    macro_f1_interval: Interval | None = None
    accuracy: float | None = None
    loss: float | None = None


class EnsembleScores(RunRecord):
    """An ensemble, judged against its members.

    Attributes:
        method: ``weights``, ``mean`` or ``stack``: also the name of the ensemble's own candidate.
        decided_on: ``shifted`` or ``val``: the pages that decide.
        judged_by_mean: Whether k-fold members were judged by the mean of their folds, which predicts; if not, by single
            folds, and nothing is known about the confidence of the ensemble.
        num_folds: Folds of the cross-validation by which the combination is judged.
        seed: The seed of folds and bootstraps.
        decisive: The candidate that is harder to beat: ``best_member`` or ``best_member_in_fold``.
        verdict: The conclusion in English sentences.
        differences: The ensemble minus each other candidate, by its name.
        would_drop: Members without which the others are as good.
    """

    method: str
    decided_on: str = "val"
    judged_by_mean: bool = False
    num_pages: int
    num_folds: int
    seed: int = 0
    conclusion: str | None = None
    decisive: str
    verdict: tuple[str, ...] = ()
    best_member: str
    members: tuple[MemberScores, ...]
    candidates: dict[str, CandidateScores]
    differences: dict[str, ScoreDifference]
    would_drop: tuple[str, ...] = ()
    notes: Remarks = ()
