"""Randomness as a function of (seed, stream, counters), never of history.

Every random draw of Munseo comes from a counter-based generator: Philox 4x64-10 (Salmon et al., "Parallel random
numbers: as easy as 1, 2, 3", 2011). The same key and counters give the same numbers in any process and in any order,
so the pixels are the same with 0 or 8 loader workers, and in one run or ten interrupted ones.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, stream: str, *counters: int) -> np.random.Generator:
    """Return the generator for one purpose and one set of counters. This costs about 15 µs.

    Args:
        seed: The run's seed.
        stream: Purpose of the numbers, such as ``"augment"``; streams are independent of each other.
        *counters: Up to three whole numbers ≥ 0, such as the epoch and the index of the page.

    Returns:
        A generator that depends only on the arguments.
    """
    assert len(counters) <= 3, "Philox has four 64-bit counters; the first one counts the draws"
    return np.random.Generator(
        np.random.Philox(key=_key(seed, stream), counter=[0, *counters, *[0] * (3 - len(counters))])
    )


def derived_seed(seed: int, stream: str, *counters: int) -> int:
    """Return a seed of 63 bits for a library that has its own generator, such as torch."""
    return int(generator(seed, stream, *counters).integers(2**63 - 1))


def _key(seed: int, stream: str) -> np.ndarray:
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8")
