"""Decides which pages need a person, by a given confidence threshold or by the threshold for a target precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from munseo._errors import UserError
from munseo._evaluation.calibration import calibrate, coverage_at, threshold_for_precision
from munseo._evaluation.judgement import arrays, held_out_tables
from munseo._run import RunFolder


class NoThresholdError(UserError):
    """The validation pages are too few, or too often misclassified, to guarantee the requested precision."""


@dataclass(frozen=True)
class Threshold:
    """The calibrated confidence from which a page needs no person.

    ``coverage`` is the fraction of the validation pages at or above it, ``precision`` the fraction of right predictions
    among these; None where there are none.
    """

    confidence: float
    coverage: float
    precision: float | None

    def columns(self, probabilities: np.ndarray) -> dict[str, list[str]]:
        """Return ``confidence`` and ``needs_person`` of pages with these calibrated probabilities (N, K)."""
        confidence = np.nan_to_num(probabilities).max(axis=1)
        return {
            "confidence": [f"{value:.6f}" for value in confidence],
            "needs_person": ["no" if value >= self.confidence else "yes" for value in confidence],
        }

    def sentence(self, probabilities: np.ndarray) -> str:
        """Return how many of these pages need no person, and how often validation was right about such pages."""
        passed = int((np.nan_to_num(probabilities).max(axis=1) >= self.confidence).sum())
        right = "none was above it" if self.precision is None else f"{self.precision:.1%} of them were right"
        return (
            f"{passed} of {len(probabilities)} pages ({passed / max(len(probabilities), 1):.0%}) need no person: "
            f"confidence {self.confidence:.4f} or more. In validation that covered {self.coverage:.0%} of the pages, "
            f"and {right}."
        )


def choose_threshold(
    run: RunFolder, num_classes: int, temperature: float, abstain_below: float | None, target_precision: float | None
) -> Threshold | None:
    """Return the requested threshold, with its precision on the held-out predictions, or None if none was requested.

    Args:
        run: The run folder.
        num_classes: Number of classes that it predicts.
        temperature: The temperature that calibrates its predictions.
        abstain_below: The threshold itself, 0 to 1.
        target_precision: Requested fraction of right predictions among pages without a person, above 0 and below 1.

    Raises:
        NoThresholdError: No threshold can be promised.
        UserError: Both were given, or a value is out of range.
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
    labels, rows = arrays(shifted, num_classes)
    calibrated = calibrate(rows, temperature)
    if abstain_below is not None:
        if not 0 <= abstain_below <= 1:
            raise UserError(f"abstain_below: {abstain_below} is not allowed; should be from 0 to 1.")
        covered = coverage_at(labels, calibrated, abstain_below)
    else:
        assert target_precision is not None
        if not 0 < target_precision < 1:
            raise UserError(f"target_precision: {target_precision} is not allowed; should be between 0 and 1.")
        draws = int(shifted["draw"].nunique()) if "draw" in shifted else 1
        covered = threshold_for_precision(labels, calibrated, target_precision, draws)
    confidence = covered["threshold"]
    if confidence is None:
        raise NoThresholdError(
            f"target_precision: {target_precision:g} cannot be promised from {shifted['ID'].nunique()} validation "
            "pages; ask for less, or validate on more pages (the report's table says what can be promised)."
        )
    return Threshold(confidence, covered["coverage"] or 0.0, covered["precision"])
