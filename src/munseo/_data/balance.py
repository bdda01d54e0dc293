"""Against unequal classes: copies of the pages of small ones, weights for the sampler, weights for the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from munseo._errors import UserError
from munseo._randomness import generator


class PageCopy(NamedTuple):
    """A numbered cutout copy of a page of the train part."""

    page: int
    """Index of the page in the train part."""
    copy: int
    """1, 2, … for each page; each of them is cut differently."""


@dataclass(frozen=True)
class BalancePlan:
    """Which pages of the train part are copied, and what that makes of the classes."""

    copies: tuple[PageCopy, ...]
    """The added copies."""
    before: dict[int, int]
    """Pages of each class that occurs, by class index."""
    added: dict[int, int]
    """Copies of each class, 0 for those that were not asked for or were large enough."""
    after: dict[int, int]


def plan_balance(
    labels: Sequence[int],
    aug_class: Sequence[int],
    max_samples: int,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> BalancePlan:
    """Fill small classes up with copies. Classes that are large enough stay as they are; nothing is taken away.

    The pages of a class are copied in turn, in an order drawn by the seed, so that no page has two copies more than
    another one.

    Args:
        labels: Class index of each page of the train part.
        aug_class: The classes to fill up.
        max_samples: Pages and copies together that each of them shall have.
        seed: The same seed gives the same copies.
        class_names: For messages.

    Raises:
        UserError: A class to fill up has no page.
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
    """Weights of the classes in the loss: n / (k · n_c), the "balanced" heuristic (King and Zeng, 2001).

    Args:
        labels: Class index of each page of the train part.
        num_classes: k.

    Returns:
        (num_classes,) float64. A class without a page gets 0. The mean over the pages is 1 if every class has one.
    """
    counts = np.bincount(np.asarray(labels, dtype=int), minlength=num_classes)
    return np.where(counts > 0, len(labels) / (num_classes * np.maximum(counts, 1)), 0.0)


def sampler_weights(labels: Sequence[int]) -> np.ndarray:
    """Chance of each page to be drawn, such that all classes that occur are drawn equally often.

    Returns:
        (len(labels),) float64, sum 1.
    """
    _, inverse, counts = np.unique(np.asarray(labels, dtype=int), return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[inverse]))
