"""The mean of snapshots is the mean, of weights and of the statistics of batch normalisation, and survives a state."""

import pytest
import torch

from munseo._model import ModelCard, build_classifier
from munseo._training.optimizer import SnapshotAverage


@pytest.fixture
def classifier():
    card = ModelCard("test_efficientnet.r160_in1k", ("a", "b"), ("0", "1"), 64, (0.5,) * 3, (0.5,) * 3)
    torch.manual_seed(0)
    return build_classifier(card)[0]


def move(classifier, epoch):
    """Weights and statistics of an epoch, all different."""
    torch.manual_seed(epoch)
    with torch.no_grad():
        for value in classifier.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.randn_like(value))
            else:
                value.fill_(epoch)
    return {name: value.clone() for name, value in classifier.state_dict().items()}


def test_the_mean_of_the_last_epochs_is_kept(classifier):
    average = SnapshotAverage(classifier, first_epoch=5)
    assert [average.holds(epoch) for epoch in (0, 4, 5, 7)] == [False, False, True, True]
    states = []
    for epoch in (5, 6, 7):
        states.append(move(classifier, epoch))
        average.add(classifier, epoch)
    mean = average.mean.state_dict()
    assert any("running_var" in name for name in mean)
    for name, value in mean.items():
        seen = [state[name] for state in states]
        if value.is_floating_point():
            assert torch.allclose(value, torch.stack(seen).mean(dim=0), atol=1e-6), name
        else:
            assert value == seen[-1], "counters are those of the last snapshot"
    assert not average.mean.training
    assert not any(parameter.requires_grad for parameter in average.mean.parameters())


def test_the_first_snapshot_is_the_weights_themselves(classifier):
    average = SnapshotAverage(classifier, first_epoch=2)
    state = move(classifier, 2)
    average.add(classifier, 2)
    assert all(torch.equal(value, state[name]) for name, value in average.mean.state_dict().items())
    move(classifier, 3)
    assert all(torch.equal(value, state[name]) for name, value in average.mean.state_dict().items()), "and not a view"


def test_a_restored_mean_goes_on_alike(classifier):
    one, other = (SnapshotAverage(classifier, first_epoch=0) for _ in range(2))
    for epoch in range(2):
        move(classifier, epoch)
        one.add(classifier, epoch)
    other.load_state_dict(one.state_dict())
    move(classifier, 2)
    for average in (one, other):
        average.add(classifier, 2)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
