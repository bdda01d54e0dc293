"""Finder: pages that are far from every class (Sun et al., "Out-of-distribution detection with deep nearest
neighbors", 2022, with a robust threshold for each class)."""  # noqa: D205, D209

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors

from munseo._doctor.issue import Issue, Sheet
from munseo._locale import Remark

NEIGHBOURS = 5
THRESHOLD = 5.0
"""Robust standard deviations above the median distance of the nearest class."""
LEAST_PAGES = 30


def find_odd_pages(sheets: Sequence[Sheet], points: np.ndarray) -> list[Issue]:
    """Pages whose nearest others are unusually far, the farthest first.

    Args:
        sheets: Labelled pages.
        points: (len(sheets), dimensions).
    """
    if len(sheets) < LEAST_PAGES:
        return []
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    distances, others = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(unit).kneighbors(unit)
    far = distances[:, -1]
    labels = np.array([sheet.page.label for sheet in sheets])
    # A class of similar forms is tight, one of photographs wide: the scale is that of the nearest page's class.
    near = labels[others[:, 1]]
    score = np.zeros(len(sheets))
    for label in np.unique(near):
        own = far[labels == label] if (labels == label).any() else far
        middle = np.median(own)
        spread = 1.4826 * np.median(np.abs(own - middle)) + 1e-9
        score[near == label] = (far[near == label] - middle) / spread
    order = [int(place) for place in np.argsort(-score, kind="stable") if score[place] >= THRESHOLD]
    return [
        Issue("odd", "low", Remark("doctor.odd", {"score": f"{score[place]:.1f}"}), sheets[place],
              score=float(score[place]))
        for place in order
    ]  # fmt: skip
