"""Groups of pages that stay on one side of a split: copies of a page, or pages of one patient, sender or file."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from munseo._errors import UserError
from munseo._randomness import generator


def join_groups(num_pages: int, links: Iterable[tuple[int, int]]) -> np.ndarray:
    """Number the groups of pages that are linked, directly or through other pages.

    Args:
        num_pages: N.
        links: Pairs of page indices below N.

    Returns:
        (N,) int: for each page the smallest index of its group; a page without links is its own group.
    """
    parents = list(range(num_pages))
    for pair in links:
        first, second = sorted(root_of(parents, index) for index in pair)
        parents[second] = first
    return np.array([root_of(parents, index) for index in range(num_pages)], dtype=int)


def root_of(parents: list[int], index: int) -> int:
    """Return the page that represents the group of a page, and shorten the way to it; roots are their own parents."""
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def links_of_keys(keys: Sequence[Hashable | None]) -> list[tuple[int, int]]:
    """Link each page to the first one with the same key; None links to nothing."""
    firsts: dict[Hashable, int] = {}
    pairs = ((firsts.setdefault(key, index), index) for index, key in enumerate(keys) if key is not None)
    return [(first, index) for first, index in pairs if first != index]


def keep_together(
    labels: Sequence[int],
    splits: np.ndarray,
    groups: np.ndarray,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Change a stratified split so that groups stay whole, with as few moves as keep the fractions of the classes.

    Groups of several pages are assigned first, the largest first, each to the split in which its classes are furthest
    below their number in the given split (a greedy choice by squared deviation, where scikit-learn's
    StratifiedGroupKFold uses the standard deviation). Then single pages are assigned: they stay where they were as long
    as their class has room there. Without groups the split is returned unchanged.

    Args:
        labels: (N,) class index of each page.
        splits: (N,) number of the split of each page, from a split without groups.
        groups: (N,) number of the group of each page.
        seed: The seed of the order of equally large groups, and of which single pages move.
        class_names: The names of the classes for messages.

    Returns:
        (N,) number of the split of each page; all pages of a group have the same.

    Raises:
        UserError: A class would be missing from a split that had it, because too few groups have it.
    """
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if (sizes == 1).all():
        return splits
    classes, label_of = np.unique(np.asarray(labels), return_inverse=True)
    wanted = np.zeros((int(splits.max()) + 1, len(classes)))
    np.add.at(wanted, (splits, label_of), 1)
    is_single = sizes[group_of] == 1
    result = np.full(len(splits), -1)
    assigned = np.zeros_like(wanted)
    order = generator(seed, "split/groups").permutation(np.flatnonzero(sizes > 1))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        members = np.flatnonzero(group_of == group)
        counts = np.bincount(label_of[members], minlength=len(classes))
        # The split whose squared relative deviation grows least; of equal ones the first.
        growth = (((assigned + counts) ** 2 - assigned**2) / np.maximum(wanted, 0.5)).sum(axis=1)
        result[members] = split = int(np.argmin(growth))
        assigned[split] += counts
    for number in range(len(classes)):
        singles = np.flatnonzero(is_single & (label_of == number))
        room = wanted[:, number] - assigned[:, number]
        result[singles] = _assign_singles(splits[singles], room, seed, number)
    _give_one_of_each(wanted, result, label_of, group_of)
    _refuse_missing(wanted, result, label_of, group_of, classes, class_names)
    return result


def _assign_singles(before: np.ndarray, room: np.ndarray, seed: int, number: int) -> np.ndarray:
    """Assign the single pages of one class: to the split they were in, or where groups have filled it, where is room.

    Args:
        before: (n,) splits of the pages in the split without groups.
        room: (splits,) pages of the class that each split still needs; below 0 where groups brought too many.
        seed: The seed of which pages move.
        number: The number of the class, so that classes are drawn independently.
    """
    after = before.copy()
    left = room.astype(int)
    moving = []
    for index in generator(seed, "split/singles", number).permutation(len(before)):
        if left[before[index]] > 0:
            left[before[index]] -= 1
        else:
            moving.append(index)
    for index in moving:
        after[index] = split = int(np.argmax(left))
        left[split] -= 1
    return after


def _give_one_of_each(wanted: np.ndarray, splits: np.ndarray, label_of: np.ndarray, group_of: np.ndarray) -> None:
    """Move the smallest group of a class into a split that got none of it, from a split with several groups of it."""
    for split, number in np.argwhere(wanted > 0):
        of_class = label_of == number
        if (splits[of_class] == split).any():
            continue
        groups_of_splits = [set(group_of[of_class & (splits == other)].tolist()) for other in range(len(wanted))]
        movable = [group for groups in groups_of_splits if len(groups) > 1 for group in groups]
        if movable:
            splits[group_of == min(movable, key=lambda group: ((group_of == group).sum(), group))] = split


def _refuse_missing(
    wanted: np.ndarray,
    splits: np.ndarray,
    label_of: np.ndarray,
    group_of: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str] | None,
) -> None:
    problems = []
    for number, label in enumerate(classes):
        of_class = label_of == number
        if {int(split) for split in np.flatnonzero(wanted[:, number])} <= {int(split) for split in splits[of_class]}:
            continue
        name = class_names[int(label)] if class_names else f"class {label}"
        num_groups = len(set(group_of[of_class].tolist()))
        problems.append(f"{name}: {of_class.sum()} pages in {num_groups} group{'s' if num_groups > 1 else ''}")
    if problems:
        raise UserError(
            "Pages that belong together cannot be split, and so these classes would be missing from a part. Add pages "
            "to them, leave them out, use fewer n_folds, or another group_column (or split_by_likeness=none where "
            "the groups are copies):",
            problems,
        )
