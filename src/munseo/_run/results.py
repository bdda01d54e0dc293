"""The types of ``results.json``, which records what was measured on a run: shared by all who write and read it.

Attributes have the names of the keys, except ``class``, which is ``name`` here. Fields are in the order of the file.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from munseo._run.ensemble_scores import EnsembleScores
from munseo._run.records import Remarks, RunRecord, is_unknown
from munseo._run.scores import Interval, Scores, ShiftedScores
from munseo._run.text_scores import TextScores

WITHOUT_INTERVAL = frozenset({"less_sure", "other_mix", "absent_classes"})
"""Notes on an expected score which say that the pages are unlike any validation pages: it has no interval then."""


class TrainScores(RunRecord):
    """Scores that training measured in the best epoch, on augmented pages and while the weights changed."""

    macro_f1: float | None = None
    accuracy: float | None = None
    loss: float | None = None


class EpochChoice(RunRecord):
    """By how much macro-F1 is flattered by choosing the best epoch on the pages that score it, by a bootstrap.

    Attributes:
        num_epochs: The epochs that were compared; in a k-fold run the most of any fold.
        monitor: What the epoch was chosen by.
        val: The estimate for the clean validation pages, 0 or more.
        shifted: The same for the damaged pages, if the run validates any.
    """

    num_epochs: int
    monitor: str
    val: float
    shifted: float | None = None


class FoldScores(RunRecord):
    """The result of one fold."""

    fold: int
    macro_f1: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    best_epoch: int | None = None


class FoldMeanScores(RunRecord):
    """The scores of the mean of the folds, which predicts, on the pages that no fold used.

    Attributes:
        val: The scores on these pages as they are.
        shifted: The scores on the same pages under the recipe, if the run validates damaged pages.
    """

    val: Scores
    shifted: ShiftedScores | None = None


class ReliabilityBin(RunRecord):
    """Pages of similar confidence: their number, mean confidence and fraction of right predictions."""

    low: float | None = None
    high: float | None = None
    count: int
    confidence: float
    accuracy: float


class Reliability(RunRecord):
    """The expected calibration error before and after temperature scaling, and the reliability diagram after it.

    What is after it is cross-fitted in a run's own validation: each page has the temperature that other pages give.
    """

    ece_before: float | None = None
    ece_after: float | None = None
    bins: tuple[ReliabilityBin, ...] = ()


class CoveragePoint(RunRecord):
    """The fraction of pages at or above a confidence, and the fraction of right predictions among them."""

    threshold: float | None = None
    coverage: float = 0.0
    precision: float | None = None


class Coverage(RunRecord):
    """The coverage at a target precision; ``threshold`` is None if no confidence threshold reaches the target."""

    target_precision: float
    threshold: float | None = None
    coverage: float = 0.0
    precision: float | None = None


class Calibration(RunRecord):
    """Temperature scaling and selective classification, whose ``curve`` is by rising coverage.

    In a k-fold run everything here is of the mean of the folds, on the pages of ``fold_mean``.

    Attributes:
        fitted_on: ``shifted`` where the run validates damaged pages, else ``val``.
        pipeline: The pipeline whose predictions all of this was measured on (``munseo._evaluation.held_out.Pipeline``);
            None in runs of earlier versions, which measured the predictions before a second look.
    """

    temperature: float | None = None
    fitted_on: str = "val"
    pipeline: dict[str, Any] | None = None
    val: Reliability | None = None
    shifted: Reliability | None = None
    coverage: tuple[Coverage, ...] = ()
    curve: tuple[CoveragePoint, ...] = ()

    @property
    def reliability(self) -> dict[str, Reliability]:
        """The reliability on clean and on damaged pages (``val``, ``shifted``), as far as each was measured."""
        return {name: part for name, part in (("val", self.val), ("shifted", self.shifted)) if part is not None}

    @property
    def known_curve(self) -> tuple[tuple[float, float], ...]:
        """Coverage and precision, by rising coverage, where there is a precision."""
        points = [(point.coverage, point.precision) for point in self.curve if point.precision is not None]
        return tuple(sorted(points))


class ViewGain(RunRecord):
    """One test-time view: macro-F1 by itself and averaged with the unchanged page.

    Attributes:
        gain: What averaging the two adds to the unchanged page, with a 90% interval.
        verdict: ``helps``, ``hurts`` or ``unclear``.
        num_pages: With ``judging: quick`` the pages that it was judged on; the verdict is then that of
            ``accuracy_interval``.
        accuracy_interval: The 90% confidence sequence of the gain in accuracy.
        stopped_early: Whether it was judged on fewer pages than there are.
    """

    view: str
    alone: float | None = None
    with_identity: float | None = None
    gain: float
    interval: Interval | None = None
    verdict: str = "unclear"
    num_pages: int | None = None
    accuracy_interval: Interval | None = None
    stopped_early: bool = False


class ViewGains(RunRecord):
    """The gain of test-time augmentation on the validation pages, which are damaged if the run validates damaged pages.

    Attributes:
        space: How views are averaged: ``probability`` or ``logit``.
        configured: The views that prediction averages.
        base: Macro-F1 on the unchanged pages.
        configured_macro_f1: Macro-F1 of the configured views together.
    """

    space: str = "probability"
    configured: tuple[str, ...] = ()
    base: float
    configured_macro_f1: float | None = None
    rows: tuple[ViewGain, ...]

    @field_validator("rows", mode="before")
    @classmethod
    def _leave_out_unmeasured(cls, rows: Any) -> Any:
        return [row for row in rows if not (isinstance(row, dict) and is_unknown(row.get("gain")))]

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
        """The harmful views that prediction averages."""
        return tuple(view for view in self.hurting if view in self.configured)


class SecondLookGain(RunRecord):
    """A second look at uncertain pages, and what it gains by cross-validation.

    Attributes:
        gate: Confidence threshold; pages with a lower confidence are predicted again.
        blend: Weight of the second prediction, 0 to 1.
        share: Fraction of the validation pages below ``gate``.
        before: Macro-F1 without the second look; ``after`` is macro-F1 with it.
        interval: The 90% interval of ``gain``.
        used: Whether predictions take a second look by default.
    """

    gate: float
    blend: float
    views: tuple[str, ...] = ()
    share: float
    before: float
    after: float
    gain: float
    interval: Interval | None = None
    used: bool = False


class BrokenPage(RunRecord):
    """A page that is classified correctly when clean and wrongly under a damage.

    Attributes:
        severity: The lowest severity at which the prediction is wrong, above 0 and up to 1.
        file: The path of a small picture of it, relative to the run folder, if one was kept.
    """

    id: str
    severity: float
    true: str
    predicted: str
    confidence: float | None = None
    file: str | None = None


class DamageScores(RunRecord):
    """Macro-F1 under one kind of damage, by severity; ``graded`` is False for damage without a severity.

    Attributes:
        num_pages: With ``judging: quick`` the pages that it was judged on, whose macro-F1 without damage is ``clean``.
        accuracy_changes: The 90% confidence sequence of the change in accuracy at each severity.
        stopped_early: Whether it was judged on fewer pages than the profile has.
    """

    damage: str
    graded: bool = True
    severities: tuple[float, ...]
    macro_f1: tuple[float, ...]
    broken: tuple[BrokenPage, ...] = ()
    num_pages: int | None = None
    clean: float | None = None
    accuracy_changes: tuple[Interval, ...] = ()
    stopped_early: bool = False


class RobustnessProfile(RunRecord):
    """Every kind of damage, each on the same ``num_pages`` validation pages; ``clean`` is macro-F1 without damage."""

    num_pages: int
    clean: float
    damages: tuple[DamageScores, ...] = ()

    def drop(self, damage: DamageScores) -> float:
        """The largest loss of macro-F1 over all severities, on the pages that the damage was judged on."""
        return (self.clean if damage.clean is None else damage.clean) - min(damage.macro_f1)


class ClassFraction(RunRecord):
    """The predicted fraction of one class."""

    name: str = Field(alias="class")
    share: float


class ExpectedScore(RunRecord):
    """The macro-F1 to expect on pages without labels, with its 90% interval.

    Attributes:
        interval: None where a note says that the pages are unlike any validation pages.
        clean_val: Macro-F1 on the validation pages; ``shifted_val`` is that on these pages under the recipe.
        mean_confidence: Mean confidence of the predictions for the pages without labels.
        class_mix: The predicted fraction of each class.
        absent: Classes that do not seem to occur among the pages; they are not counted.
    """

    macro_f1: float
    interval: Interval | None = None
    clean_val: float | None = None
    shifted_val: float | None = None
    num_pages: int | None = None
    mean_confidence: float | None = None
    class_mix: tuple[ClassFraction, ...] = ()
    absent: tuple[str, ...] = ()
    notes: Remarks = ()

    @model_validator(mode="after")
    def _drop_untrusted_interval(self) -> Self:
        """Drop the interval that earlier versions wrote beside such a note: it covered 0 to 5 of 20 real scores."""
        if not WITHOUT_INTERVAL.isdisjoint(note.key for note in self.notes):
            self.__dict__["interval"] = None  # records are frozen
        return self


class Results(RunRecord):
    """The content of ``results.json``: what was measured on a run. An entry is None if it was not measured.

    >>> results = run.read_results()
    >>> results.val.macro_f1, results.calibration.temperature
    (0.9164, 1.412)

    ``val`` has the scores of the clean validation pages, ``shifted`` those of the same pages damaged by the recipe, and
    ``expected`` the estimate for the test pages; each class describes its entry. In a k-fold run, ``val`` and
    ``shifted`` have the scores of single models on the pages that they did not see, ``fold_mean`` those of their mean.
    """

    # In the order of the file.
    val: Scores | None = None
    shifted: ShiftedScores | None = None
    calibration: Calibration | None = None
    views: ViewGains | None = None
    second_look: SecondLookGain | None = None
    robustness: RobustnessProfile | None = None
    train: TrainScores | None = None
    epoch_choice: EpochChoice | None = None
    folds: tuple[FoldScores, ...] = ()
    fold_mean: FoldMeanScores | None = None
    expected: ExpectedScore | None = None
    ensemble: EnsembleScores | None = None
    text: TextScores | None = None

    @field_validator("val", "shifted", "expected", "views", mode="before")
    @classmethod
    def _leave_out_unmeasured(cls, value: Any, info: ValidationInfo) -> Any:
        """Drop an entry without a score, and the entry of views if only the unchanged page was tried."""
        key = "rows" if info.field_name == "views" else "macro_f1"
        return None if isinstance(value, dict) and is_unknown(value.get(key)) else value

    def generalisation(self, public: float | None) -> float | None:
        """Return a server's public score divided by validation macro-F1, if both are known."""
        return public / self.val.macro_f1 if public is not None and self.val and self.val.macro_f1 else None


ResultsEntry = Literal[
    "val", "shifted", "calibration", "views", "second_look", "robustness", "train", "epoch_choice", "folds",
    "fold_mean", "expected", "ensemble", "text",
]  # fmt: skip
"""The names of the entries of ``results.json``."""
