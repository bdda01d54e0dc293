"""How pages lie: upright, turned by a right angle, upside down, mirrored.

A classifier learns the eight states of the train pages from their layout: each train page counts once in every state,
so that no label is needed. What it says of test pages is then set right by its own confusions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from munseo.shifts.layout import NUM_STATES, in_state

REGULARISATION = 0.003
NUM_FOLDS = 4
EM_ROUNDS = 500


@dataclass(frozen=True)
class Orientation:
    """A classifier of the eight states and its confusions.

    Attributes:
        mean: (F,) of the train pages' features in all states.
        scale: (F,) standard deviations.
        weights: (F, 8).
        bias: (8,)
        confusion: (8, 8); row: true state, column: share of pages that are taken for that state, out of fold.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    confusion: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of each state: (N, 194) to (N, 8)."""
        logits = (features - self.mean) / self.scale @ self.weights + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def fractions(self, features: np.ndarray) -> np.ndarray:
        """Fraction of the pages in each state, (8,).

        Black-box shift estimation (Lipton, Wang, Smola, Detecting and correcting for label shift with black box
        predictors, 2018): the fractions under which the known confusions give the counts that were seen. Found by
        expectation maximisation (Saerens, Latinne, Decaestecker, Adjusting the outputs of a classifier to new a priori
        probabilities, 2002), so that none is negative.

        Args:
            features: (N, 194).
        """
        seen = np.bincount(self.probabilities(features).argmax(axis=1), minlength=NUM_STATES) / len(features)
        fractions = np.full(NUM_STATES, 1 / NUM_STATES)
        for _ in range(EM_ROUNDS):
            expected = fractions @ self.confusion
            fractions = fractions * (self.confusion @ (seen / np.maximum(expected, 1e-12)))
        return fractions


def learn_orientation(features: np.ndarray) -> Orientation:
    """Fit the classifier.

    Multinomial logistic regression; out-of-fold predictions give the confusions, all states of a page in one fold.

    Args:
        features: (N, 194) of train pages, at least 4, damaged as pages may be but not turned.
    """
    count = len(features)
    every = np.concatenate([in_state(features, state) for state in range(NUM_STATES)])
    states, pages = np.repeat(np.arange(NUM_STATES), count), np.tile(np.arange(count), NUM_STATES)
    mean, scale = every.mean(axis=0), np.maximum(every.std(axis=0), 1e-3)
    scaled = (every - mean) / scale
    counts = np.full((NUM_STATES, NUM_STATES), 1 / NUM_STATES)
    for learned, judged in GroupKFold(min(NUM_FOLDS, count)).split(scaled, states, pages):
        taken = _fit(scaled[learned], states[learned]).predict(scaled[judged])
        np.add.at(counts, (states[judged], taken), 1)
    model = _fit(scaled, states)
    confusion = counts / counts.sum(axis=1, keepdims=True)
    return Orientation(mean, scale, model.coef_.T, model.intercept_, confusion)


def _fit(features: np.ndarray, states: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=REGULARISATION, max_iter=200).fit(features, states)
