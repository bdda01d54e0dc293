"""Balancing of unequal classes: copies of pages, weights for the sampler, and weights for the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from munseo._errors import UserError
from munseo._randomness import generator


class PageCopy(NamedTuple):
    """A cutout copy of a train page: the index of the page, and 1, 2, …; every copy of a page is cut differently."""

    page: int
    copy: int


def plan_balance(
    labels: Sequence[int],
    aug_class: Sequence[int],
    max_samples: int,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> list[PageCopy]:
    """Return the copies that fill up small classes. Classes that are large enough stay as they are; no page is removed.

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
    positions = {label: np.flatnonzero(np.asarray(labels) == label) for label in sorted(set(aug_class))}
    empty = [class_names[label] if class_names else str(label) for label in positions if not len(positions[label])]
    if empty:
        raise UserError(
            f"class_imbalance.aug_class: no page to copy in the train split for {', '.join(empty)}; leave them out."
        )
    copies = []
    for label, of_class in positions.items():
        order = generator(seed, "balance", label).permutation(of_class)
        for number in range(max_samples - len(order)):
            copies.append(PageCopy(int(order[number % len(order)]), 1 + number // len(order)))
    return copies


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
    """Return the probability of each page, (len(labels),) float64, with which all classes are drawn equally often."""
    _, inverse, counts = np.unique(np.asarray(labels, dtype=int), return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[inverse]))
