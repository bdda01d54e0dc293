"""The loader of training pages goes on with the next epoch, and gives every epoch as a loader made for it would."""

import os
import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from munseo._training.epoch_loader import EpochLoader, FollowingEpochs
from munseo._training.sampler import EpochBatches

NUM_PAGES, BATCH = 23, 4
NUM_BATCHES = 6


class Pages(Dataset):
    """Pages whose numbers depend on (epoch, index); each leaves a file behind when it is made."""

    def __init__(self, folder):
        self.folder = folder

    def __len__(self):
        return NUM_PAGES

    def __getitem__(self, place):
        epoch, index = place
        (self.folder / f"{epoch}-{index}").touch()
        return torch.tensor([epoch, index, os.getpid()])

    def epochs_begun(self):
        return {int(file.name.partition("-")[0]) for file in self.folder.iterdir()}


@pytest.fixture
def pages(tmp_path):
    return Pages(tmp_path)


def make(pages, num_workers, num_epochs=5):
    batches = EpochBatches(NUM_PAGES, BATCH, seed=3)
    return EpochLoader(pages, batches, num_epochs, num_workers=num_workers), batches


def places(found):
    return [batch[:, :2].tolist() for batch in found]


def of_torch(pages, epoch, first=0):
    """The batches of a loader that is made for one epoch."""
    batches = EpochBatches(NUM_PAGES, BATCH, seed=3)
    batches.start_at(epoch, first)
    return places(DataLoader(pages, batch_sampler=batches))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_epoch_is_that_of_a_loader_made_for_it(pages, num_workers):
    loader, batches = make(pages, num_workers)
    workers = set()
    for epoch in range(4):
        batches.set_epoch(epoch)
        found = list(loader)
        assert places(found) == of_torch(pages, epoch)
        assert len(found) == len(loader) == NUM_BATCHES
        workers |= {int(pid) for batch in found for pid in batch[:, 2]}
    assert len(workers) == max(1, num_workers), "the same workers in all epochs"


def test_the_next_epoch_is_begun_before_anyone_asks_for_it(pages):
    loader, batches = make(pages, num_workers=1, num_epochs=2)
    epoch = iter(loader)
    for _ in range(NUM_BATCHES):  # as a trainer does that knows the length: it never asks for the end
        next(epoch)
    waited_until = time.monotonic() + 60
    while pages.epochs_begun() != {0, 1} and time.monotonic() < waited_until:
        time.sleep(0.01)
    assert pages.epochs_begun() == {0, 1}
    batches.set_epoch(1)
    assert places(loader) == of_torch(pages, 1)


def test_nothing_is_made_after_the_last_epoch():
    batches = EpochBatches(NUM_PAGES, BATCH, seed=3)
    assert {epoch for batch in FollowingEpochs(batches, 3) for epoch, _ in batch} == {0, 1, 2}
    batches.set_epoch(2)
    assert {epoch for batch in FollowingEpochs(batches, 3) for epoch, _ in batch} == {2}
    batches.set_epoch(7)
    assert {epoch for batch in FollowingEpochs(batches, 3) for epoch, _ in batch} == {7}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_interrupted_epoch_goes_on_where_it_was(pages, num_workers):
    loader, batches = make(pages, num_workers)
    batches.start_at(1, 4)
    assert places(loader) == of_torch(pages, 1, first=4)
    batches.set_epoch(2)
    assert places(loader) == of_torch(pages, 2)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_epoch_that_does_not_follow_begins_anew(pages, num_workers):
    loader, batches = make(pages, num_workers)
    next(iter(loader))
    assert places(loader) == of_torch(pages, 0)
    batches.set_epoch(3)
    assert places(loader) == of_torch(pages, 3)
    batches.set_epoch(3)
    assert places(loader) == of_torch(pages, 3)
