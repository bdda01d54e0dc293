"""``judging: quick``: a damage or a view is left as soon as its effect on accuracy is certain enough.

Pages come in a random order that is always the same, block by block. After each block the confidence sequence of each
statement is looked at; it holds at all looks together (``munseo._evaluation.confidence_sequence``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from munseo._console import phase
from munseo._data import Page
from munseo._evaluation.confidence_sequence import OF_DAMAGE, OF_VIEW, accuracy_change, random_order
from munseo._evaluation.view_gains import BASE
from munseo._prediction.view_predictions import ViewPredictions

BLOCK = 20
"""Pages between two looks; a block ends with the group of its last page."""


def quick_damages(
    predictions: ViewPredictions,
    cells: Sequence[tuple[str, float]],
    pages: Sequence[Page],
    clean: np.ndarray,
    groups: np.ndarray,
) -> dict[str, np.ndarray]:
    """Judge pages under each damage until its effect is certain, and return the judged pages of each damage.

    It is certain if it is harmful at some severity, or if the question is answered at all of them.

    Args:
        predictions: Of all pages in the first cell, then all in the second, and so on.
        cells: Damages with their severities.
        pages: N pages.
        clean: What is decided for them without damage, int (N,).
        groups: Number of the group of each page, int (N,).
    """
    labels, left = _labels(pages), list(dict.fromkeys(name for name, _ in cells))
    judged: dict[str, np.ndarray] = {}
    with phase("judging kinds of damage, quickly", len(cells) * len(pages)) as advance:
        predictions.advance = advance
        for seen in _growing(random_order([page.id for page in pages], groups), groups):
            numbers = {cell: number * len(pages) + seen for number, cell in enumerate(cells) if cell[0] in left}
            decided = dict(zip(numbers, _decisions(predictions, list(numbers.values())), strict=True))
            judged |= dict.fromkeys(left, seen)
            changes: dict[str, list[tuple[float, float]]] = {name: [] for name in left}
            for (name, _), rows in decided.items():
                changes[name].append(accuracy_change(labels[seen], clean[seen], rows, groups[seen], OF_DAMAGE))
            left = [name for name in left if not _is_certain(changes[name])]
            if not left:
                break
    return judged


def _is_certain(changes: Sequence[tuple[float, float]]) -> bool:
    """Return whether the effect of a damage is certain, given the intervals at its severities."""
    return any(high < OF_DAMAGE.boundary for _, high in changes) or all(map(OF_DAMAGE.is_answered, changes))


def _decisions(predictions: ViewPredictions, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the decisions for several lists of rows, which are predicted together."""
    decided = predictions.probabilities("identity", np.concatenate(rows)).argmax(axis=1)
    return np.split(decided, np.cumsum([len(some) for some in rows])[:-1])


def quick_views(
    predictions: ViewPredictions, views: Sequence[str], pages: Sequence[Page], groups: np.ndarray
) -> dict[str, np.ndarray]:
    """Judge pages by each view until its effect is certain, and return the judged pages of each view.

    Args:
        predictions: Of at least the N pages; the unchanged pages are predicted in full.
        views: The views.
        pages: N pages.
        groups: Number of the group of each page, int (N,).
    """
    labels, everything = _labels(pages), np.arange(len(pages))
    judged, left = dict.fromkeys(views, everything), [view for view in views if view != BASE]
    before = predictions.mean((BASE,), everything).argmax(axis=1)
    with phase("judging views, quickly", predictions.missing(left, everything)) as advance:
        predictions.advance = advance
        for seen in _growing(random_order([page.id for page in pages], groups), groups):
            predictions.logits(left, seen)  # all together, so that a page is damaged once
            judged |= dict.fromkeys(left, seen)
            left = [
                view
                for view in left
                if not OF_VIEW.is_answered(
                    accuracy_change(
                        labels[seen],
                        before[seen],
                        predictions.mean((BASE, view), seen).argmax(axis=1),
                        groups[seen],
                        OF_VIEW,
                    )
                )
            ]
            if not left:
                break
    predictions.advance = None
    return {view: np.sort(rows) for view, rows in judged.items()}


def _growing(order: np.ndarray, groups: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the first block of pages, the first two blocks, and so on; no group is cut."""
    end = 0
    while end < len(order):
        end = min(end + BLOCK, len(order))
        while end < len(order) and groups[order[end]] == groups[order[end - 1]]:
            end += 1
        yield order[:end]


def _labels(pages: Sequence[Page]) -> np.ndarray:
    return np.array([page.label for page in pages], dtype=np.int64)
