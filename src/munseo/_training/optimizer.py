"""One optimiser, and one scheduler on it: the rate that is configured is the rate that is used."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]
from torch import nn
from torch.optim import lr_scheduler

from munseo._config import Config
from munseo._errors import UserError
from munseo._model import Classifier

WARMUP_START = 0.01
"""Warm-up climbs from this share of the rate to all of it."""

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": torch.optim.SGD,
    "Momentum": partial(torch.optim.SGD, momentum=0.9),
    "NAG": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "RMSprop": torch.optim.RMSprop,
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "Adafactor": torch.optim.Adafactor,
}
FUSED = ("SGD", "Momentum", "NAG", "Adam", "AdamW")
"""Optimisers with a fused kernel on CPU and CUDA: one pass over the weights instead of a dozen."""


@dataclass(frozen=True)
class Schedule:
    """A scheduler and when it is stepped.

    Attributes:
        scheduler: None for a constant rate.
        each_step: True: after every optimiser step. False: after every epoch, with the monitored value.
        warmup_steps: Steps of warm-up that the scheduler does not do itself (only with ReduceLROnPlateau).
    """

    scheduler: lr_scheduler.LRScheduler | None
    each_step: bool = True
    warmup_steps: int = 0


def build_optimizer(
    config: Config, network: torch.nn.Module, device_type: str, precision: str = "32-true"
) -> torch.optim.Optimizer:
    """The configured optimiser over the parameters that are trained."""
    build = OPTIMIZERS[config.optimizer_name]
    options: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    # Lightning refuses to clip the gradients of a fused optimiser under mixed precision.
    clipped_amp = config.gradient_clip_norm is not None and precision.endswith("mixed")
    if config.optimizer_name in FUSED and device_type in ("cpu", "cuda") and not clipped_amp:
        options["fused"] = True
    options.update(config.optimizer_params)
    groups = parameter_groups(network, config.layer_decay)
    optimizer: torch.optim.Optimizer = _call(build, "optimizer_params", config.optimizer_name, groups, **options)
    spread_rate(optimizer)
    return optimizer


def parameter_groups(network: torch.nn.Module, layer_decay: float | None = None) -> list[dict[str, Any]]:
    """The trained parameters; with layer-wise decay, a group a layer.

    Each layer learns at ``layer_decay`` times the rate of the layer above it (Clark et al., "ELECTRA", 2020; Bao et
    al., "BEiT", 2022). What a layer is says timm's ``group_matcher``: a block of a transformer as of a convolutional
    network. Weight decay is the same for all parameters, biases and norms included, as it is without layers: timm
    would leave those out, and the switch would then change two things.

    Returns:
        Groups with ``params`` and ``lr_scale``, the share of the rate; the first one is the topmost trained layer,
        whose share is 1.
    """
    if layer_decay is None:
        return [{"params": [p for p in network.parameters() if p.requires_grad], "lr_scale": 1.0}]
    layers = param_groups_layer_decay(network, layer_decay=layer_decay, weight_decay_exclude_1d=False)
    layers.sort(key=lambda layer: -layer["lr_scale"])
    top = layers[0]["lr_scale"]
    return [{"params": layer["params"], "lr_scale": layer["lr_scale"] / top} for layer in layers]


def spread_rate(optimizer: torch.optim.Optimizer) -> None:
    """Give every group its share of the first group's rate.

    Called before each step. Schedulers know one peak and one floor (``max_lr``, ``eta_min``, ``min_lr``) for all
    groups: left alone they would pull the groups together.
    """
    first, *others = optimizer.param_groups
    for group in others:
        group["lr"] = first["lr"] * group["lr_scale"]


def build_schedule(config: Config, optimizer: torch.optim.Optimizer, steps_per_epoch: int) -> Schedule:
    """The configured scheduler, with lengths that users give in epochs turned into steps.

    Lengths in ``scheduler_params`` (``step_size``, ``T_max``, ``T_0``) and ``ExponentialLR``'s ``gamma`` are per epoch,
    as in torch when it is stepped once an epoch; the curve between epochs is filled in.
    """
    name, given = config.scheduler_name, dict(config.scheduler_params)
    warmup = round(config.warmup_epochs * steps_per_epoch)
    total = max(1, config.epochs * steps_per_epoch)
    if name == "ReduceLROnPlateau":
        options = {"mode": "min" if config.monitor.endswith("loss") else "max", "patience": 5, **given}
        plateau = _call(lr_scheduler.ReduceLROnPlateau, "scheduler_params", name, optimizer, **options)
        return Schedule(plateau, each_step=False, warmup_steps=warmup)
    main = _stepwise(name, optimizer, given, steps_per_epoch, total, total - warmup, config.lr)
    if not warmup:
        return Schedule(main)
    climb = lr_scheduler.LinearLR(optimizer, start_factor=WARMUP_START, total_iters=warmup)
    rest = main or lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
    return Schedule(lr_scheduler.SequentialLR(optimizer, [climb, rest], milestones=[warmup]))


def warmup_factor(step: int, warmup_steps: int) -> float:
    """Share of the rate at a step of linear warm-up; 1 from ``warmup_steps`` on."""
    if step >= warmup_steps:
        return 1.0
    return WARMUP_START + (1 - WARMUP_START) * step / warmup_steps


def _stepwise(
    name: str, optimizer: torch.optim.Optimizer, given: dict[str, Any], per_epoch: int, total: int, rest: int, lr: float
) -> lr_scheduler.LRScheduler | None:
    build: Callable[..., lr_scheduler.LRScheduler]
    if name == "none":
        return None
    if name == "OneCycleLR":
        build, options = lr_scheduler.OneCycleLR, {"max_lr": lr, **given, "total_steps": total}
    elif name == "CosineAnnealingLR":
        options = {**given, "T_max": _in_steps(given, "T_max", per_epoch, max(1, rest))}
        build = lr_scheduler.CosineAnnealingLR
    elif name == "CosineAnnealingWarmRestarts":
        options = {**given, "T_0": _in_steps(given, "T_0", per_epoch, 10 * per_epoch)}
        build = lr_scheduler.CosineAnnealingWarmRestarts
    elif name == "StepLR":
        options = {"gamma": 0.1, **given, "step_size": _in_steps(given, "step_size", per_epoch, 10 * per_epoch)}
        build = lr_scheduler.StepLR
    else:
        assert name == "ExponentialLR"
        options = {**given, "gamma": _number(given, "gamma", 0.95) ** (1 / per_epoch)}
        build = lr_scheduler.ExponentialLR
    scheduler: lr_scheduler.LRScheduler = _call(build, "scheduler_params", name, optimizer, **options)
    return scheduler


def _in_steps(given: dict[str, Any], key: str, per_epoch: int, default: int) -> int:
    return max(1, math.ceil(_number(given, key, 0) * per_epoch)) if key in given else default


def _number(given: dict[str, Any], key: str, default: float) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UserError(f"scheduler_params.{key}: {value!r} is not allowed; should be a number of at least 0.")
    return value


def _call(build: Callable[..., Any], key: str, name: str, *positional: Any, **options: Any) -> Any:
    """Call torch, and say whose parameter it was if torch does not take it."""
    try:
        return build(*positional, **options)
    except (TypeError, ValueError, AssertionError) as error:
        target = build.func if isinstance(build, partial) else build
        known = [p for p in inspect.signature(target).parameters if p not in ("params", "optimizer", "self")]
        raise UserError(f"{key}: {name} does not take this ({error}). It takes: {', '.join(known)}.") from None


class SnapshotAverage(nn.Module):
    """The mean of the weights at the ends of the last epochs, at the cost of one more copy of them in memory.

    Stochastic weight averaging (Izmailov et al., "Averaging weights leads to wider optima and better generalization",
    2018), with the run's own schedule in place of a constant or cyclic rate. How many snapshots the mean holds follows
    from the epoch, so a resumed run needs nothing but the mean itself, which lies in the state.

    Running means and variances of batch normalisation are averaged with the weights. The paper measures them anew in
    one more pass over the training pages; that would cost up to a third of an epoch after each snapshot, and the ends
    of late epochs, where the rate is low, are so near to each other that their statistics are, too.

    Args:
        classifier: The model that is trained.
        first_epoch: The epoch, from 0, whose end is the first snapshot.
    """

    def __init__(self, classifier: Classifier, first_epoch: int) -> None:
        super().__init__()
        self.mean = deepcopy(classifier).eval().requires_grad_(False)
        self.first_epoch = first_epoch

    def holds(self, epoch: int) -> bool:
        """Whether there is a snapshot at the end of an epoch."""
        return epoch >= self.first_epoch

    @torch.no_grad()
    def add(self, classifier: Classifier, epoch: int) -> None:
        """Take the snapshot of an epoch, in the order of the epochs."""
        share = 1 / (epoch - self.first_epoch + 1)
        for mean, value in zip(self.mean.state_dict().values(), classifier.state_dict().values(), strict=True):
            if share == 1 or not mean.is_floating_point():
                mean.copy_(value)
            else:
                mean.lerp_(value, share)
