"""Decides which pages need a person, by a given confidence threshold or by the threshold for a target precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from munseo._errors import UserError
from munseo._evaluation.calibration import calibrate, coverage_at
from munseo._evaluation.held_out import (
    FULL,
    Pipeline,
    held_out,
    is_measurable,
    judges_its_predictions,
    validated_pipeline,
)
from munseo._evaluation.promised_threshold import can_be_promised, promised_threshold
from munseo._run import RunFolder


class NoThresholdError(UserError):
    """The validation pages are too few, or too often misclassified, to guarantee the requested precision."""


@dataclass(frozen=True)
class Threshold:
    """The calibrated confidence from which a page needs no person.

    ``coverage`` is the fraction of the validation pages at or above it, ``precision`` the fraction of right predictions
    among these, or None where there are none. Both are None where the pipeline has not been measured.
    """

    confidence: float
    coverage: float | None
    precision: float | None

    def columns(self, probabilities: np.ndarray) -> dict[str, list[str]]:
        """Return ``confidence`` and ``needs_person`` of pages with these calibrated probabilities (N, K)."""
        confidence = np.nan_to_num(probabilities).max(axis=1)
        return {
            "confidence": [f"{value:.6f}" for value in confidence],
            "needs_person": ["no" if value >= self.confidence else "yes" for value in confidence],
        }

    def num_sure(self, probabilities: np.ndarray) -> int:
        """Return how many pages with these calibrated probabilities (N, K) need no person; NaN: a page needs one."""
        return int((np.nan_to_num(probabilities).max(axis=1) >= self.confidence).sum())

    def sentence(self, num_sure: int, num_pages: int) -> str:
        """Return how many of the pages need no person, and how often validation was right about such pages."""
        told = (
            f"{num_sure:,} of {num_pages:,} pages ({num_sure / max(num_pages, 1):.0%}) need no person: "
            f"confidence {self.confidence:.4f} or more."
        )
        if self.coverage is None:
            return f"{told} Validation did not measure what that covers."
        right = "none was above it" if self.precision is None else f"{self.precision:.1%} of them were right"
        return f"{told} In validation that covered {self.coverage:.0%} of the pages, and {right}."


def choose_threshold(
    run: RunFolder, pipeline: Pipeline, temperature: float, abstain_below: float | None, target_precision: float | None
) -> Threshold | None:
    """Return the requested threshold, with its precision on the held-out predictions, or None if none was requested.

    Args:
        run: The run folder.
        pipeline: What predicts.
        temperature: The temperature that calibrates its predictions.
        abstain_below: The threshold itself, 0 to 1.
        target_precision: Requested fraction of right predictions among pages without a person, above 0 and below 1.

    Raises:
        NoThresholdError: No threshold can be promised.
        UserError: Both were given, a value is out of range, or the pipeline has not been measured.
    """
    if abstain_below is None and target_precision is None:
        return None
    if abstain_below is not None and target_precision is not None:
        raise UserError("abstain_below, target_precision: each gives a threshold; choose one of them.")
    if abstain_below is not None and not 0 <= abstain_below <= 1:
        raise UserError(f"abstain_below: {abstain_below} is not allowed; should be from 0 to 1.")
    if target_precision is not None and not 0 < target_precision < 1:
        raise UserError(f"target_precision: {target_precision} is not allowed; should be between 0 and 1.")
    if target_precision is not None and not can_be_promised(run, pipeline):
        raise NoThresholdError(
            "target_precision: no threshold can be promised for this second look, since its run stores no predictions "
            "of these views by this engine; add --no-second-look, or give a threshold with --abstain-below."
        )
    held = held_out(run, pipeline)
    if abstain_below is not None:
        if held is None:
            return Threshold(abstain_below, None, None)
        labels, rows = held.rows
        covered = coverage_at(labels, calibrate(rows, temperature), abstain_below)
        return Threshold(abstain_below, covered["coverage"], covered["precision"])
    assert target_precision is not None
    if held is None:
        raise UserError(
            f"target_precision: {run.path} holds no validation predictions of the pipeline that is to predict "
            f"({pipeline}), so no threshold can be promised for it. {remedy(run, pipeline)}"
        )
    promised = promised_threshold(run, pipeline, held, temperature, target_precision)
    if promised["threshold"] is None:
        raise NoThresholdError(
            f"target_precision: {target_precision:g} cannot be promised from {len(held.ids)} validation "
            "pages; ask for less, or validate on more pages (the report's table says what can be promised)."
        )
    return Threshold(promised["threshold"], promised["coverage"], promised["precision"])


def evaluate_command(run: RunFolder, pipeline: Pipeline) -> str:
    """Return the command that measures a pipeline of a run."""
    words = ["munseo", "evaluate", str(run.path)]
    if pipeline.views != validated_pipeline(run).views:
        words.append("--no-tta" if pipeline.views == (("identity",),) else "--tta")
    look = run.read_results("second_look").second_look
    if (pipeline.second_look is not None) != bool(look and look.used):
        words.append("--no-second-look" if pipeline.second_look is None else "--second-look")
    words += [] if pipeline.precision == FULL else ["--backend", pipeline.precision]
    return f"`{' '.join(words)}`"


def remedy(run: RunFolder, pipeline: Pipeline) -> str:
    """Return what to do where the pipeline of a prediction has not been measured."""
    if not judges_its_predictions(run):
        return "No pages were held out of all folds to measure their mean: train with held_out_ratio above 0."
    if is_measurable(run, pipeline):
        return f"Measure it with {evaluate_command(run, pipeline)}; it predicts the validation pages again."
    backend = "" if pipeline.precision == FULL else "with a backend in full precision and "
    return f"Predict as it was validated: {backend}without --tta, --no-tta and --second-look."
