"""The types of what a run folder records about a run: ``results.json``, ``scores.json``, and the course of training.

Whoever writes these files and whoever reads them share these classes. Attributes have the names of the keys, except
``class``, which is ``name`` here. Reading is lenient where files of earlier versions, or edited ones, may differ: null,
NaN and missing values are None (or the default) unless an entry cannot do without them, and unknown keys are kept.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from munseo._locale import Remark

T = TypeVar("T")


def _number(value: Any) -> Any:
    return None if value is None or value != value else value


def _whole(value: Any) -> Any:
    value = _number(value)
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


def _entry(value: Any) -> Any:
    return value or None


def _interval(value: Any) -> Any:
    return value[:2] if value and None not in value else None


def _remarks(entries: Any) -> tuple[Remark, ...]:
    """Return remarks; earlier versions wrote plain sentences, which cannot be translated."""
    return tuple(
        Remark(str(entry["key"]), dict(entry["values"]), str(entry["text"]))
        if isinstance(entry, dict)
        else Remark("", text=str(entry))
        for entry in entries or ()
    )


Number = Annotated[float | None, BeforeValidator(_number)]
"""A number that may not have been measured."""
Whole = Annotated[int | None, BeforeValidator(_whole)]
"""A whole number that may not be known."""
Score = Annotated[float, BeforeValidator(lambda value: value or 0)]
"""A number that counts as 0 where it is null."""
Interval = Annotated[tuple[float, float] | None, BeforeValidator(_interval)]
"""Both ends of a confidence interval, which may not have been measured."""
Rows = Annotated[tuple[T, ...], BeforeValidator(lambda value: value or ())]
"""A list that may be null."""
Flag = Annotated[bool, BeforeValidator(bool)]
Remarks = Annotated[
    tuple[Remark, ...],
    BeforeValidator(_remarks),
    PlainSerializer(lambda remarks: [remark.to_dict() for remark in remarks]),
]


class RunRecord(BaseModel):
    """The base of all records: they do not change, and they are built when they are first used."""

    model_config = ConfigDict(
        frozen=True, extra="allow", coerce_numbers_to_str=True, populate_by_name=True, defer_build=True
    )


class ClassScore(RunRecord):
    """How well one class is found; ``support`` is its number of validation pages."""

    name: str = Field(alias="class")
    precision: Score
    recall: Score
    f1: Score
    support: int


class ConfusedPair(RunRecord):
    """Pages of one class that were taken for another; ``share`` is the fraction of the true class's pages."""

    true: str
    predicted: str
    count: int
    share: float


class Scores(RunRecord):
    """How the best weights judge a set of labelled pages.

    Attributes:
        macro_f1_interval: The 95 % interval by bootstrap over pages.
        loss: Mean negative log-likelihood of the true class.
        confusion: (C, C) counts, a row for each true class.
        confused_pairs: The most frequent confusions, as the run wrote them; ``confusions`` has all.
    """

    num_pages: int
    macro_f1: float
    macro_f1_interval: Interval = None
    accuracy: Number = None
    loss: Number = None
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    confused_pairs: Rows[ConfusedPair] = ()

    @cached_property
    def num_errors(self) -> int:
        """How many pages are misclassified."""
        return sum(map(sum, self.confusion)) - sum(row[index] for index, row in enumerate(self.confusion))

    @cached_property
    def confusions(self) -> tuple[ConfusedPair, ...]:
        """Every confused pair, the most frequent first."""
        names = [score.name for score in self.per_class]
        pairs = [
            ConfusedPair(true=names[i], predicted=names[j], count=count, share=count / (sum(row) or 1))
            for i, row in enumerate(self.confusion)
            for j, count in enumerate(row)
            if count and i != j
        ]
        return tuple(sorted(pairs, key=lambda pair: (-pair.count, -pair.share)))


class ShiftedScores(Scores):
    """The validation pages under the recipe ``recipe``: each page ``draws`` times, damaged differently each time."""

    draws: Annotated[int, BeforeValidator(lambda value: value or 1)] = 1
    recipe: Annotated[str, BeforeValidator(lambda value: value or "")] = ""


class TrainScores(RunRecord):
    """What training itself measured at the best epoch: on augmented pages, with weights in motion."""

    macro_f1: Number = None
    accuracy: Number = None
    loss: Number = None


class FoldScores(RunRecord):
    """The result of one fold."""

    fold: int
    macro_f1: Number = None
    accuracy: Number = None
    loss: Number = None
    best_epoch: Whole = None


class ReliabilityBin(RunRecord):
    """Pages of similar confidence: their number, mean confidence and fraction of right predictions."""

    low: Number = None
    high: Number = None
    count: int
    confidence: float
    accuracy: float


class Reliability(RunRecord):
    """The expected calibration error before and after temperature scaling, and the reliability diagram after it."""

    ece_before: Number = None
    ece_after: Number = None
    bins: Rows[ReliabilityBin] = ()


class CoveragePoint(RunRecord):
    """The fraction of pages at or above a confidence, and the fraction of right predictions among them."""

    threshold: Number = None
    coverage: Score = 0.0
    precision: Number = None


class Coverage(RunRecord):
    """What a wanted precision costs: pages below ``threshold`` go to a person; None where no threshold reaches it."""

    target_precision: float
    threshold: Number = None
    coverage: Score = 0.0
    precision: Number = None


class Calibration(RunRecord):
    """Temperature scaling and selective classification.

    Attributes:
        fitted_on: ``shifted`` where the run validates damaged pages, else ``val``.
        curve: Precision against coverage, by rising coverage.
    """

    temperature: Number = None
    fitted_on: Annotated[str, BeforeValidator(lambda value: value or "val")] = "val"
    val: Annotated[Reliability | None, BeforeValidator(_entry)] = None
    shifted: Annotated[Reliability | None, BeforeValidator(_entry)] = None
    coverage: Rows[Coverage] = ()
    curve: Rows[CoveragePoint] = ()

    @property
    def reliability(self) -> dict[str, Reliability]:
        """The reliability on clean and on damaged pages (``val``, ``shifted``), as far as each was measured."""
        return {name: part for name, part in (("val", self.val), ("shifted", self.shifted)) if part is not None}

    @property
    def known_curve(self) -> tuple[tuple[float, float], ...]:
        """Coverage and precision, by rising coverage, where there is a precision."""
        points = [(point.coverage, point.precision) for point in self.curve if point.precision is not None]
        return tuple(sorted(points))


def _gained(row: Any) -> bool:
    return not isinstance(row, dict) or row.get("gain") is not None


class ViewGain(RunRecord):
    """One test-time view: macro-F1 by itself and averaged with the unchanged page.

    Attributes:
        gain: What averaging the two adds to the unchanged page, with a 90 % interval.
        verdict: ``helps``, ``hurts`` or ``unclear``.
    """

    view: str
    alone: Number = None
    with_identity: Number = None
    gain: float
    interval: Interval = None
    verdict: Annotated[str, BeforeValidator(lambda value: value or "unclear")] = "unclear"


class ViewGains(RunRecord):
    """What test-time augmentation is worth on the validation pages, damaged if the run validates so.

    Attributes:
        space: How views are averaged: ``probability`` or ``logit``.
        configured: The views that prediction averages.
        base: Macro-F1 on the unchanged pages.
        configured_macro_f1: Macro-F1 of the configured views together.
    """

    space: Annotated[str, BeforeValidator(lambda value: value or "probability")] = "probability"
    configured: Rows[str] = ()
    base: float
    configured_macro_f1: Number = None
    rows: Annotated[tuple[ViewGain, ...], BeforeValidator(lambda rows: [row for row in rows if _gained(row)])]

    @property
    def ranked(self) -> tuple[ViewGain, ...]:
        """The views, the largest gain first."""
        return tuple(sorted(self.rows, key=lambda row: -row.gain))

    @property
    def hurting(self) -> tuple[str, ...]:
        """The views that clearly hurt, the worst first."""
        return tuple(row.view for row in reversed(self.ranked) if row.verdict == "hurts")

    @property
    def hurting_and_configured(self) -> tuple[str, ...]:
        """Those of them that prediction averages."""
        return tuple(view for view in self.hurting if view in self.configured)


class SecondLookGain(RunRecord):
    """A second look at uncertain pages, and what it gains by cross-validation.

    Attributes:
        gate: Pages with a lower confidence are predicted again.
        blend: Weight of the second prediction, 0 to 1.
        views: Views of the second prediction.
        share: Fraction of the validation pages below the gate.
        before: Macro-F1 without the second look.
        after: Macro-F1 with it.
        interval: The 90 % interval of ``gain``.
        used: Whether prediction does it unless told otherwise.
    """

    gate: float
    blend: float
    views: Rows[str] = ()
    share: float
    before: float
    after: float
    gain: float
    interval: Interval = None
    used: Flag = False


class BrokenPage(RunRecord):
    """A page that is classified rightly when clean and wrongly under a damage.

    Attributes:
        id: The page's ID.
        severity: The weakest that breaks it, above 0 and up to 1.
        file: A small picture of it, relative to the run folder, where one was kept.
    """

    id: str
    severity: float
    true: str
    predicted: str
    confidence: Number = None
    file: str | None = None


class DamageScores(RunRecord):
    """Macro-F1 under one kind of damage, by severity; ``graded`` is False where it is all or nothing."""

    damage: str
    graded: Flag = True
    severities: tuple[float, ...]
    macro_f1: tuple[float, ...]
    broken: Rows[BrokenPage] = ()


class RobustnessProfile(RunRecord):
    """Every kind of damage, each on the same ``num_pages`` validation pages; ``clean`` is macro-F1 without damage."""

    num_pages: int
    clean: float
    damages: Rows[DamageScores] = ()

    def drop(self, damage: DamageScores) -> float:
        """How much macro-F1 the damage costs where it costs most."""
        return self.clean - min(damage.macro_f1)


class ClassFraction(RunRecord):
    """The predicted fraction of one class."""

    name: str = Field(alias="class")
    share: float


class ExpectedScore(RunRecord):
    """The macro-F1 to expect on pages without labels, with its 90 % interval.

    Attributes:
        clean_val: Macro-F1 on the validation pages.
        shifted_val: Macro-F1 on the validation pages under the recipe.
        num_pages: How many pages without labels there are.
        mean_confidence: The mean confidence on them.
        class_mix: The predicted fraction of each class.
        notes: What a reader should know.
    """

    macro_f1: float
    interval: Interval = None
    clean_val: Number = None
    shifted_val: Number = None
    num_pages: Whole = None
    mean_confidence: Number = None
    class_mix: Rows[ClassFraction] = ()
    notes: Remarks = ()


class ScoreDifference(RunRecord):
    """Macro-F1 of the ensemble less that of another, with its 95 % interval by paired bootstrap.

    Attributes:
        p_better: Fraction of the resamples in which the ensemble was better.
        conclusion: ``better``, ``worse`` or ``not distinguishable``.
    """

    difference: float
    interval: tuple[float, float]
    p_better: float
    conclusion: str


class MemberScores(RunRecord):
    """One run of an ensemble.

    Attributes:
        weight: None in a stack.
        contribution: The score of all members less that of all but this one.
    """

    name: str
    weight: Number = None
    macro_f1: float
    loss: Number = None
    contribution: ScoreDifference


class CandidateScores(RunRecord):
    """One way to predict, scored on pages it was not fitted on."""

    macro_f1: float
    macro_f1_interval: Interval = None
    accuracy: Number = None
    loss: Number = None


class EnsembleScores(RunRecord):
    """An ensemble, judged against its members.

    Attributes:
        method: ``weights``, ``mean`` or ``stack``: also the name of the ensemble's own candidate.
        decided_on: ``shifted`` or ``val``: the pages that decide.
        num_folds: Folds of the cross-validation by which the combination is judged.
        seed: The seed of folds and bootstraps.
        decisive: The candidate, ``best_member`` or ``best_member_in_fold``, against which it does less well.
        verdict: The conclusion in English sentences.
        candidates: By name.
        differences: The ensemble less each other candidate, by its name.
        would_drop: Members without which the others do as well.
        notes: What a reader should know.
    """

    method: str
    decided_on: str = "val"
    num_pages: int
    num_folds: int
    seed: int = 0
    conclusion: str | None = None
    decisive: str
    verdict: Rows[str] = ()
    best_member: str
    members: tuple[MemberScores, ...]
    candidates: dict[str, CandidateScores]
    differences: dict[str, ScoreDifference]
    would_drop: Rows[str] = ()
    notes: Remarks = ()


def _tried(value: Any) -> Any:
    """Drop an entry without views: the unchanged page is the only one that was tried."""
    return None if isinstance(value, dict) and not value.get("rows") else value or None


def _scored(value: Any) -> Any:
    """Drop an entry without a score: nothing was measured."""
    return None if isinstance(value, dict) and _number(value.get("macro_f1")) is None else value or None


class Results(RunRecord):
    """What was measured on a run: the content of ``results.json``. An entry is None where nothing was measured.

    >>> results = run.read_results()
    >>> results.val.macro_f1, results.calibration.temperature
    (0.9164, 1.412)

    Attributes:
        val: The validation pages.
        shifted: The validation pages under the recipe of the shift.
        calibration: How far confidence can be trusted.
        views: What each test-time view adds.
        second_look: What a second look at uncertain pages adds.
        robustness: What each kind of damage costs.
        train: What training itself measured.
        folds: The results of the folds of a k-fold run.
        expected: The score to expect on the test part.
        ensemble: An ensemble against its members.
    """

    # In the order of the file.
    val: Annotated[Scores | None, BeforeValidator(_scored)] = None
    shifted: Annotated[ShiftedScores | None, BeforeValidator(_scored)] = None
    calibration: Annotated[Calibration | None, BeforeValidator(_entry)] = None
    views: Annotated[ViewGains | None, BeforeValidator(_tried)] = None
    second_look: Annotated[SecondLookGain | None, BeforeValidator(_entry)] = None
    robustness: Annotated[RobustnessProfile | None, BeforeValidator(_entry)] = None
    train: Annotated[TrainScores | None, BeforeValidator(_entry)] = None
    folds: Rows[FoldScores] = ()
    expected: Annotated[ExpectedScore | None, BeforeValidator(_scored)] = None
    ensemble: Annotated[EnsembleScores | None, BeforeValidator(_entry)] = None


ResultsEntry = Literal[
    "val", "shifted", "calibration", "views", "second_look", "robustness", "train", "folds", "expected", "ensemble"
]
"""The names of the entries of ``results.json``."""


class ServerScores(RunRecord):
    """The scores that a competition's server gave: the content of ``scores.json``; ``recorded`` is an ISO time."""

    public: Number = None
    private: Number = None
    recorded: str | None = None
