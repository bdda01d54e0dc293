"""Losses: each agrees with its definition, and the ways to balance unequal classes do what they promise."""

import math
import typing

import numpy as np
import pytest
import torch
from torch.nn import functional

from munseo._config import Config
from munseo._config.key import keys_of
from munseo._config.training_settings import LossName, LossSettings
from munseo._training.loss import LOSS_BALANCE, LOSSES, Balance, SoftLoss, build_loss, scaled_log_prior
from munseo._training.sampler import SAMPLE_WEIGHTS, sample_weights


def test_the_names_in_the_configuration_are_those_of_the_table():
    assert typing.get_args(LossName) == tuple(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_falls_when_the_true_class_becomes_likelier(name):
    loss, labels = SoftLoss(3, LossSettings(loss=name)), torch.tensor([0, 2])
    values = [loss(scale * torch.eye(3)[labels], loss.one_hot(labels)).item() for scale in (0.0, 1.0, 4.0)]
    assert values[0] > values[1] > values[2] >= 0


def test_targets_are_hard_and_the_loss_itself_smooths_them():
    smooth = SoftLoss(4, LossSettings(label_smoothing=0.1))
    assert smooth.one_hot(torch.tensor([1])).tolist() == [[0, 1, 0, 0]]


def test_every_key_that_balances_the_classes_has_one_entry():
    keys = {key for key, known in keys_of(Config).items() if known.balances}
    assert keys == {*LOSS_BALANCE, *SAMPLE_WEIGHTS}
    assert not set(LOSS_BALANCE) & set(SAMPLE_WEIGHTS)


@pytest.mark.parametrize("key", [*LOSS_BALANCE, *SAMPLE_WEIGHTS])
def test_every_balance_changes_what_rare_classes_count(key):
    config, labels = Config().model_copy(update={key: 0.9}), [0] * 9 + [1]
    weights = sample_weights(config, labels)
    if key in SAMPLE_WEIGHTS:
        assert weights[9] == pytest.approx(9 * weights[0])
    else:
        assert weights is None
        logits, targets = torch.zeros(10, 2, requires_grad=True), functional.one_hot(torch.tensor(labels), 2).float()
        build_loss(config, labels, 2)(logits, targets).backward()
        assert logits.grad[9].abs().sum() > logits.grad[0].abs().sum(), "the rare class pulls harder"


def test_losses_agree_with_torch():
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 1])
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    plain = SoftLoss(4)
    assert torch.allclose(plain(logits, plain.one_hot(labels)), functional.cross_entropy(logits, labels))
    smooth = SoftLoss(4, LossSettings(label_smoothing=0.1))
    expected = functional.cross_entropy(logits, labels, label_smoothing=0.1)
    assert torch.allclose(smooth(logits, smooth.one_hot(labels)), expected)
    weighted = SoftLoss(4, balance=Balance(class_weights=weights))
    expected = functional.cross_entropy(logits, labels, weight=weights)
    assert torch.allclose(weighted(logits, weighted.one_hot(labels)), expected)


def test_focal_loss_forgives_what_is_sure():
    labels = torch.tensor([0])
    focal = SoftLoss(2, LossSettings(loss="focal", focal_gamma=2.0))
    for margin in (-3.0, 0.0, 3.0):
        logits = torch.tensor([[margin, 0.0]])
        p = 1 / (1 + math.exp(-margin))
        assert focal(logits, focal.one_hot(labels)).item() == pytest.approx(-((1 - p) ** 2) * math.log(p), rel=1e-4)
    zero = SoftLoss(2, LossSettings(loss="focal", focal_gamma=0.0))
    assert np.isclose(zero(torch.zeros(1, 2), zero.one_hot(labels)).item(), math.log(2))


def test_the_log_prior_is_that_of_the_samples_and_finite():
    prior = scaled_log_prior([0] * 6 + [1] * 3, 3, tau=2.0)
    assert torch.allclose(prior, 2 * torch.tensor([6 / 10, 3 / 10, 1 / 10]).log()), "class 2 counts as one sample"
    assert torch.equal(scaled_log_prior([0, 1, 1], 2, tau=0.0), torch.zeros(2))


def test_logit_adjustment_takes_the_frequency_out_of_the_logits():
    """Where pages look alike, a plain model's logits learn the prior, and an adjusted one's learn nothing."""
    labels = torch.tensor([0] * 90 + [1] * 10)

    def learnt(balance):
        loss, logits = SoftLoss(2, balance=balance), torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.SGD([logits], lr=1.0)
        for _ in range(500):
            optimizer.zero_grad()
            loss(logits.expand(100, 2), loss.one_hot(labels)).backward()
            optimizer.step()
        return (logits[0] - logits[1]).item()

    assert learnt(Balance()) == pytest.approx(math.log(9), abs=0.01)
    assert learnt(Balance(log_prior=scaled_log_prior(labels.tolist(), 2, 1.0))) == pytest.approx(0, abs=0.01)
    assert learnt(Balance(log_prior=scaled_log_prior(labels.tolist(), 2, 0.5))) == pytest.approx(
        math.log(9) / 2, abs=0.01
    )


def best_answer(loss, targets):
    """The probabilities at which the loss of one page is smallest."""
    logits = torch.zeros(1, targets.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(1500):
        optimizer.zero_grad()
        loss(logits, targets).backward()
        optimizer.step()
    return logits.softmax(dim=1)[0].detach()


@pytest.mark.parametrize(("counts", "smoothing"), [([1000] * 16 + [5], 0.1), ([2000, 2000, 10], 0.2)])
def test_the_best_answer_for_a_page_is_its_smoothed_label_whatever_the_classes_weigh(counts, smoothing):
    """With torch's weights of the smoothed terms, the best answer for a page of the first case is the rare class."""
    labels = [k for k, count in enumerate(counts) for _ in range(count)]
    config = Config().model_copy(update={"class_weighting": True, "label_smoothing": smoothing})
    loss, k = build_loss(config, labels, len(counts)), len(counts)
    common = best_answer(loss, loss.one_hot(torch.tensor([0])))
    assert common[0].item() == pytest.approx(1 - smoothing + smoothing / k, abs=1e-3)
    assert common[1:].tolist() == pytest.approx([smoothing / k] * (k - 1), abs=1e-3)


def test_the_best_answer_for_a_mixed_page_is_its_mixture_of_labels():
    loss = build_loss(Config().model_copy(update={"class_weighting": True}), [0] * 95 + [1] * 5, 2)
    assert best_answer(loss, torch.tensor([[0.7, 0.3]])).tolist() == pytest.approx([0.7, 0.3], abs=1e-3)


def test_pages_count_by_their_labels_without_the_smoothing():
    """The mean is over pages: the sum of weight times loss, divided by the sum of weights."""
    weights, smoothing = torch.tensor([1.0, 4.0, 9.0]), 0.3
    targets, logits = torch.tensor([[1.0, 0, 0], [0, 0.25, 0.75], [0, 0, 1]]), torch.randn(3, 3)
    loss = SoftLoss(3, LossSettings(label_smoothing=smoothing), Balance(class_weights=weights))
    smoothed = (1 - smoothing) * targets + smoothing / 3
    of_pages = -(smoothed * logits.log_softmax(dim=1)).sum(dim=1)
    page_weights = torch.tensor([1.0, 0.25 * 4 + 0.75 * 9, 9.0])
    assert loss(logits, targets).item() == pytest.approx(((page_weights * of_pages).sum() / page_weights.sum()).item())
