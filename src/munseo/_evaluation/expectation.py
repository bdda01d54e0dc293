"""The expected score: an estimate of macro-F1 on pages without labels, with an interval.

A model's probabilities, calibrated for the damage that the test pages have, estimate how often each prediction is
right. The confidence on the test set shows which calibration fits: the validation pages, clean and under the recipe,
are mixed so that their confidence is distributed as that of the test set, and the temperature is fitted to that mix.
The expected macro-F1 is the mean over labels drawn from the calibrated test probabilities. Classes that do not occur on
the test pages are left out, and where the test pages are unlike any validation pages there is no interval.
docs/expected-score.md has the method, its sources and measurements, and when it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from munseo._evaluation.calibration import apply_temperature, best_temperature, temperature_losses
from munseo._evaluation.class_presence import absent_classes
from munseo._locale import Remark
from munseo._randomness import generator
from munseo._run.results import WITHOUT_INTERVAL

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
BEYOND_FRACTION = 0.4
"""The same where the estimate is below the recipe's score, which no validation pages show: the line is continued."""
LESS_SURE_SD = 2.0
"""Standard errors by which the mean confidence must be below that of the shifted pages to be called lower."""
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
        macro_f1: Expected macro-F1 over all classes but ``absent``.
        interval: 90% interval of the real macro-F1, (low, high); None where a note of ``WITHOUT_INTERVAL`` says why.
        clean_val: Macro-F1 of the validation pages as they are.
        shifted_val: Macro-F1 of the validation pages under the recipe, all draws together.
        num_pages: Number of unlabelled pages.
        mean_confidence: Mean calibrated confidence on them.
        class_mix: Expected fraction of each class among them, float64 (K,).
        absent: Indices of the classes that do not seem to occur among them; they are not counted.
        notes: What a reader should know.
    """

    macro_f1: float
    interval: tuple[float, float] | None
    clean_val: float
    shifted_val: float
    num_pages: int
    mean_confidence: float
    class_mix: np.ndarray
    absent: tuple[int, ...]
    notes: tuple[Remark, ...]

    def to_dict(self, class_names: Sequence[str]) -> dict[str, Any]:
        """Return the ``expected`` entry of ``results.json``."""
        mix = [{"class": name, "share": float(part)} for name, part in zip(class_names, self.class_mix, strict=True)]
        notes = [note.to_dict() for note in self.notes]
        interval = None if self.interval is None else list(self.interval)
        absent = [class_names[index] for index in self.absent]
        return {**vars(self), "interval": interval, "class_mix": mix, "absent": absent, "notes": notes}


def expect_macro_f1(
    labels: np.ndarray,
    clean: np.ndarray,
    shifted: np.ndarray,
    test: np.ndarray,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> Expectation:
    """Estimate macro-F1 on unlabelled pages.

    Args:
        labels: True classes of the validation pages, int (M,).
        clean: Probabilities of these pages as they are, float (M, K).
        shifted: Probabilities of the same pages under the recipe, float (draws, M, K).
        test: Probabilities of the unlabelled pages, float (N, K), N ≥ 1.
        seed: Seed of the resampling.
        groups: Which validation pages belong together and are resampled together, any values, (M,); None: each page
            stands alone.
    """
    # The rows are sorted, so that resampling does not depend on the order in which they came.
    order = np.lexsort([*clean.T, labels])
    test = test[np.lexsort(test.T)]
    sorted_groups = order if groups is None else groups[order]
    val = Validation(labels[order], clean[order], shifted[:, order], pd.factorize(sorted_groups)[0])
    match = val.match(np.ones(val.num_pages), test.max(axis=1))
    other_mix = _mix_differs(val, match, test.argmax(axis=1))
    usual = match.weights @ _posterior(val.probabilities, match)
    absent = absent_classes(_posterior(test, match), usual, other_mix)
    notes = _notes(val, test, other_mix, len(absent))
    every_class = _Line.between(val, match)
    if absent:
        val = val.without(absent)
        match = val.match(np.ones(val.num_pages), test.max(axis=1))
    predicted, posterior = test.argmax(axis=1), _posterior(test, match, val.absent)
    drawn = _drawn_scores(posterior, predicted, val.absent, generator(seed, "expectation/labels"))
    line = _Line.between(val, match)
    point = float(np.clip(line.score(float(drawn.mean())), 0, 1))
    interval = None
    if WITHOUT_INTERVAL.isdisjoint(note.key for note in notes):
        below = point < line.shifted_real
        mismatch = MISMATCH_SD + (BEYOND_FRACTION if below else MISMATCH_FRACTION) * abs(point - line.shifted_real)
        spread = float(np.sqrt(_resampled_scores(val, test, seed).var() + drawn.var() + mismatch**2))
        # Student's t: a few groups show little of what another sample of groups would give.
        half = spread * float(stats.t.ppf((1 + LEVEL) / 2, max(val.num_groups - 1, 1)))
        interval = (max(point - half, 0.0), min(point + half, 1.0))
    return Expectation(
        macro_f1=point,
        interval=interval,
        clean_val=every_class.clean_real,
        shifted_val=every_class.shifted_real,
        num_pages=len(test),
        mean_confidence=float(posterior[np.arange(len(test)), predicted].mean()),
        class_mix=posterior.mean(axis=0),
        absent=absent,
        notes=notes,
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
        predicted = val.probabilities.argmax(axis=1)
        posterior = _posterior(val.probabilities, match, val.absent)
        truth = np.eye(val.num_classes)[val.labels]
        clean, shifted = slice(None, val.num_pages), slice(val.num_pages, None)
        scores = [
            _soft_macro_f1(classes[rows], predicted[rows], weights, val.absent)
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


def _posterior(probabilities: np.ndarray, match: Match, absent: tuple[int, ...] = ()) -> np.ndarray:
    """Return calibrated probabilities given that no class is an absent one: float64 (N, K), rows with the sum 1."""
    posterior = apply_temperature(probabilities, match.temperature).astype(np.float64)
    if absent:
        posterior = np.maximum(posterior, np.finfo(np.float32).tiny)
        posterior[:, list(absent)] = 0
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))


def _soft_macro_f1(
    classes: np.ndarray, predicted: np.ndarray, weights: np.ndarray, absent: tuple[int, ...] = ()
) -> float:
    """Return macro-F1 of a weighted confusion matrix, from class probabilities (R, K) and predicted classes (R,)."""
    decisions = np.eye(classes.shape[1])[predicted] * weights[:, None]
    # A class that neither occurs nor is predicted still has some probability everywhere; it is not counted.
    return _mean_f1(decisions.T @ classes, 0.5 / len(classes), absent)


def _mean_f1(matrix: np.ndarray, least: float, absent: tuple[int, ...]) -> float:
    """Return the mean F1 of a confusion matrix (K, K) over the classes above ``least``, without absent ones."""
    occurring = matrix.sum(axis=0) + matrix.sum(axis=1)
    counted = occurring > least
    counted[list(absent)] = False
    return float((2 * np.diagonal(matrix)[counted] / occurring[counted]).mean())


def _resampled_scores(val: Validation, test: np.ndarray, seed: int) -> np.ndarray:
    """Return the estimates from resampled validation pages, (NUM_RESAMPLES,).

    The bootstrap resamples groups of pages, each page with all its draws (Efron, 1979; for clusters Davison and
    Hinkley, 1997).
    """
    predicted, confidence, even = test.argmax(axis=1), test.max(axis=1), np.full(len(test), 1 / len(test))
    scores = np.empty(NUM_RESAMPLES)
    for number in range(NUM_RESAMPLES):
        rng = generator(seed, "expectation/resample", number)
        drawn = rng.multinomial(val.num_groups, np.full(val.num_groups, 1 / val.num_groups))
        match = val.match(drawn[val.groups], confidence)
        expected = _soft_macro_f1(_posterior(test, match, val.absent), predicted, even, val.absent)
        scores[number] = _Line.between(val, match).score(expected)
    return scores


def _drawn_scores(
    posterior: np.ndarray, predicted: np.ndarray, absent: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Return macro-F1 of labels drawn from the posterior, (NUM_LABEL_DRAWS,): what the labels of these pages may be.

    Their mean is not the macro-F1 of the expected confusion matrix, in which every class occurs a little and is missed.
    """
    num_classes, steps = posterior.shape[1], posterior.cumsum(axis=1)[:, :-1]
    scores = np.empty(NUM_LABEL_DRAWS)
    for number in range(NUM_LABEL_DRAWS):
        labels = (steps < rng.random((len(steps), 1))).sum(axis=1)
        matrix = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
        scores[number] = _mean_f1(matrix.reshape(num_classes, num_classes), 0, absent)
    return scores


def _notes(val: Validation, test: np.ndarray, other_mix: bool, num_absent: int) -> tuple[Remark, ...]:
    notes: list[Remark] = []
    confidence, shifted = test.max(axis=1), val.confidence[val.num_pages :]
    noise = np.hypot(shifted.std() / np.sqrt(val.num_groups), confidence.std() / np.sqrt(len(test)))
    if confidence.mean() < shifted.mean() - LESS_SURE_SD * noise:
        notes.append(Remark("less_sure"))
    if num_absent:
        notes.append(Remark("absent_classes", {"absent": num_absent, "classes": val.num_classes}))
    elif other_mix:
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
        groups: The group of each page, int (M,), from 0.
        absent: Classes that none of these pages has, because they do not occur on the test pages.
    """

    def __init__(
        self,
        labels: np.ndarray,
        clean: np.ndarray,
        shifted: np.ndarray,
        groups: np.ndarray,
        absent: tuple[int, ...] = (),
    ) -> None:
        num_draws, self.num_pages, self.num_classes = shifted.shape
        self.num_draws, self.groups, self.absent = num_draws, groups, absent
        self.num_groups = int(groups.max()) + 1
        self.labels = np.tile(labels, 1 + num_draws)
        self.probabilities = np.concatenate([clean, *shifted])
        self.confidence = self.probabilities.max(axis=1)
        self._losses = temperature_losses(self.labels, self.probabilities)
        self._edges = np.quantile(self.confidence, np.linspace(0, 1, NUM_BINS + 1)[1:-1])
        self._bins = np.searchsorted(self._edges, self.confidence)

    def without(self, absent: tuple[int, ...]) -> Validation:
        """Return the pages of all other classes."""
        kept = ~np.isin(self.labels[: self.num_pages], absent)
        clean, *shifted = self.probabilities.reshape(1 + self.num_draws, self.num_pages, self.num_classes)[:, kept]
        groups = pd.factorize(self.groups[kept])[0]
        return Validation(self.labels[: self.num_pages][kept], clean, np.stack(shifted), groups, absent)

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
