"""Folds of validation pages for cross-validation: groups are dealt to folds, and never a page without its group.

Draws of a page, copies of it, and pages of one sender are one piece of evidence (``held_out_groups.py``). If they were
in several folds, what is fitted without a fold would have seen its pages all the same. The rule of the second look, the
temperature that judges calibration, and the weights and stacks of ensembles are all judged by these folds.
"""

from __future__ import annotations

import numpy as np

from munseo._randomness import generator


def deal_groups(groups: np.ndarray, num_folds: int, seed: int, stream: str) -> np.ndarray:
    """Return the fold of each row, int64 (N,): groups are shuffled and dealt out to the folds in turn.

    Args:
        groups: Number of the group of each row, int (N,).
        num_folds: Number of folds; with fewer groups some folds are empty.
        seed: Seed of the shuffle.
        stream: Its name among all uses of random numbers.
    """
    numbers = np.unique(groups, return_inverse=True)[1]
    order = generator(seed, stream).permutation(int(numbers.max(initial=-1)) + 1)
    return np.asarray((order % num_folds)[numbers], dtype=np.int64)


def deal_groups_by_class(labels: np.ndarray, groups: np.ndarray, num_folds: int, seed: int, stream: str) -> np.ndarray:
    """Return the fold of each row, int64 (N,): groups are dealt out like cards, one class after another.

    The class of a group is the most frequent one of its rows. A class with fewer groups than folds is missing in some
    folds; a stratified split would reject such small sets.

    Args:
        labels: True classes, int (N,).
        groups: Number of the group of each row, int (N,).
        num_folds: Number of folds.
        seed: Seed of the shuffles.
        stream: Their name among all uses of random numbers.
    """
    numbers = np.unique(groups, return_inverse=True)[1]
    counts = np.zeros((int(numbers.max(initial=-1)) + 1, int(labels.max(initial=-1)) + 1), dtype=np.int64)
    np.add.at(counts, (numbers, labels), 1)
    classes = counts.argmax(axis=1)
    dealt = [
        generator(seed, stream, int(label)).permutation(np.flatnonzero(classes == label))
        for label in np.unique(classes)
    ]
    folds = np.empty(len(classes), dtype=np.int64)
    folds[np.concatenate(dealt)] = np.arange(len(classes)) % num_folds
    return np.asarray(folds[numbers])
