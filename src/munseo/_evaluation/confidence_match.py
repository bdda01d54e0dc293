"""Validation pages weighted so that a model is as sure of them as of unlabelled pages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from munseo._evaluation.calibration import best_temperature, temperature_losses

NUM_BINS = 8
SHARES = np.linspace(0, 1, 101)[:, None]
"""Of clean pages, that are tried."""


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
