"""A second look: pages under a confidence gate are predicted again with more views, and the answers blended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.metrics import macro_f1
from munseo._evaluation.view_gains import LEVEL, average
from munseo._randomness import generator

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Of the pages that are looked at again; the gate is the confidence that parts them from the rest."""
BLENDS = (0.25, 0.5, 0.75, 1.0)
VIEW_SETS: dict[str, tuple[str, ...]] = {
    "flips": ("identity", "flip_horizontal", "flip_vertical", "rotate_180"),
    "turns": ("identity", "rotate_90", "rotate_180", "rotate_270"),
    "all eight": ("identity", "flip_horizontal", "flip_vertical", "transpose", "rotate_90", "rotate_180", "rotate_270"),
    "scales": ("identity", "scale_90", "scale_110"),
    "restored": ("deskewed", "deskewed_180", "denoised", "deskewed_denoised"),
}
"""Candidates; the validation pages choose."""
NUM_FOLDS = 5


@dataclass(frozen=True)
class SecondLook:
    """What happens to uncertain pages.

    Attributes:
        gate: Pages whose confidence is below it are looked at again.
        blend: Weight of the second answer, 0 to 1.
        views: Views of the second answer.
    """

    gate: float
    blend: float
    views: tuple[str, ...]

    def uncertain(self, first: np.ndarray) -> np.ndarray:
        """Which of the pages with these probabilities (N, K) are looked at again: bool (N,)."""
        return np.asarray(first.max(axis=1) < self.gate)

    def combined(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """First and second probabilities of uncertain pages (M, K) as one, float32."""
        return ((1 - self.blend) * first + self.blend * second).astype(np.float32)


def choose_second_look(
    labels: np.ndarray, first: np.ndarray, views: Mapping[str, np.ndarray], space: str, seed: int
) -> dict[str, Any]:
    """Choose gate, blend and views on validation pages, and say honestly what they gain.

    The gain is cross-validated: every fifth of the pages is answered by what the other four chose (Stone, "Cross-
    validatory choice", 1974). The choice itself is made on all of them.

    Args:
        labels: True classes, int (N,).
        first: The run's answer, (N, K).
        views: Probabilities of each view, (N, K).
        space: How views are averaged.
        seed: Of the parting into fifths.

    Returns:
        The ``second_look`` entry of ``results.json``, without ``used``.
    """
    seconds: dict[tuple[str, ...], np.ndarray] = {
        names: average(np.stack([views[name] for name in names]), space).astype(np.float32)
        for names in VIEW_SETS.values()
        if all(name in views for name in names)
    }
    num_classes = first.shape[1]
    answered = first.copy()
    parts = generator(seed, "second_look").permutation(len(labels)) % NUM_FOLDS
    for part in range(NUM_FOLDS):
        rest, mine = parts != part, parts == part
        if mine.any() and rest.any():
            look = _best(labels[rest], first[rest], {names: rows[rest] for names, rows in seconds.items()})
            answered[mine] = _applied(look, first[mine], seconds[look.views][mine])
    gain = paired_bootstrap(labels, answered.argmax(axis=1), first.argmax(axis=1), num_classes, level=LEVEL)
    look = _best(labels, first, seconds)
    return {
        "gate": look.gate,
        "blend": look.blend,
        "views": list(look.views),
        "share": float(look.uncertain(first).mean()),
        "before": macro_f1(labels, first.argmax(axis=1), num_classes),
        "after": macro_f1(labels, answered.argmax(axis=1), num_classes),
        "gain": gain.value,
        "interval": [gain.low, gain.high],
    }


def _best(labels: np.ndarray, first: np.ndarray, seconds: Mapping[tuple[str, ...], np.ndarray]) -> SecondLook:
    """The best of all candidates; of equals the one that costs least comes first."""
    best, best_score = None, -1.0
    confidence = first.max(axis=1)
    for share in SHARES:
        gate = float(np.quantile(confidence, share))
        for names, rows in seconds.items():
            for blend in BLENDS:
                look = SecondLook(gate, blend, names)
                predicted = _applied(look, first, rows).argmax(axis=1)
                score = macro_f1(labels, predicted, first.shape[1])
                if score > best_score:
                    best, best_score = look, score
    assert best is not None
    return best


def _applied(look: SecondLook, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    rows = first.copy()
    uncertain = look.uncertain(first)
    rows[uncertain] = look.combined(first[uncertain], second[uncertain])
    return rows
