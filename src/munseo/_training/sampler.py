"""The order of an epoch. It is a function of (seed, epoch): workers, processes and resumptions do not change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from munseo._config.training_settings import BalanceSettings
from munseo._data import sampler_weights
from munseo._randomness import generator

Draw = tuple[int, int]
"""Epoch and index of a sample: together with the seed, all that its random numbers depend on."""

SAMPLE_WEIGHTS: dict[str, Callable[[Sequence[int]], np.ndarray]] = {"weighted_sampler": sampler_weights}
"""Configuration key to a function from the label of each sample to its drawing weight.

To add a way to balance the classes by drawing, add its key to ``_config/training_settings.py`` (``balances=True``), and
its function here.
"""


def sample_weights(config: BalanceSettings, labels: Sequence[int]) -> np.ndarray | None:
    """Return the drawing weights of the samples, or None if every sample comes once an epoch."""
    return next((weigh(labels) for key, weigh in SAMPLE_WEIGHTS.items() if getattr(config, key)), None)


class EpochBatches(Sampler[list[Draw]]):
    """The batches of an epoch for one process.

    Every process gets the same number of batches: if the order does not divide evenly, it is lengthened by its own
    beginning. A last batch of a single page is left out, since batch normalisation cannot train on it.

    Args:
        num_samples: Samples of an epoch.
        batch_size: Pages a process and step.
        seed: The run's seed.
        weights: Drawing weights, float (num_samples,): samples are drawn with replacement. None: each comes once.
        rank: Number of this process among ``world_size``.
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
        self.num_samples, self.batch_size, self.seed = num_samples, batch_size, seed
        self.weights = None if weights is None else weights / weights.sum()
        self.rank, self.world_size = rank, world_size
        self.epoch = 0
        self._resumed = (0, 0)

    @property
    def sampler(self) -> EpochBatches:
        """Itself, since Lightning sets the epoch on ``loader.batch_sampler.sampler``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration goes through."""
        self.epoch = epoch

    def start_at(self, epoch: int, batch: int) -> None:
        """Begin an epoch with a batch in its middle; every other epoch begins with its first batch."""
        self.epoch = epoch
        self._resumed = (epoch, batch)

    def __len__(self) -> int:
        full, remainder = divmod(self._samples_per_process(), self.batch_size)
        # A single remaining page is left out, unless it is all there is.
        return full + (remainder > 1 or (full == 0 and remainder == 1))

    def first_batch(self, epoch: int) -> int:
        """Return the number of the batch that an epoch begins with: 0, but for an epoch that was interrupted."""
        resumed, first = self._resumed
        return first if epoch == resumed else 0

    def __iter__(self) -> Iterator[list[Draw]]:
        return self.batches_of(self.epoch)

    def batches_of(self, epoch: int) -> Iterator[list[Draw]]:
        """Yield the batches of an epoch, whichever was chosen."""
        rng = generator(self.seed, "order", epoch)
        if self.weights is None:
            order = rng.permutation(self.num_samples)
        else:
            order = rng.choice(self.num_samples, self.num_samples, p=self.weights)
        mine = np.resize(order, self._samples_per_process() * self.world_size)[self.rank :: self.world_size]
        for number in range(self.first_batch(epoch), len(self)):
            indices = mine[number * self.batch_size : (number + 1) * self.batch_size]
            yield [(epoch, int(index)) for index in indices]

    def _samples_per_process(self) -> int:
        return -(-self.num_samples // self.world_size)
