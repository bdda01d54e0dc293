"""Random draws that the pages are made of: items, numbers, digits, colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

Rng = np.random.Generator

RGB = tuple[int, int, int]
"""A colour, 0 to 255 in each channel."""


def pick(rng: Rng, items: Sequence[T]) -> T:
    """Return one of the items; all are equally likely."""
    return items[int(rng.integers(len(items)))]


def some(rng: Rng, items: Sequence[T], count: int) -> list[T]:
    """Return ``count`` different items in random order."""
    return [items[int(i)] for i in rng.permutation(len(items))[:count]]


def chance(rng: Rng, probability: float) -> bool:
    """Return True with a probability."""
    return bool(rng.random() < probability)


def between(rng: Rng, low: float, high: float) -> float:
    """Return a real number in [low, high)."""
    return float(rng.uniform(low, high))


def whole(rng: Rng, low: int, high: int) -> int:
    """Return a whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))


def digits(rng: Rng, count: int) -> str:
    """Return a string of random digits."""
    return "".join(str(d) for d in rng.integers(0, 10, count))


def near(rng: Rng, colour: RGB, spread: float) -> RGB:
    """Return a colour that differs by at most ``spread`` levels in each channel."""
    red, green, blue = (round(min(255.0, max(0.0, level + between(rng, -spread, spread)))) for level in colour)
    return red, green, blue


def mix(first: RGB, second: RGB, fraction: float) -> RGB:
    """Return the colour at a fraction of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * fraction) for a, b in zip(first, second, strict=True))
    return red, green, blue
