"""The parity of an export with torch on validation pages, and whether it is good enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from munseo._evaluation import macro_f1

TOLERANCE = 0.001
"""Largest allowed difference of a probability in full precision. Another order of summation makes 0.00001."""


@dataclass(frozen=True)
class Parity:
    """The comparison of an export with torch on the same pages."""

    num_pages: int  # number of validation pages
    max_difference: float  # largest difference of the probability of any class on any page
    num_agreeing: int  # number of pages on which both decide for the same class
    macro_f1_before: float  # Macro-F1 of torch
    macro_f1_after: float  # Macro-F1 of the export

    @property
    def loss(self) -> float:
        """Loss of macro-F1; negative if the export is better."""
        return self.macro_f1_before - self.macro_f1_after

    def __str__(self) -> str:
        return (
            f"same decision on {self.num_agreeing} of {self.num_pages} validation pages, largest difference of a "
            f"probability {self.max_difference:.2g}, macro-F1 {self.macro_f1_before:.4f} before and "
            f"{self.macro_f1_after:.4f} after"
        )


def compare(labels: np.ndarray, before: np.ndarray, after: np.ndarray) -> Parity:
    """Compare the probabilities (N, K) of torch and of the export, given the true classes int (N,)."""
    num_classes = before.shape[1]
    decided, decided_after = before.argmax(axis=1), after.argmax(axis=1)
    difference = np.abs(before.astype(np.float64) - after)
    return Parity(
        len(labels),
        # A graph that returns NaN counts as the largest possible difference.
        float(np.nan_to_num(difference, nan=1.0).max()),
        int((decided == decided_after).sum()),
        macro_f1(labels, decided, num_classes),
        macro_f1(labels, decided_after, num_classes),
    )


def objections(parity: Parity, int8: bool, max_loss: float) -> list[str]:
    """Return the reasons why an export is not good enough; an empty list if it is.

    Eight bits are judged by macro-F1, of which they may lose ``max_loss``, full precision by every page.
    """
    if int8:
        if parity.loss <= max_loss:
            return []
        return [f"macro-F1 falls by {parity.loss:.4f} ({parity}); allowed is {max_loss:g}"]
    problems = []
    if parity.max_difference > TOLERANCE:
        problems.append(f"a probability differs by {parity.max_difference:.2g}; allowed is {TOLERANCE:g}")
    if parity.num_agreeing < parity.num_pages:
        problems.append(f"{parity.num_pages - parity.num_agreeing} of {parity.num_pages} pages are decided otherwise")
    return problems
