"""Whether an engine gives a page the same bits whatever pages are in its batch: measured when an export is made.

Engines choose their algorithms by the shape of a batch, and these differ in the last bits; whether that shows depends
on the model and on the number of threads (docs/benchmarks.md). The sidecar of an export has the numbers of threads with
which the bits were the same. With any other number, and where nobody measured it, as in exports of earlier versions,
pages are predicted one by one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from munseo._randomness import generator

SIZES = (2, 5, 13)
"""Sizes of the batches that are compared with single pages; the largest has a chunk that is not full."""


def threads_with_same_bits(open_with: Callable[[int], nn.Module], image_size: int) -> list[int]:
    """Return with which numbers of threads logits in batches equal those of single pages: of 1, 2 and torch's own.

    Args:
        open_with: Opens the engine with a number of threads.
        image_size: S, for images (B, 3, S, S).
    """
    numbers = sorted({1, 2, torch.get_num_threads()})
    return [number for number in numbers if same_bits_in_batches(open_with(number), image_size, number)]


def same_bits_in_batches(network: nn.Module, image_size: int, num_threads: int) -> bool:
    """Return whether the logits of pages of noise are the same alone and in batches.

    Args:
        network: Takes normalised images (B, 3, S, S) and gives logits.
        image_size: S.
        num_threads: Number of threads of the network. A batch of twice as many pages or more is divided among them.
    """
    sizes = sorted({*SIZES, 2 * num_threads})
    noise = generator(0, "engines/batches").standard_normal((sizes[-1], image_size, image_size, 3), dtype="float32")
    pages = torch.from_numpy(noise).permute(0, 3, 1, 2)  # (N, 3, S, S), channels last, as pages are decoded
    with torch.inference_mode():
        alone = torch.cat([network(page[None]) for page in pages])
        return all(torch.equal(network(pages[-size:]), alone[-size:]) for size in sizes)
