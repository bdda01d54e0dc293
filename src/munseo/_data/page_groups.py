"""Pages that belong together stay on one side of a split: copies of a page, or pages of one patient, sender, file."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from munseo._errors import UserError
from munseo._randomness import generator


def join_groups(num_pages: int, links: Iterable[tuple[int, int]]) -> np.ndarray:
    """Number the groups that pairs of pages tie together, through others too.

    Args:
        num_pages: N.
        links: Pairs of places below N.

    Returns:
        (N,) int: of each page the first place of its group; a page without links is a group of its own.
    """
    root = np.arange(num_pages)

    def find(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return int(place)

    for one, other in links:
        first, second = sorted((find(one), find(other)))
        root[second] = first
    return np.array([find(place) for place in range(num_pages)], dtype=int)


def links_of_keys(keys: Sequence[Hashable | None]) -> list[tuple[int, int]]:
    """Tie each page to the first one with the same key; None ties to nothing."""
    firsts: dict[Hashable, int] = {}
    pairs = ((firsts.setdefault(key, place), place) for place, key in enumerate(keys) if key is not None)
    return [(first, place) for first, place in pairs if first != place]


def keep_together(
    labels: Sequence[int],
    parts: np.ndarray,
    groups: np.ndarray,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Change a stratified split as little as keeps groups whole and the classes' shares.

    Groups of several pages are placed first, the largest first, each where its classes are furthest from what the
    given split has of them (a greedy choice by squared deviation, as scikit-learn's StratifiedGroupKFold makes it by
    standard deviation). Then single pages: they stay where they were as long as their class has room there. Without
    groups the split is what it was.

    Args:
        labels: Class index of each of N pages.
        parts: (N,) number of the part of each page, from a split without groups.
        groups: (N,) number of the group of each page.
        seed: Of the order of equally large groups, and of which single pages move.
        class_names: For messages.

    Returns:
        (N,) number of the part of each page; all pages of a group have the same.

    Raises:
        UserError: A class would be missing from a part that had it: too few groups have it.
    """
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if (sizes == 1).all():
        return parts
    classes, label_of = np.unique(np.asarray(labels), return_inverse=True)
    wanted = np.zeros((int(parts.max()) + 1, len(classes)))
    np.add.at(wanted, (parts, label_of), 1)
    single = sizes[group_of] == 1
    result = np.full(len(parts), -1)
    placed = np.zeros_like(wanted)
    order = generator(seed, "split/groups").permutation(np.flatnonzero(sizes > 1))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        members = np.flatnonzero(group_of == group)
        counts = np.bincount(label_of[members], minlength=len(classes))
        part = _part_with_room(placed, wanted, counts)
        result[members] = part
        placed[part] += counts
    for number in range(len(classes)):
        own = np.flatnonzero(single & (label_of == number))
        result[own] = _place_singles(parts[own], wanted[:, number] - placed[:, number], seed, number)
    _give_one_of_each(wanted, result, label_of, group_of)
    _refuse_missing(wanted, result, label_of, group_of, classes, class_names)
    return result


def _part_with_room(placed: np.ndarray, wanted: np.ndarray, counts: np.ndarray) -> int:
    """The part whose squared relative deviation grows least; the emptiest one of equals."""
    target = np.maximum(wanted, 0.5)
    growth = (((placed + counts) ** 2 - placed**2) / target).sum(axis=1)
    return int(np.argmin(growth))


def _place_singles(before: np.ndarray, room: np.ndarray, seed: int, number: int) -> np.ndarray:
    """Parts of single pages of one class: where they were, or, where groups have filled it, where there is room.

    Args:
        before: (n,) parts of the pages in the split without groups.
        room: (parts,) pages that each part still wants of the class; below 0 where groups brought too many.
        seed: Which pages move.
        number: Of the class, so that classes move independently.
    """
    after = before.copy()
    left = room.astype(int)
    moving = []
    shuffled = generator(seed, "split/singles", number).permutation(len(before))
    for place in shuffled:
        if left[before[place]] > 0:
            left[before[place]] -= 1
        else:
            moving.append(place)
    for place in moving:
        after[place] = part = int(np.argmax(left))
        left[part] -= 1
    return after


def _give_one_of_each(wanted: np.ndarray, parts: np.ndarray, label_of: np.ndarray, group_of: np.ndarray) -> None:
    """Move the smallest group of a class into a part that got none of it, from a part with several groups of it."""
    for part, number in np.argwhere(wanted > 0):
        own = label_of == number
        if (parts[own] == part).any():
            continue
        found = [set(group_of[own & (parts == other)].tolist()) for other in range(len(wanted))]
        movable = sorted(((group_of == group).sum(), group) for groups in found if len(groups) > 1 for group in groups)
        if movable:
            parts[group_of == movable[0][1]] = part


def _refuse_missing(
    wanted: np.ndarray,
    parts: np.ndarray,
    label_of: np.ndarray,
    group_of: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str] | None,
) -> None:
    problems = []
    for number, label in enumerate(classes):
        own = label_of == number
        if {int(part) for part in np.flatnonzero(wanted[:, number])} <= {int(part) for part in parts[own]}:
            continue
        name = class_names[int(label)] if class_names else f"class {label}"
        num_groups = len(set(group_of[own].tolist()))
        problems.append(f"{name}: {own.sum()} pages in {num_groups} group{'s' if num_groups > 1 else ''}")
    if problems:
        raise UserError(
            "Pages that belong together cannot be split, and so these classes would be missing from a part. Add pages "
            "to them, leave them out, use fewer n_folds, or another group_column (or split_by_likeness=none where "
            "the groups are copies):",
            problems,
        )
