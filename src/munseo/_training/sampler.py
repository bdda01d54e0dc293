"""The order of an epoch: a function of (seed, epoch), the same for any number of workers, processes or resumptions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from munseo._randomness import generator

Draw = tuple[int, int]
"""Epoch and place in the list of samples: all that the random numbers of a sample depend on, beside the seed."""


class EpochBatches(Sampler[list[Draw]]):
    """Batches of draws for one process.

    Every process gets the same number of batches: the order is lengthened from its start where it does not divide.
    A last batch of a single page is left out, since batch normalisation cannot train on it.

    Args:
        num_samples: Length of the list of samples.
        batch_size: Pages a process and step.
        seed: The run's seed.
        weights: Draw with these weights and replacement (``weighted_sampler``), float (num_samples,).
        rank: Which process this is.
        world_size: How many there are.
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        seed: int,
        weights: np.ndarray | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.weights = None if weights is None else weights / weights.sum()
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._resumed = (0, 0)

    @property
    def sampler(self) -> EpochBatches:
        """Lightning sets the epoch on ``loader.batch_sampler.sampler``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def start_at(self, epoch: int, batch: int) -> None:
        """Begin with a batch in the middle of an epoch; every other epoch begins with its first."""
        self.epoch = epoch
        self._resumed = (epoch, batch)

    def __len__(self) -> int:
        full, rest = divmod(self._share(), self.batch_size)
        return full + (rest > 1 or (full == 0 and rest == 1))

    def __iter__(self) -> Iterator[list[Draw]]:
        rng = generator(self.seed, "order", self.epoch)
        if self.weights is None:
            order = rng.permutation(self.num_samples)
        else:
            order = rng.choice(self.num_samples, self.num_samples, p=self.weights)
        mine = np.resize(order, self._share() * self.world_size)[self.rank :: self.world_size]
        first_epoch, first_batch = self._resumed
        for number in range(first_batch if self.epoch == first_epoch else 0, len(self)):
            places = mine[number * self.batch_size : (number + 1) * self.batch_size]
            yield [(self.epoch, int(place)) for place in places]

    def _share(self) -> int:
        return -(-self.num_samples // self.world_size)
