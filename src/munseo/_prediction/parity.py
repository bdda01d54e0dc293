"""The parity of an export with torch on the same pages, and whether it is good enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from munseo._evaluation import macro_f1

TOLERANCE = 0.001
"""Largest allowed difference of a probability in full precision. Another order of summation makes 0.00001."""


@dataclass(frozen=True)
class Agreement:
    """The comparison of an export with torch on pages without labels."""

    num_pages: int  # number of pages
    max_difference: float  # largest difference of the probability of any class on any page
    num_agreeing: int  # number of pages on which both decide for the same class

    def __str__(self) -> str:
        return (
            f"same decision on {self.num_agreeing} of {self.num_pages} pages, largest difference of a probability "
            f"{self.max_difference:.2g}"
        )


@dataclass(frozen=True)
class Parity(Agreement):
    """The comparison of an export with torch on validation pages."""

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


def agreement(before: np.ndarray, after: np.ndarray) -> Agreement:
    """Compare the probabilities (N, K) of torch and of an export."""
    difference = np.abs(before.astype(np.float64) - after)
    return Agreement(
        len(before),
        # A graph that returns NaN counts as the largest possible difference.
        float(np.nan_to_num(difference, nan=1.0).max()),
        int((before.argmax(axis=1) == after.argmax(axis=1)).sum()),
    )


def compare(labels: np.ndarray, before: np.ndarray, after: np.ndarray) -> Parity:
    """Compare the probabilities (N, K) of torch and of the export, given the true classes int (N,)."""
    num_classes = before.shape[1]
    f1_before, f1_after = (macro_f1(labels, rows.argmax(axis=1), num_classes) for rows in (before, after))
    return Parity(**asdict(agreement(before, after)), macro_f1_before=f1_before, macro_f1_after=f1_after)


def objections(parity: Parity, int8: bool, max_loss: float) -> list[str]:
    """Return the reasons why an export is not good enough; an empty list if it is.

    Eight bits are judged by macro-F1, of which they may lose ``max_loss``, full precision by every page.
    """
    if not int8:
        return disagreements(parity)
    if parity.loss <= max_loss:
        return []
    return [f"macro-F1 falls by {parity.loss:.4f} ({parity}); allowed is {max_loss:g}"]


def disagreements(parity: Agreement) -> list[str]:
    """Return the reasons why an export in full precision is not torch's equal; an empty list if it is."""
    problems = []
    if parity.max_difference > TOLERANCE:
        problems.append(f"a probability differs by {parity.max_difference:.2g}; allowed is {TOLERANCE:g}")
    if parity.num_agreeing < parity.num_pages:
        problems.append(f"{parity.num_pages - parity.num_agreeing} of {parity.num_pages} pages are decided otherwise")
    return problems
