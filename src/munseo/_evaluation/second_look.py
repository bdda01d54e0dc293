"""The second look: pages under a confidence threshold are predicted again by more views, and both results blended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.group_folds import deal_groups
from munseo._evaluation.metrics import macro_f1
from munseo._evaluation.view_gains import LEVEL, average

FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Candidate fractions of the pages that are looked at again; each gives a confidence threshold."""
BLENDS = (0.25, 0.5, 0.75, 1.0)
"""Candidate weights of the second prediction."""
VIEW_SETS: dict[str, tuple[str, ...]] = {
    "flips": ("identity", "flip_horizontal", "flip_vertical", "rotate_180"),
    "turns": ("identity", "rotate_90", "rotate_180", "rotate_270"),
    "all eight": ("identity", "flip_horizontal", "flip_vertical", "transpose", "rotate_90", "rotate_180", "rotate_270"),
    "scales": ("identity", "scale_90", "scale_110"),
    "restored": ("deskewed", "deskewed_180", "denoised", "deskewed_denoised"),
}
"""Candidate sets of views for the second prediction; the validation pages choose one."""
NUM_CANDIDATES = len(FRACTIONS) * len(BLENDS) * len(VIEW_SETS)
"""All candidates."""
NUM_FOLDS = 5
"""Folds of the cross-validated gain."""


@dataclass(frozen=True)
class SecondLook:
    """A rule: pages with a confidence below ``gate`` are predicted again by the mean of ``views``.

    ``blend`` is the weight of the second prediction, 0 to 1.
    """

    gate: float
    blend: float
    views: tuple[str, ...]

    def uncertain(self, first: np.ndarray) -> np.ndarray:
        """Return which of the pages with these probabilities (N, K) are predicted again, bool (N,)."""
        return np.asarray(first.max(axis=1) < self.gate)

    def combined(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Blend the first and second probabilities of uncertain pages (M, K) into one, float32 (M, K)."""
        return ((1 - self.blend) * first + self.blend * second).astype(np.float32)


@dataclass(frozen=True)
class CrossFittedLook:
    """The second look without flattery: each fold of the pages has the rule that the other folds chose.

    Attributes:
        folds: The fold of each page, int (N,).
        rules: The rule of each fold.
    """

    folds: np.ndarray
    rules: tuple[SecondLook, ...]

    def uncertain(self, first: np.ndarray) -> np.ndarray:
        """Return which of the N pages with these first probabilities (N, K) are predicted again, bool (N,)."""
        gates = np.array([rule.gate for rule in self.rules])
        return np.asarray(first.max(axis=1) < gates[self.folds])

    def applied(self, first: np.ndarray, seconds: Mapping[tuple[str, ...], np.ndarray]) -> np.ndarray:
        """Return the final probabilities of the N pages, float32 (N, K).

        ``first`` (N, K) are their first probabilities, ``seconds`` those by the views of each rule; of these, only the
        rows of uncertain pages count.
        """
        rows = first.copy()
        for fold, rule in enumerate(self.rules):
            own = self.folds == fold
            if own.any():
                rows[own] = _applied(rule, first[own], seconds[rule.views][own])
        return rows


def choose_second_look(
    labels: np.ndarray,
    first: np.ndarray,
    views: Mapping[str, np.ndarray],
    space: str,
    seed: int,
    groups: np.ndarray | None = None,
) -> dict[str, Any]:
    """Choose threshold, blend and views on the validation pages, and estimate what they gain without flattery.

    The gain is cross-validated: each fold is predicted by the rule that the other four chose (Stone, "Cross-validatory
    choice", 1974). The rule that is kept is chosen on all pages.

    Args:
        labels: True classes, int (N,).
        first: Probabilities that the run gives without a second look, (N, K).
        views: Probabilities by each view, (N, K).
        space: ``probability`` or ``logit``, in which views are averaged.
        seed: Seed of the folds.
        groups: Number of the group of each page, int (N,), for folds and interval; None: each page is its own.

    Returns:
        The ``second_look`` entry of ``results.json``, without ``used``.
    """
    seconds = second_predictions(views, space)
    num_classes = first.shape[1]
    groups = np.arange(len(labels)) if groups is None else groups
    held_out = cross_fit(labels, first, seconds, seed, groups).applied(first, seconds)
    gain = paired_bootstrap(
        labels, held_out.argmax(axis=1), first.argmax(axis=1), num_classes, level=LEVEL, groups=groups
    )
    look = _best(labels, first, seconds)
    return {
        "gate": look.gate,
        "blend": look.blend,
        "views": list(look.views),
        "share": float(look.uncertain(first).mean()),
        "before": macro_f1(labels, first.argmax(axis=1), num_classes),
        "after": macro_f1(labels, held_out.argmax(axis=1), num_classes),
        "gain": gain.value,
        "interval": [gain.low, gain.high],
    }


def second_predictions(views: Mapping[str, np.ndarray], space: str) -> dict[tuple[str, ...], np.ndarray]:
    """Return the probabilities (N, K) by each candidate set of views, given those by single views."""
    return {
        names: average(np.stack([views[name] for name in names]), space)
        for names in VIEW_SETS.values()
        if all(name in views for name in names)
    }


def cross_fit(
    labels: np.ndarray,
    first: np.ndarray,
    seconds: Mapping[tuple[str, ...], np.ndarray],
    seed: int,
    groups: np.ndarray,
) -> CrossFittedLook:
    """Choose a rule for each fold of the pages on the pages of the other folds.

    Args:
        labels: True classes, int (N,).
        first: Probabilities without a second look, (N, K).
        seconds: Probabilities by each candidate set of views, (N, K).
        seed: Seed of the folds.
        groups: Number of the group of each page, int (N,); a group is in one fold.
    """
    folds = deal_groups(groups, NUM_FOLDS, seed, "second_look")
    rules = []
    for fold in range(NUM_FOLDS):
        fitted = folds != fold
        fitted = fitted if fitted.any() else np.ones_like(fitted)  # a single group has no others
        rules.append(_best(labels[fitted], first[fitted], {names: rows[fitted] for names, rows in seconds.items()}))
    return CrossFittedLook(folds, tuple(rules))


def _best(labels: np.ndarray, first: np.ndarray, seconds: Mapping[tuple[str, ...], np.ndarray]) -> SecondLook:
    """Return the best candidate; among equals the one that costs least, which is tried first."""
    best, best_score = None, -1.0
    confidence = first.max(axis=1)
    for fraction in FRACTIONS:
        gate = float(np.quantile(confidence, fraction))
        for names, rows in seconds.items():
            for blend in BLENDS:
                look = SecondLook(gate, blend, names)
                predicted = _applied(look, first, rows).argmax(axis=1)
                score = macro_f1(labels, predicted, first.shape[1])
                if score > best_score:
                    best, best_score = look, score
    assert best is not None
    return best


def applied_rule(look: SecondLook, first: np.ndarray, seconds: Mapping[tuple[str, ...], np.ndarray]) -> np.ndarray:
    """Return the final probabilities of pages by one rule, float32 (N, K), given those by its views in ``seconds``."""
    return _applied(look, first, seconds[look.views])


def _applied(look: SecondLook, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    rows = first.copy()
    uncertain = look.uncertain(first)
    rows[uncertain] = look.combined(first[uncertain], second[uncertain])
    return rows
