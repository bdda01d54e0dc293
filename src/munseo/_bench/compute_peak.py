"""How many multiply-adds this machine can do at most, and how many a network asks for: the measure of every speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

SIDE = 1536
"""Of the square matrices: three of them fill the caches, and packing them costs under a hundredth."""


def peak_multiply_adds(seconds: float = 1.0) -> float:
    """Multiply-adds a second in 32 bits: the best product of two matrices that torch or NumPy manages on all cores.

    Args:
        seconds: How long each of the two tries.
    """
    left, right = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), dtype=np.float32)
    first, second = torch.from_numpy(left), torch.from_numpy(right)
    return SIDE**3 / min(_fastest(lambda: first @ second, seconds), _fastest(lambda: left @ right, seconds))


def multiply_adds(network: nn.Module, image_size: int) -> float:
    """Multiply-adds of a network for one image (1, 3, S, S): convolutions and matrix products, as usually counted."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(torch.zeros(1, 3, image_size, image_size))
    return counter.get_total_flops() / 2


def _fastest(work: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest of many calls: what the machine can do when nothing disturbs it."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best
