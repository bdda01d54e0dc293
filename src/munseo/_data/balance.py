"""What can be done about unequal classes: copies of pages, weights for the sampler, and weights for the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from munseo._errors import UserError
from munseo._randomness import generator


class PageCopy(NamedTuple):
    """A numbered cutout copy of a train page.

    Attributes:
        page: The index of the page in the train split.
        copy: 1, 2, … for each page; every copy is cut differently.
    """

    page: int
    copy: int


@dataclass(frozen=True)
class BalancePlan:
    """Which train pages are copied, and how many pages the classes have afterwards.

    Attributes:
        copies: The added copies.
        before: The number of pages of each class that occurs, by class index.
        added: The number of copies of each class; 0 for classes that were not asked for or are large enough.
        after: The number of pages and copies of each class.
    """

    copies: tuple[PageCopy, ...]
    before: dict[int, int]
    added: dict[int, int]
    after: dict[int, int]


def plan_balance(
    labels: Sequence[int],
    aug_class: Sequence[int],
    max_samples: int,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> BalancePlan:
    """Fill up small classes with copies. Classes that are large enough stay as they are; no page is removed.

    The pages of a class are copied in turn, in an order drawn with the seed, so that no page has two copies more than
    another.

    Args:
        labels: The class index of each train page.
        aug_class: The classes to fill up.
        max_samples: The number of pages and copies that each of them should have.
        seed: The same seed gives the same copies.
        class_names: The names of the classes for messages; without them the indices are named.

    Raises:
        UserError: A class that should be filled up has no page.
    """
    values, counts = np.unique(np.asarray(labels, dtype=int), return_counts=True)
    before = {int(label): int(count) for label, count in zip(values, counts, strict=True)}
    wanted = sorted(set(aug_class))
    empty = [class_names[label] if class_names else str(label) for label in wanted if label not in before]
    if empty:
        raise UserError(
            f"class_imbalance.aug_class: no page to copy in the train part for {', '.join(empty)}; leave them out."
        )
    added = dict.fromkeys(before, 0) | {label: max(0, max_samples - before[label]) for label in wanted}
    copies: list[PageCopy] = []
    for label in wanted:
        positions = np.flatnonzero(np.asarray(labels) == label)
        order = generator(seed, "balance", label).permutation(positions)
        copies += [
            PageCopy(int(order[number % len(order)]), 1 + number // len(order)) for number in range(added[label])
        ]
    after = {label: count + added[label] for label, count in before.items()}
    return BalancePlan(tuple(copies), before, added, after)


def class_weights(labels: Sequence[int], num_classes: int) -> np.ndarray:
    """Return the weights of the classes in the loss: n / (k · n_c), the "balanced" heuristic (King and Zeng, 2001).

    Args:
        labels: The class index of each train page.
        num_classes: The number of classes, k.

    Returns:
        (num_classes,) float64. A class without a page gets 0. The mean over the pages is 1 if every class has one.
    """
    counts = np.bincount(np.asarray(labels, dtype=int), minlength=num_classes)
    return np.where(counts > 0, len(labels) / (num_classes * np.maximum(counts, 1)), 0.0)


def sampler_weights(labels: Sequence[int]) -> np.ndarray:
    """Return the probability of each page to be drawn, such that all classes that occur are drawn equally often.

    Returns:
        (len(labels),) float64, sum 1.
    """
    _, inverse, counts = np.unique(np.asarray(labels, dtype=int), return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[inverse]))
