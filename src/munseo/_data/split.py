"""Stratified splits of the labelled pages: one split, or folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from munseo._data.page_groups import keep_together
from munseo._errors import UserError
from munseo._randomness import derived_seed, generator

Split = tuple[np.ndarray, np.ndarray]
"""The sorted indices of the train pages and of the validation pages."""


def stratified_split(
    labels: Sequence[int],
    val_ratio: float,
    seed: int,
    stratify: bool = True,
    class_names: Sequence[str] | None = None,
    groups: np.ndarray | None = None,
) -> Split:
    """Split once; every class keeps its fraction in both splits, and has at least one page in each.

    Args:
        labels: The class index of each page.
        val_ratio: The fraction of the pages that goes to the validation split.
        seed: The same seed gives the same split.
        stratify: Whether to keep the fractions of the classes; otherwise the labels are ignored.
        class_names: The names of the classes for messages.
        groups: The number of the group of each page; a group stays in one split. None: every page is a group.

    Raises:
        UserError: A class has a single page or group, or a split would have fewer pages than there are classes.
    """
    # Imported here, because it takes over a second and only training splits.
    from sklearn.model_selection import train_test_split

    num_val = int(np.ceil(val_ratio * len(labels)))
    if num_val >= len(labels):
        raise UserError(f"val_split_ratio {val_ratio} leaves nothing of {len(labels)} pages to train on; lower it.")
    if stratify:
        _refuse_small_classes(labels, 2, class_names, "A split needs at least 2 pages of each class", "stratify=false")
        num_classes = len(set(labels))
        if min(num_val, len(labels) - num_val) < num_classes:
            raise UserError(
                f"val_split_ratio {val_ratio} makes {len(labels) - num_val} train and {num_val} validation pages; each "
                f"part needs one page of each of the {num_classes} classes. Change the ratio, add pages, or set "
                "stratify=false."
            )
    options = {
        "random_state": derived_seed(seed, "split") % 2**32,
        "stratify": np.asarray(labels) if stratify else None,
    }
    train, val = train_test_split(np.arange(len(labels)), test_size=num_val, **options)
    if stratify:
        train, val = _one_of_each(np.asarray(labels), train, val, seed)
    if groups is not None:
        numbers = np.zeros(len(labels), dtype=int)
        numbers[val] = 1
        kept = keep_together(labels if stratify else [0] * len(labels), numbers, groups, seed, class_names)
        train, val = np.flatnonzero(kept == 0), np.flatnonzero(kept == 1)
    return np.sort(train), np.sort(val)


def stratified_folds(
    labels: Sequence[int],
    n_folds: int,
    seed: int,
    class_names: Sequence[str] | None = None,
    groups: np.ndarray | None = None,
    held_out_ratio: float = 0.0,
) -> list[Split]:
    """Split into folds: each page validates exactly once, and every class keeps its fraction in each fold.

    Pages that are held out of all folds are in none of them.

    Args:
        labels: The class index of each page.
        n_folds: The number of folds, at least 2.
        seed: The same seed gives the same folds.
        class_names: The names of the classes for messages.
        groups: The number of the group of each page; a group stays in one fold. None: every page is a group.
        held_out_ratio: The fraction of the pages that is held out of all folds, at least one page of each class; 0
            holds none out.

    Raises:
        UserError: A class has fewer pages or groups than there are parts.
    """
    from sklearn.model_selection import StratifiedKFold  # for the same reason

    array = np.asarray(labels)
    if held_out_ratio:
        need = f"{n_folds} folds and the pages held out of them need at least {n_folds + 1} pages of each class"
        _refuse_small_classes(labels, n_folds + 1, class_names, need, "fewer n_folds, or held_out_ratio=0")
        held_out = _choose_held_out(array, held_out_ratio, n_folds, seed)
    else:
        need = f"{n_folds} folds need at least {n_folds} pages of each class"
        _refuse_small_classes(labels, n_folds, class_names, need, "fewer n_folds")
        held_out = np.empty(0, dtype=int)
    rest = np.setdiff1d(np.arange(len(array)), held_out)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=derived_seed(seed, "folds") % 2**32)
    numbers = np.full(len(array), n_folds)
    for number, (_, val) in enumerate(folds.split(np.zeros(len(rest)), array[rest])):
        numbers[rest[val]] = number
    if groups is not None:
        numbers = keep_together(labels, numbers, groups, seed, class_names)
    kept = numbers < n_folds
    return [(np.flatnonzero(kept & (numbers != k)), np.flatnonzero(numbers == k)) for k in range(n_folds)]


def _choose_held_out(labels: np.ndarray, ratio: float, n_folds: int, seed: int) -> np.ndarray:
    """Choose pages of every class in proportion: at least one, and so few that each fold can have one.

    The classes with the largest remainders are rounded up until the whole is rounded up (largest remainder method).
    """
    classes, counts = np.unique(labels, return_counts=True)
    wanted = ratio * counts
    numbers = np.floor(wanted).astype(int)
    missing = int(np.ceil(ratio * len(labels))) - numbers.sum()
    numbers[np.argsort(numbers - wanted, kind="stable")[:missing]] += 1
    numbers = np.clip(numbers, 1, counts - n_folds)
    return np.concatenate([
        generator(seed, "split/held_out", int(label)).permutation(np.flatnonzero(labels == label))[:number]
        for label, number in zip(classes, numbers, strict=True)
    ])  # fmt: skip


def _refuse_small_classes(
    labels: Sequence[int], least: int, class_names: Sequence[str] | None, need: str, alternative: str
) -> None:
    small = []
    for label, count in zip(*np.unique(np.asarray(labels), return_counts=True), strict=True):
        if count < least:
            name = class_names[label] if class_names else f"class {label}"
            small.append(f"{name}: {count} page{'s' if count > 1 else ''}")
    if small:
        raise UserError(f"{need}. Add pages to these classes, leave the classes out, or use {alternative}:", small)


def _one_of_each(labels: np.ndarray, train: np.ndarray, val: np.ndarray, seed: int) -> Split:
    """Give a split that got no page of a small class one from the other split; rounding can leave it without."""
    for label in np.unique(labels):
        rng = generator(seed, "split/small", int(label))
        if not (labels[val] == label).any():
            moved = rng.choice(train[labels[train] == label])
            train, val = train[train != moved], np.append(val, moved)
        elif not (labels[train] == label).any():
            moved = rng.choice(val[labels[val] == label])
            train, val = np.append(train, moved), val[val != moved]
    return train, val
