"""The arithmetic of a network: its multiply-adds, the unit in which models and machines are compared."""

from __future__ import annotations

import torch
from torch import nn


def multiply_adds(network: nn.Module, image_size: int) -> float:
    """Return the multiply-adds of a network for one image (1, 3, S, S), in convolutions and matrix products."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(torch.zeros(1, 3, image_size, image_size))
    return counter.get_total_flops() / 2
