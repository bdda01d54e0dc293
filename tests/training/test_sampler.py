"""The order of an epoch is a function of seed and epoch, and every page has its turn."""

import numpy as np

from munseo._training.sampler import EpochBatches


def places(batches, epoch):
    batches.set_epoch(epoch)
    return [place for batch in batches for _, place in batch]


def test_every_page_once_and_another_order_each_epoch():
    batches = EpochBatches(50, 8, seed=1)
    first, second = places(batches, 0), places(batches, 1)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert places(EpochBatches(50, 8, seed=1), 0) == first
    assert places(EpochBatches(50, 8, seed=2), 0) != first
    assert len(batches) == len(list(batches)) == 7


def test_a_last_batch_of_one_page_is_left_out():
    batches = EpochBatches(17, 8, seed=1)
    assert [len(batch) for batch in batches] == [8, 8]
    assert len(batches) == 2
    assert len(EpochBatches(1, 8, seed=1)) == 1, "but a single page is better than none"


def test_processes_share_an_epoch_evenly():
    shares = [EpochBatches(21, 4, seed=1, rank=rank, world_size=2) for rank in range(2)]
    seen = [places(share, 3) for share in shares]
    assert len(shares[0]) == len(shares[1])
    assert len(seen[0]) == len(seen[1])
    assert set(seen[0]) | set(seen[1]) == set(range(21))


def test_weights_make_classes_equally_frequent():
    labels = np.array([0] * 90 + [1] * 10)
    weights = np.where(labels == 0, 1 / 90, 1 / 10)
    drawn = [place for epoch in range(20) for place in places(EpochBatches(100, 10, 1, weights), epoch)]
    assert 0.45 < labels[drawn].mean() < 0.55
