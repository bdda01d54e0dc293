"""What predictions without labels are worth: the expected score, and which pages need a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo._console import say
from munseo._errors import UserError
from munseo._evaluation.calibration import coverage_at, threshold_for_precision
from munseo._evaluation.expectation import expect_macro_f1
from munseo._evaluation.judgement import arrays, by_draw, held_out_tables
from munseo._prediction.predictor import Answer, Predictor
from munseo._run import RunFolder

FEWEST_PAGES = 10
"""With fewer pages than this no score is stated: it would be a guess about single pages."""


def expect(run: RunFolder, predictor: Predictor, answer: Answer) -> dict[str, Any] | None:
    """The ``expected`` entry of ``results.json`` for pages just predicted; None if nothing can be said.

    It speaks of the answers before a second look, whose effect on validation is in ``second_look``.
    """
    readable = answer.first[~np.isnan(answer.first[:, 0])]
    tables = held_out_tables(run)
    if tables is None or len(readable) < FEWEST_PAGES:
        return None
    labels, clean = arrays(tables[0], predictor.card.num_classes)
    shifted = by_draw(*tables, predictor.card.num_classes)
    expectation = expect_macro_f1(labels, clean, shifted, readable, run.read_config().random_seed)
    return expectation.to_dict(predictor.card.class_names)


def say_expectation(expected: dict[str, Any]) -> None:
    """In one line, and a line a note."""
    low, high = expected["interval"]
    say(
        f"expected macro-F1 on these {expected['num_pages']} pages: {expected['macro_f1']:.4f} "
        f"(90 % interval {low:.4f} to {high:.4f}; clean validation {expected['clean_val']:.4f}, "
        f"shifted {expected['shifted_val']:.4f})"
    )
    for note in expected["notes"]:
        say(f"  {note['text']}")


@dataclass(frozen=True)
class Decision:
    """From which confidence on a page needs no person.

    Attributes:
        threshold: Calibrated confidence.
        coverage: Share of validation pages at or above it.
        precision: Share of right answers among these; None where there are none.
    """

    threshold: float
    coverage: float
    precision: float | None

    def columns(self, probabilities: np.ndarray) -> dict[str, list[str]]:
        """``confidence`` and ``needs_person`` of pages with these calibrated probabilities (N, K)."""
        confidence = np.nan_to_num(probabilities).max(axis=1)
        return {
            "confidence": [f"{value:.6f}" for value in confidence],
            "needs_person": ["no" if value >= self.threshold else "yes" for value in confidence],
        }

    def sentence(self, probabilities: np.ndarray) -> str:
        """How many pages of these go without a person, and what validation says of such pages."""
        passed = int((np.nan_to_num(probabilities).max(axis=1) >= self.threshold).sum())
        right = "none was above it" if self.precision is None else f"{self.precision:.1%} of them were right"
        return (
            f"{passed} of {len(probabilities)} pages ({passed / max(len(probabilities), 1):.0%}) need no person: "
            f"confidence {self.threshold:.4f} or more. In validation that covered {self.coverage:.0%} of the pages, "
            f"and {right}."
        )


def decide(
    run: RunFolder, predictor: Predictor, abstain_below: float | None, target_precision: float | None
) -> Decision | None:
    """The threshold that was asked for; None if none was.

    Raises:
        UserError: Both were asked for, a value is out of range, or no threshold can be promised.
    """
    if abstain_below is None and target_precision is None:
        return None
    if abstain_below is not None and target_precision is not None:
        raise UserError("abstain_below, target_precision: each gives a threshold; choose one of them.")
    tables = held_out_tables(run)
    if tables is None:
        raise UserError(
            f"{run.path}: holds no validation predictions, so nothing is known about its confidence; resume the run."
        )
    shifted = tables[1]
    labels, rows = arrays(shifted, predictor.card.num_classes)
    calibrated = predictor.calibrated(rows)
    if abstain_below is not None:
        if not 0 <= abstain_below <= 1:
            raise UserError(f"abstain_below: {abstain_below} is not allowed; should be from 0 to 1.")
        found = coverage_at(labels, calibrated, abstain_below)
    else:
        assert target_precision is not None
        if not 0 < target_precision < 1:
            raise UserError(f"target_precision: {target_precision} is not allowed; should be between 0 and 1.")
        draws = int(shifted["draw"].nunique()) if "draw" in shifted else 1
        found = threshold_for_precision(labels, calibrated, target_precision, draws)
    threshold = found["threshold"]
    if threshold is None:
        raise UserError(
            f"target_precision: {target_precision:g} cannot be promised from {shifted['ID'].nunique()} validation "
            "pages; ask for less, or validate on more pages (the report's table says what can be promised)."
        )
    return Decision(threshold, found["coverage"] or 0.0, found["precision"])
