"""The loader of training pages, which goes on with the next epoch while the last one is validated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset, Sampler

from munseo._training.sampler import Draw, EpochBatches


class FollowingEpochs(Sampler[list[Draw]]):
    """The batches of an epoch and of all epochs after it; its length is that of one epoch.

    Args:
        batches: The batches of each epoch; its ``epoch`` is the first one.
        num_epochs: Number of epochs of the run: there is nothing after the last of them.
    """

    def __init__(self, batches: EpochBatches, num_epochs: int) -> None:
        self.sampler = batches  # Lightning sets the epoch on ``loader.batch_sampler.sampler``.
        self.num_epochs = num_epochs

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[Draw]]:
        first = self.sampler.epoch
        for epoch in range(first, max(first + 1, self.num_epochs)):
            yield from self.sampler.batches_of(epoch)


class EpochLoader(DataLoader[Any]):
    """A loader that keeps its workers busy between two epochs.

    torch's own loader asks the workers for the first batches when an epoch begins, so that a GPU waits for them after
    each validation. Here the workers go on: the first batches of the next epoch are made while the model is validated.
    A page is a function of (seed, epoch, index), so it is the same whenever it is made. Where an epoch does not follow
    the last one, after an interruption, the loader begins anew.

    Args:
        pages: Gives the pages by ``Draw``.
        batches: The batches of each epoch.
        num_epochs: Number of epochs of the run.
        loading: The other arguments of torch's loader.
    """

    def __init__(self, pages: Dataset[Any], batches: EpochBatches, num_epochs: int, **loading: Any) -> None:
        following = FollowingEpochs(batches, num_epochs)
        persistent = loading["num_workers"] > 0
        super().__init__(pages, batch_sampler=following, persistent_workers=persistent, **loading)
        self._batches = batches
        self._stream: Iterator[Any] | None = None
        self._next_epoch: int | None = None  # the one whose first batch the stream gives next

    def __iter__(self) -> Any:
        epoch = self._batches.epoch
        if self._stream is None or epoch != self._next_epoch:
            self._stream = super().__iter__()
        self._next_epoch = None
        num_batches = len(self._batches) - self._batches.first_batch(epoch)
        for number in range(num_batches):
            batch = next(self._stream)
            if number == num_batches - 1:  # before the batch is given away: nobody asks for another one
                self._next_epoch = epoch + 1
            yield batch
