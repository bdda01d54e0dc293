"""The expected score: an estimate of macro-F1 on pages without labels, with an interval.

A model's probabilities, calibrated for the damage that the test pages have, estimate how often each prediction is
right. The confidence on the test set shows which calibration fits: the validation pages, clean and under the recipe,
are mixed so that their confidence is distributed as that of the test set, and the temperature is fitted to that mix.
The expected macro-F1 is the mean over labels drawn from the calibrated test probabilities. docs/expected-score.md has
the method, its sources and measurements, and when it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from munseo._evaluation.calibration import apply_temperature, best_temperature, temperature_losses
from munseo._evaluation.metrics import macro_f1
from munseo._locale import Remark
from munseo._randomness import generator

LEVEL = 0.9
"""Level of the interval."""
NUM_RESAMPLES = 120
"""Resamples of the validation pages."""
NUM_LABEL_DRAWS = 200
"""Sets of labels that are drawn for the test pages."""
SLOPE_PRIOR = 0.06
"""Difference between the expected scores of clean and shifted pages at which the slope measured between them counts as
much as the slope 1 that perfect calibration would have."""
MISMATCH_SD = 0.01
"""Standard deviation for damage that the recipe does not know, which no resampling shows."""
MISMATCH_FRACTION = 0.1
"""Standard deviation that such damage adds, as a fraction of the difference between the recipe's score and the
estimate; measured by simulation (docs/expected-score.md)."""
MIX_SIGNIFICANCE = 0.001
"""Significance level of the test for another mix of classes."""
FEW_PAGES = 100
"""Number of pages below which a note warns."""
NUM_BINS = 8
"""Bins of confidence in which validation and test pages are matched."""
FRACTIONS = np.linspace(0, 1, 101)[:, None]
"""Candidate fractions of clean pages in the mix."""


@dataclass(frozen=True)
class Expectation:
    """The expected score of unlabelled pages.

    Attributes:
        macro_f1: Expected macro-F1.
        interval: 90% interval of the real macro-F1, (low, high).
        clean_val: Macro-F1 of the validation pages as they are.
        shifted_val: Macro-F1 of the validation pages under the recipe, all draws together.
        num_pages: Number of unlabelled pages.
        mean_confidence: Mean calibrated confidence on them.
        class_mix: Expected fraction of each class among them, float64 (K,).
        notes: What a reader should know.
    """

    macro_f1: float
    interval: tuple[float, float]
    clean_val: float
    shifted_val: float
    num_pages: int
    mean_confidence: float
    class_mix: np.ndarray
    notes: tuple[Remark, ...]

    def to_dict(self, class_names: Sequence[str]) -> dict[str, Any]:
        """Return the ``expected`` entry of ``results.json``."""
        mix = [{"class": name, "share": float(part)} for name, part in zip(class_names, self.class_mix, strict=True)]
        notes = [note.to_dict() for note in self.notes]
        return {**vars(self), "interval": list(self.interval), "class_mix": mix, "notes": notes}


def expect_macro_f1(
    labels: np.ndarray, clean: np.ndarray, shifted: np.ndarray, test: np.ndarray, seed: int = 0
) -> Expectation:
    """Estimate macro-F1 on unlabelled pages.

    Args:
        labels: True classes of the validation pages, int (M,).
        clean: Probabilities of these pages as they are, float (M, K).
        shifted: Probabilities of the same pages under the recipe, float (draws, M, K).
        test: Probabilities of the unlabelled pages, float (N, K), N ≥ 1.
        seed: Seed of the resampling.
    """
    # The rows are sorted, so that resampling does not depend on the order in which they came.
    order = np.lexsort([*clean.T, labels])
    val = Validation(labels[order], clean[order], shifted[:, order])
    test = test[np.lexsort(test.T)]
    predicted = test.argmax(axis=1)
    match = val.match(np.ones(val.num_pages), test.max(axis=1))
    posterior = _posterior(test, match)
    drawn = _drawn_scores(posterior, predicted, generator(seed, "expectation/labels"))
    line = _Line.between(val, match)
    point = float(np.clip(line.score(float(drawn.mean())), 0, 1))
    mismatch = MISMATCH_SD + MISMATCH_FRACTION * abs(point - line.shifted_real)
    spread = float(np.sqrt(_resampled_scores(val, test, seed).var() + drawn.var() + mismatch**2))
    half = spread * float(stats.norm.ppf((1 + LEVEL) / 2))
    return Expectation(
        macro_f1=point,
        interval=(max(point - half, 0.0), min(point + half, 1.0)),
        clean_val=line.clean_real,
        shifted_val=line.shifted_real,
        num_pages=len(test),
        mean_confidence=float(posterior[np.arange(len(test)), predicted].mean()),
        class_mix=posterior.mean(axis=0),
        notes=_notes(val, match, test),
    )


@dataclass(frozen=True)
class _Line:
    """The line from the score that calibrated probabilities expect to the real score, through the validation pages.

    That a change of confidence predicts the change of accuracy is the finding of Guillory et al., "Predicting with
    confidence on unseen distributions" (2021). The slope is measured between clean and shifted pages, since confidence
    falls too little in models that were trained without damage.
    """

    clean_real: float
    shifted_real: float
    shifted_expected: float
    slope: float

    @staticmethod
    def between(val: Validation, match: Match) -> _Line:
        predicted, posterior = val.probabilities.argmax(axis=1), _posterior(val.probabilities, match)
        truth = np.eye(val.num_classes)[val.labels]
        clean, shifted = slice(None, val.num_pages), slice(val.num_pages, None)
        scores = [
            _soft_macro_f1(classes[rows], predicted[rows], weights)
            for classes in (truth, posterior)
            for rows, weights in ((clean, match.clean), (shifted, match.shifted))
        ]
        clean_real, shifted_real, clean_expected, shifted_expected = scores
        run, rise = clean_expected - shifted_expected, clean_real - shifted_real
        slope = (run * rise + SLOPE_PRIOR**2) / (run**2 + SLOPE_PRIOR**2)
        return _Line(clean_real, shifted_real, shifted_expected, slope)

    def score(self, expected: float) -> float:
        """Return the real score to expect where calibrated probabilities expect ``expected``."""
        return self.shifted_real + self.slope * (expected - self.shifted_expected)


def _posterior(probabilities: np.ndarray, match: Match) -> np.ndarray:
    """Return calibrated probabilities, float64 (N, K), whose rows sum to 1 to the last digit."""
    posterior = apply_temperature(probabilities, match.temperature).astype(np.float64)
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))


def _soft_macro_f1(classes: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Return macro-F1 of a weighted confusion matrix, from class probabilities (R, K) and predicted classes (R,)."""
    decisions = np.eye(classes.shape[1])[predicted] * weights[:, None]
    matrix = decisions.T @ classes
    occurring = matrix.sum(axis=0) + matrix.sum(axis=1)
    # A class that neither occurs nor is predicted still has some probability everywhere; it is not counted.
    counted = occurring > 0.5 / len(classes)
    return float((2 * np.diagonal(matrix)[counted] / occurring[counted]).mean())


def _resampled_scores(val: Validation, test: np.ndarray, seed: int) -> np.ndarray:
    """Return the estimates from resampled validation pages, (NUM_RESAMPLES,).

    The bootstrap resamples pages with all their draws (Efron, 1979; for clusters Davison and Hinkley, 1997).
    """
    predicted, confidence, even = test.argmax(axis=1), test.max(axis=1), np.full(len(test), 1 / len(test))
    scores = np.empty(NUM_RESAMPLES)
    for number in range(NUM_RESAMPLES):
        rng = generator(seed, "expectation/resample", number)
        counts = rng.multinomial(val.num_pages, np.full(val.num_pages, 1 / val.num_pages))
        match = val.match(counts, confidence)
        expected = _soft_macro_f1(_posterior(test, match), predicted, even)
        scores[number] = _Line.between(val, match).score(expected)
    return scores


def _drawn_scores(posterior: np.ndarray, predicted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return macro-F1 of labels drawn from the posterior, (NUM_LABEL_DRAWS,): what the labels of these pages may be.

    Their mean is not the macro-F1 of the expected confusion matrix, in which every class occurs a little and is missed.
    """
    steps = posterior.cumsum(axis=1)[:, :-1]
    scores = np.empty(NUM_LABEL_DRAWS)
    for number in range(NUM_LABEL_DRAWS):
        labels = (steps < rng.random((len(steps), 1))).sum(axis=1)
        scores[number] = macro_f1(labels, predicted, posterior.shape[1])
    return scores


def _notes(val: Validation, match: Match, test: np.ndarray) -> tuple[Remark, ...]:
    notes: list[Remark] = []
    confidence, shifted = test.max(axis=1), val.confidence[val.num_pages :]
    noise = np.hypot(shifted.std() / np.sqrt(val.num_pages), confidence.std() / np.sqrt(len(test)))
    if confidence.mean() < shifted.mean() - 3 * noise:
        notes.append(Remark("less_sure"))
    if _mix_differs(val, match, test.argmax(axis=1)):
        notes.append(Remark("other_mix"))
    if val.num_pages < FEW_PAGES:
        notes.append(Remark("few_validation_pages", {"pages": val.num_pages}))
    if len(test) < FEW_PAGES:
        notes.append(Remark("few_pages", {"pages": len(test)}))
    return tuple(notes)


def _mix_differs(val: Validation, match: Match, predicted: np.ndarray) -> bool:
    """Return whether the predicted classes differ from those of the matched validation pages beyond chance.

    This is Pearson's test on the counts of predicted classes, with which Lipton, Wang and Smola detect label shift
    ("Detecting and correcting for label shift with black box predictors", 2018); the draws of a page count as one page.
    """
    expected = np.bincount(val.probabilities.argmax(axis=1), weights=match.weights, minlength=val.num_classes)
    expected = (expected * val.num_pages + 0.5) / (val.num_pages + 0.5 * val.num_classes)
    observed = np.bincount(predicted, minlength=val.num_classes) / len(predicted)
    variance = expected * (1 / len(predicted) + 1 / val.num_pages)
    statistic = float(((observed - expected) ** 2 / variance).sum())
    return bool(statistic > stats.chi2.ppf(1 - MIX_SIGNIFICANCE, val.num_classes - 1))


@dataclass(frozen=True)
class Match:
    """A mix of clean and shifted validation pages, and its calibration.

    Attributes:
        clean_fraction: Weight of the clean pages; the shifted ones have the rest.
        temperature: Temperature fitted to the mix.
        clean: Weights of the clean rows, float64 (M,); they sum to 1.
        shifted: Weights of the shifted rows, float64 (draws · M,); they sum to 1.
    """

    clean_fraction: float
    temperature: float
    clean: np.ndarray
    shifted: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Weights of all rows in the mix; they sum to 1."""
        return np.concatenate([self.clean_fraction * self.clean, (1 - self.clean_fraction) * self.shifted])


class Validation:
    """The validation pages as rows: clean, then draw 0, draw 1 and so on of the shifted pages.

    Args:
        labels: True classes, int (M,).
        clean: Probabilities of the pages as they are, float (M, K).
        shifted: Probabilities of the same pages under the recipe, float (draws, M, K), at least one draw.
    """

    def __init__(self, labels: np.ndarray, clean: np.ndarray, shifted: np.ndarray) -> None:
        num_draws, self.num_pages, self.num_classes = shifted.shape
        self.num_draws = num_draws
        self.labels = np.tile(labels, 1 + num_draws)
        self.probabilities = np.concatenate([clean, *shifted])
        self.confidence = self.probabilities.max(axis=1)
        self._losses = temperature_losses(self.labels, self.probabilities)
        self._edges = np.quantile(self.confidence, np.linspace(0, 1, NUM_BINS + 1)[1:-1])
        self._bins = np.searchsorted(self._edges, self.confidence)

    def match(self, page_weights: np.ndarray, test_confidence: np.ndarray) -> Match:
        """Mix clean and shifted pages so that their confidence is distributed as that of the test pages.

        The fraction of clean pages has the largest likelihood over bins of confidence. Damage weaker than the recipe's
        gives a fraction between 0 and 1; damage beyond the recipe gives 0.

        Args:
            page_weights: How often each validation page counts, (M,).
            test_confidence: Largest probabilities of the test pages, before any temperature, (N,).
        """
        clean = page_weights / page_weights.sum()
        shifted = np.tile(clean / self.num_draws, self.num_draws)
        of_clean = np.bincount(self._bins[: self.num_pages], weights=clean, minlength=NUM_BINS)
        of_shifted = np.bincount(self._bins[self.num_pages :], weights=shifted, minlength=NUM_BINS)
        observed = np.bincount(np.searchsorted(self._edges, test_confidence), minlength=NUM_BINS) / len(test_confidence)
        likelihoods = np.log(np.maximum(FRACTIONS * of_clean + (1 - FRACTIONS) * of_shifted, 1e-6)) @ observed
        fraction = float(FRACTIONS[likelihoods.argmax(), 0])
        mixed = np.concatenate([fraction * clean, (1 - fraction) * shifted])
        # The weights sum to the number of pages, however many draws each page has.
        return Match(fraction, best_temperature(self._losses, mixed * self.num_pages), clean, shifted)
