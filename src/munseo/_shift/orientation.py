"""The orientation of pages: upright, on their side, upside down, mirrored.

A classifier learns the eight states of the train pages from their layout: each train page counts once in every state,
so that no labels are needed. Its known confusions then correct what it says about test pages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from munseo._shift.text_lines import CLEAR, TextLines

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

REGULARISATION = 0.003
"""Inverse strength of the L2 penalty, ``C`` of scikit-learn."""
NUM_FOLDS = 4
EM_ROUNDS = 500


@dataclass(frozen=True)
class Orientation:
    """A classifier of the eight states and its confusions."""

    mean: np.ndarray  # (F,) mean of the train pages' features in all states
    scale: np.ndarray  # (F,) their standard deviations
    weights: np.ndarray  # (F, 8) weights of the logistic regression
    bias: np.ndarray  # (8,) its intercepts
    # (8, 8) out-of-fold confusions: fraction of pages of each true state (row) that are predicted as each state
    # (column).
    confusion: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return the probability of each state: (N, 194) to (N, 8)."""
        logits = (features - self.mean) / self.scale @ self.weights + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def fractions(self, features: np.ndarray) -> np.ndarray:
        """Estimate the fraction of the pages in each state, (8,), from their layout features (N, 194).

        Black-box shift estimation (Lipton, Wang, Smola, Detecting and correcting for label shift with black box
        predictors, 2018): the fractions under which the known confusions give the observed counts. They are found by
        expectation maximisation (Saerens, Latinne, Decaestecker, Adjusting the outputs of a classifier to new a priori
        probabilities, 2002), so that none is negative.
        """
        observed = np.bincount(self.probabilities(features).argmax(axis=1), minlength=NUM_STATES) / len(features)
        fractions = np.full(NUM_STATES, 1 / NUM_STATES)
        for _ in range(EM_ROUNDS):
            expected = fractions @ self.confusion
            fractions = fractions * (self.confusion @ (observed / np.maximum(expected, 1e-12)))
        return fractions


def learn_orientation(features: np.ndarray) -> Orientation:
    """Fit the classifier to the features (N, 194) of at least 4 train pages, which may be damaged but not turned.

    Multinomial logistic regression; out-of-fold predictions give the confusions, all states of a page in one fold.
    """
    from sklearn.model_selection import GroupKFold  # here: runs whose damage is not measured start without scikit-learn

    count = len(features)
    all_states = np.concatenate([in_state(features, state) for state in range(NUM_STATES)])
    states, pages = np.repeat(np.arange(NUM_STATES), count), np.tile(np.arange(count), NUM_STATES)
    mean, scale = all_states.mean(axis=0), np.maximum(all_states.std(axis=0), 1e-3)
    scaled = (all_states - mean) / scale
    counts = np.full((NUM_STATES, NUM_STATES), 1 / NUM_STATES)
    for fitted, held_out in GroupKFold(min(NUM_FOLDS, count)).split(scaled, states, pages):
        predicted = _fit(scaled[fitted], states[fitted]).predict(scaled[held_out])
        np.add.at(counts, (states[held_out], predicted), 1)
    model = _fit(scaled, states)
    confusion = counts / counts.sum(axis=1, keepdims=True)
    return Orientation(mean, scale, model.coef_.T, model.intercept_, confusion)


def _fit(features: np.ndarray, states: np.ndarray) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=REGULARISATION, max_iter=200).fit(features, states)


GRID = 8
"""Layouts are described on a grid of this many cells per side."""
NUM_STATES = 8
"""Four quarter turns, mirrored or not: state ``s`` is mirrored first if ``s ≥ 4``, then turned by ``s % 4`` · 90°."""
OUTER_INK = 0.005
"""Fraction of the ink on each side that does not count as print: specks and stamps at the edge."""


def layout_features(strokes: np.ndarray, lines: TextLines) -> np.ndarray:
    """Describe the layout of a page after deskewing, from its strokes and its text lines.

    Returns:
        (194,) float32: on a grid of 8 × 8 over the print the amount of ink, of vertical and of horizontal edges; the
        log of width over height; the direction of the text lines.
    """
    print_only = _crop(_deskewed(strokes, lines.skew_deg if lines.clarity >= CLEAR else 0.0))
    print_only = np.clip(print_only / max(float(np.percentile(print_only, 98)), 1e-6), 0, 1)
    across_x = np.abs(np.diff(print_only, axis=1, append=print_only[:, -1:]))
    across_y = np.abs(np.diff(print_only, axis=0, append=print_only[-1:]))
    maps = [cv2.resize(m, (GRID, GRID), interpolation=cv2.INTER_AREA) for m in (print_only, across_x, across_y)]
    shape = math.log(print_only.shape[1] / print_only.shape[0])
    return np.concatenate([np.stack(maps, axis=-1).ravel(), [shape, lines.across]]).astype(np.float32)


def in_state(features: np.ndarray, state: int) -> np.ndarray:
    """Return the features (N, 194) that the same pages would have in another state; no pixel is moved for that."""
    maps = features[:, :-2].reshape(-1, GRID, GRID, 3)
    shape, across = features[:, -2:-1], features[:, -1:]
    if state >= 4:
        maps = maps[:, :, ::-1]
    maps = np.rot90(maps, state % 4, (1, 2))
    if state % 2:
        maps, shape, across = maps[..., [0, 2, 1]], -shape, -across
    return np.concatenate([maps.reshape(len(features), -1), shape, across], axis=1)


def _deskewed(strokes: np.ndarray, skew_deg: float) -> np.ndarray:
    """Turn a page back by its skew, on a canvas that is large enough for all of it."""
    if abs(skew_deg) < 0.3:
        return strokes
    height, width = strokes.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), skew_deg, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = math.ceil(width * cos + height * sin), math.ceil(width * sin + height * cos)
    matrix[:, 2] += [(new_width - width) / 2, (new_height - height) / 2]
    return cv2.warpAffine(strokes, matrix, (new_width, new_height), flags=cv2.INTER_LINEAR)


def _crop(strokes: np.ndarray) -> np.ndarray:
    """Return the area with the print, float32; everything fainter than most of the page is noise."""
    ink: np.ndarray = np.maximum(strokes.astype(np.float32) - np.percentile(strokes, 60), 0)
    bounds = []
    for axis in (1, 0):
        summed = np.cumsum(ink.sum(axis=axis))
        ends = np.searchsorted(summed, [OUTER_INK * summed[-1], (1 - OUTER_INK) * summed[-1]])
        bounds.append(slice(int(ends[0]), max(int(ends[1]), int(ends[0]) + GRID) + 1))
    return ink[bounds[0], bounds[1]]
