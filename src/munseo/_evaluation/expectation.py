"""The macro-F1 to expect on pages without labels, with an interval: what the test predictions themselves say.

A model's probabilities, calibrated for the damage that the test pages show, say how often each answer is right. Which
calibration fits is read off the test set's confidence: the validation pages, clean and under the recipe, are mixed so
that their confidence is distributed as the test set's is, and the temperature is fitted to that mix. The expected
macro-F1 is the mean over labels drawn from the calibrated test probabilities. Method, sources, measurements and when it
fails: docs/expected-score.md.
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
NUM_RESAMPLES = 120
NUM_LABEL_DRAWS = 200
SLOPE_PRIOR = 0.06
"""Distance between the expected scores of clean and shifted pages from which the slope measured between them counts as
much as the slope 1 that perfect calibration would have."""
MISMATCH_SD = 0.01
MISMATCH_SHARE = 0.1
"""Of what no resampling sees: damage that the recipe does not know. Its part of the distance between the recipe's score
and the stated one was measured by simulation, docs/expected-score.md."""
MIX_SIGNIFICANCE = 0.001
FEW_PAGES = 100
NUM_BINS = 8
SHARES = np.linspace(0, 1, 101)[:, None]
"""Of clean pages, that are tried."""


@dataclass(frozen=True)
class Expectation:
    """What to expect of unlabelled pages.

    Attributes:
        macro_f1: Expected macro-F1.
        interval: 90 % interval of the real one, (low, high).
        clean_val: Macro-F1 of the validation pages as they are.
        shifted_val: The same under the recipe, all draws together.
        num_pages: Unlabelled pages.
        mean_confidence: Mean confidence on them, calibrated.
        class_mix: Expected share of each class among them, float64 (K,).
        clean_share: Share of clean pages in the mix of validation pages that is as confident as they are.
        temperature: Of that mix.
        notes: What a reader should know.
    """

    macro_f1: float
    interval: tuple[float, float]
    clean_val: float
    shifted_val: float
    num_pages: int
    mean_confidence: float
    class_mix: np.ndarray
    clean_share: float
    temperature: float
    notes: tuple[Remark, ...]

    def to_dict(self, class_names: Sequence[str]) -> dict[str, Any]:
        """As ``results.json`` holds it under ``expected``."""
        mix = [{"class": name, "share": float(share)} for name, share in zip(class_names, self.class_mix, strict=True)]
        return {
            "macro_f1": self.macro_f1,
            "interval": list(self.interval),
            "clean_val": self.clean_val,
            "shifted_val": self.shifted_val,
            "num_pages": self.num_pages,
            "mean_confidence": self.mean_confidence,
            "class_mix": mix,
            "notes": [note.to_dict() for note in self.notes],
        }


def expect_macro_f1(
    labels: np.ndarray, clean: np.ndarray, shifted: np.ndarray, test: np.ndarray, seed: int = 0
) -> Expectation:
    """State the macro-F1 to expect on unlabelled pages.

    Args:
        labels: True classes of the validation pages, int (M,).
        clean: Probabilities of these pages as they are, float (M, K).
        shifted: Probabilities of the same pages under the recipe, float (draws, M, K).
        test: Probabilities of the unlabelled pages, float (N, K), N ≥ 1.
        seed: Of the resampling.
    """
    # Rows in an order of their own, so that resampling does not depend on the order in which they came.
    order = np.lexsort([*clean.T, labels])
    val = Validation(labels[order], clean[order], shifted[:, order])
    test = test[np.lexsort(test.T)]
    predicted = test.argmax(axis=1)
    match = val.match(np.ones(val.num_pages), test.max(axis=1))
    posterior = _posterior(test, match)
    drawn = _drawn_scores(posterior, predicted, generator(seed, "expectation/labels"))
    line = _Line.between(val, match)
    point = float(np.clip(line.score(float(drawn.mean())), 0, 1))
    mismatch = MISMATCH_SD + MISMATCH_SHARE * abs(point - line.shifted_real)
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
        clean_share=match.clean_share,
        temperature=match.temperature,
        notes=_notes(val, match, test),
    )


@dataclass(frozen=True)
class _Line:
    """From the score that calibrated probabilities expect to the real one, through clean and shifted validation pages.

    That a change of confidence tells the change of accuracy is the finding of Guillory et al., "Predicting with
    confidence on unseen distributions" (2021); the slope is measured here, since confidence falls too little in models
    that never saw damage.
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
        """The real score to expect where calibrated probabilities expect ``expected``."""
        return self.shifted_real + self.slope * (expected - self.shifted_expected)


def _posterior(probabilities: np.ndarray, match: Match) -> np.ndarray:
    """Calibrated probabilities, float64 (N, K), rows of sum 1 to the last digit."""
    posterior = apply_temperature(probabilities, match.temperature).astype(np.float64)
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))


def _soft_macro_f1(classes: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Macro-F1 of a confusion matrix of weights, from class probabilities (R, K) and predicted classes (R,)."""
    answers = np.eye(classes.shape[1])[predicted] * weights[:, None]
    matrix = answers.T @ classes
    occurring = matrix.sum(axis=0) + matrix.sum(axis=1)
    # A class that neither occurs nor is answered has some probability everywhere, and is not counted.
    counted = occurring > 0.5 / len(classes)
    return float((2 * np.diagonal(matrix)[counted] / occurring[counted]).mean())


def _resampled_scores(val: Validation, test: np.ndarray, seed: int) -> np.ndarray:
    """The statement on the grounds of other validation pages, (NUM_RESAMPLES,).

    The bootstrap is over pages, all draws of a page together (Efron, 1979; for clusters Davison and Hinkley, 1997).
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
    """Macro-F1 of labels drawn from the posterior, (NUM_LABEL_DRAWS,): how the labels of these very pages may fall.

    Their mean is not the macro-F1 of the expected confusion matrix: there every class occurs a little, and is missed.
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
    """Whether the test pages' predicted classes differ from those of the matched validation pages beyond chance.

    Pearson's test on the counts of predicted classes, as Lipton, Wang and Smola detect label shift ("Detecting and
    correcting for label shift with black box predictors", 2018); the draws of a page count as one page.
    """
    expected = np.bincount(val.probabilities.argmax(axis=1), weights=match.weights, minlength=val.num_classes)
    expected = (expected * val.num_pages + 0.5) / (val.num_pages + 0.5 * val.num_classes)
    found = np.bincount(predicted, minlength=val.num_classes) / len(predicted)
    variance = expected * (1 / len(predicted) + 1 / val.num_pages)
    statistic = float(((found - expected) ** 2 / variance).sum())
    return bool(statistic > stats.chi2.ppf(1 - MIX_SIGNIFICANCE, val.num_classes - 1))


@dataclass(frozen=True)
class Match:
    """A mix of clean and shifted validation pages, and its calibration.

    Attributes:
        clean_share: Weight of the clean pages; the shifted ones have the rest.
        temperature: Fitted to the mix.
        clean: Weights of the clean rows among themselves, float64 (M,), sum 1.
        shifted: Weights of the shifted rows among themselves, float64 (draws · M,), sum 1.
    """

    clean_share: float
    temperature: float
    clean: np.ndarray
    shifted: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Of all rows in the mix, sum 1."""
        return np.concatenate([self.clean_share * self.clean, (1 - self.clean_share) * self.shifted])


class Validation:
    """The validation pages as they are and under every draw, as rows: clean, draw 0, draw 1, ….

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

        The share of clean pages is that of largest likelihood, over bins of confidence. Damage weaker than the recipe's
        is thus met between the two; beyond the recipe the share is 0.

        Args:
            page_weights: How often each validation page counts, (M,).
            test_confidence: Largest probabilities of the test pages, before any temperature, (N,).
        """
        clean = page_weights / page_weights.sum()
        shifted = np.tile(clean / self.num_draws, self.num_draws)
        of_clean = np.bincount(self._bins[: self.num_pages], weights=clean, minlength=NUM_BINS)
        of_shifted = np.bincount(self._bins[self.num_pages :], weights=shifted, minlength=NUM_BINS)
        wanted = np.bincount(np.searchsorted(self._edges, test_confidence), minlength=NUM_BINS) / len(test_confidence)
        likelihoods = np.log(np.maximum(SHARES * of_clean + (1 - SHARES) * of_shifted, 1e-6)) @ wanted
        share = float(SHARES[likelihoods.argmax(), 0])
        mixed = np.concatenate([share * clean, (1 - share) * shifted])
        # Counted as so many pages as there are, however many draws each has.
        return Match(share, best_temperature(self._losses, mixed * self.num_pages), clean, shifted)
