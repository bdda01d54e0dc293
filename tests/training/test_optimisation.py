"""Optimisers, schedules and losses: each is built and stepped, and the rates are those that were asked for."""

import itertools
import math
import typing

import numpy as np
import pytest
import torch
from torch.nn import functional

from munseo.config import Config
from munseo.config.schema import OptimizerName, SchedulerName
from munseo.errors import UserError
from munseo.training.loss import SoftLoss
from munseo.training.optimisation import build_optimizer, build_schedule, warmup_factor


def rates(config, steps_per_epoch=1, steps=30, loss=1.0):
    """The rate that each step uses."""
    layer = torch.nn.Linear(2, 2)
    optimizer = build_optimizer(config, layer.parameters(), "cpu")
    schedule = build_schedule(config, optimizer, steps_per_epoch)
    used = []
    for step in range(steps):
        used.append(optimizer.param_groups[0]["lr"])
        layer(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        if schedule.scheduler is None:
            continue
        if schedule.each_step:
            schedule.scheduler.step()
        elif (step + 1) % steps_per_epoch == 0:
            schedule.scheduler.step(loss)
    return used


@pytest.mark.parametrize("name", typing.get_args(OptimizerName))
def test_every_optimiser_lowers_the_loss(name):
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    optimizer = build_optimizer(Config(optimizer_name=name, lr=0.01), layer.parameters(), "cpu")
    inputs, labels = torch.randn(16, 4), torch.randint(0, 3, (16,))
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = functional.cross_entropy(layer(inputs), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert optimizer.param_groups[0]["lr"] == 0.01
    momentum = {"Momentum": 0.9, "NAG": 0.9, "SGD": 0}.get(name)
    if momentum is not None:
        assert optimizer.param_groups[0]["momentum"] == momentum
        assert optimizer.param_groups[0]["nesterov"] == (name == "NAG")


@pytest.mark.parametrize("name", typing.get_args(SchedulerName))
def test_no_schedule_exceeds_the_configured_rate(name):
    used = rates(Config(scheduler_name=name, lr=0.02, epochs=10), steps_per_epoch=3)
    assert max(used) == pytest.approx(0.02)
    assert min(used) >= 0


def test_the_cosine_is_the_references_and_shows_its_trap():
    after_28 = rates(Config(lr=1e-4, epochs=1000), steps=29)[28]
    assert after_28 == pytest.approx(1e-4 * (1 + math.cos(28 * math.pi / 1000)) / 2)
    really_used = rates(Config(lr=4e-4, epochs=1000), steps=29)[28]
    assert round(really_used, 6) == 0.000399, "the rate of the report belongs to a base of 4e-4"


@pytest.mark.parametrize(
    ("values", "epoch", "share"),
    [
        ({"scheduler_name": "StepLR", "scheduler_params": {"step_size": 2, "gamma": 0.5}}, 5, 0.25),
        ({"scheduler_name": "ExponentialLR", "scheduler_params": {"gamma": 0.9}}, 3, 0.9**3),
        ({"scheduler_name": "CosineAnnealingWarmRestarts", "scheduler_params": {"T_0": 2}}, 4, 1.0),
        ({"scheduler_name": "ReduceLROnPlateau", "scheduler_params": {"patience": 0, "factor": 0.5}}, 3, 0.25),
        ({"scheduler_name": "none"}, 7, 1.0),
    ],
)
def test_lengths_are_in_epochs(values, epoch, share):
    assert rates(Config(lr=0.1, epochs=10, **values), steps_per_epoch=4, steps=41)[4 * epoch] == pytest.approx(
        0.1 * share
    )


def test_warm_up_climbs_to_the_rate_and_the_schedule_follows():
    used = rates(Config(lr=0.1, epochs=10, warmup_epochs=2), steps_per_epoch=5, steps=50)
    assert used[0] == pytest.approx(0.001)
    assert used[10] == pytest.approx(0.1)
    assert all(a < b for a, b in itertools.pairwise(used[:11]))
    assert used[-1] < 0.001
    assert warmup_factor(0, 10) == pytest.approx(0.01)
    assert warmup_factor(10, 10) == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"optimizer_params": {"betaz": 1}}, "optimizer_params: AdamW does not take this"),
        ({"scheduler_params": {"T_mox": 1}}, "scheduler_params: CosineAnnealingLR does not take this.*T_max"),
        ({"scheduler_params": {"T_max": "long"}}, "scheduler_params.T_max: 'long' is not allowed"),
    ],
)
def test_parameters_that_torch_does_not_take_are_named(values, told):
    with pytest.raises(UserError, match=told):
        rates(Config(**values))


def test_losses_agree_with_torch():
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 1])
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    plain = SoftLoss(4)
    assert torch.allclose(plain(logits, plain.soften(labels)), functional.cross_entropy(logits, labels))
    smooth = SoftLoss(4, label_smoothing=0.1)
    expected = functional.cross_entropy(logits, labels, label_smoothing=0.1)
    assert torch.allclose(smooth(logits, smooth.soften(labels)), expected)
    weighted = SoftLoss(4, class_weights=weights)
    expected = functional.cross_entropy(logits, labels, weight=weights)
    assert torch.allclose(weighted(logits, weighted.soften(labels)), expected)


def test_focal_loss_forgives_what_is_sure():
    labels = torch.tensor([0])
    focal = SoftLoss(2, focal_gamma=2.0)
    for margin in (-3.0, 0.0, 3.0):
        logits = torch.tensor([[margin, 0.0]])
        p = 1 / (1 + math.exp(-margin))
        assert focal(logits, focal.soften(labels)).item() == pytest.approx(-((1 - p) ** 2) * math.log(p), rel=1e-4)
    zero = SoftLoss(2, focal_gamma=0.0)
    assert np.isclose(zero(torch.zeros(1, 2), zero.soften(labels)).item(), math.log(2))
