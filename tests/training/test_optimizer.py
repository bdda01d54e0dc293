"""Optimisers and schedules: each is built and stepped, and the rates are those that were configured."""

import itertools
import math
import typing

import numpy as np
import pytest
import timm
import torch
from torch.nn import functional

from munseo._config import Config
from munseo._config.training_settings import OptimizerName, SchedulerName
from munseo._errors import UserError
from munseo._training.optimizer import (
    OPTIMIZERS,
    SCHEDULERS,
    build_optimizer,
    build_schedule,
    parameter_groups,
    spread_rate,
    warmup_factor,
)


def rates(config, steps_per_epoch=1, steps=30, loss=1.0):
    """The rate that each step uses."""
    layer = torch.nn.Linear(2, 2)
    optimizer = build_optimizer(config, layer, "cpu")
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


@pytest.mark.parametrize(("precision", "fused"), [("32-true", True), ("bf16-mixed", False), ("16-mixed", False)])
def test_clipped_gradients_leave_the_fused_kernel_only_where_precision_is_really_mixed(precision, fused):
    """A processor without bf16 trains in 32 bits whatever was asked for."""
    config = Config(optimizer_name="AdamW", gradient_clip_norm=1.0, mixed_precision=True)
    optimizer = build_optimizer(config, torch.nn.Linear(2, 2), "cpu", precision)
    assert bool(optimizer.defaults["fused"]) is fused


def test_the_names_in_the_configuration_are_those_of_the_tables():
    assert typing.get_args(OptimizerName) == tuple(OPTIMIZERS)
    assert set(typing.get_args(SchedulerName)) == {"none", *SCHEDULERS}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_lowers_the_loss(name):
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    optimizer = build_optimizer(Config(optimizer_name=name, lr=0.01), layer, "cpu")
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


@pytest.mark.parametrize("name", ["none", *SCHEDULERS])
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


@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit", "test_convnext"])
def test_layers_learn_slower_the_deeper_they_lie(name):
    network = timm.create_model(name, num_classes=3)
    groups = parameter_groups(network, layer_decay=0.5)
    scales = [group["lr_scale"] for group in groups]
    assert scales == [0.5**depth for depth in range(len(groups))]
    assert len(groups) > 5
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    layers = [{names[id(parameter)] for parameter in group["params"]} for group in groups]
    head = network.pretrained_cfg["classifier"]
    assert f"{head}.weight" in layers[0]
    assert next(iter(names.values())) in layers[-1], "the first parameters of the network are the last group"
    assert sorted(name for layer in layers for name in layer) == sorted(names.values()), "each once"


def test_layer_decay_starts_at_the_topmost_layer_that_is_trained():
    network = timm.create_model("test_vit", num_classes=3)
    network.requires_grad_(False)
    network.blocks[2].requires_grad_(True)
    groups = parameter_groups(network, layer_decay=0.5)
    assert [group["lr_scale"] for group in groups] == [1.0]
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in network.blocks[2].parameters()}


@pytest.mark.parametrize("name", typing.get_args(SchedulerName))
def test_every_schedule_keeps_the_shares_of_the_layers(name):
    """With a floor, too: a schedule that knew the layers by itself would lift the deep ones to it."""
    floor = {"CosineAnnealingLR": {"eta_min": 0.01}, "ReduceLROnPlateau": {"min_lr": 0.01, "patience": 0}}.get(name, {})
    config = Config(scheduler_name=name, scheduler_params=floor, lr=0.02, epochs=5, layer_decay=0.5)
    network = timm.create_model("test_vit", num_classes=2)
    optimizer = build_optimizer(config, network, "cpu")
    scheduler = build_schedule(config, optimizer, 2).scheduler
    top = [
        group["lr"]
        for group in build_optimizer(config.model_copy(update={"layer_decay": None}), network, "cpu").param_groups
    ]
    assert optimizer.param_groups[0]["lr"] <= top[0] == 0.02
    seen = []
    for _ in range(10):
        spread_rate(optimizer)
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if scheduler is not None:
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    assert np.allclose(np.array(seen) / np.array(seen)[:, :1], [0.5 ** np.arange(len(seen[0]))] * 10)
    assert max(row[0] for row in seen) <= 0.02 + 1e-12
    plain = rates(config.model_copy(update={"layer_decay": None}), steps_per_epoch=2, steps=10)
    if name != "ReduceLROnPlateau":
        assert [row[0] for row in seen] == pytest.approx(plain), "the head's rate is that of a run without layers"
