"""Optimisers, schedulers and the average of snapshots.

There is one optimiser, and one scheduler on it, so that the configured rate is the rate that is used. To add one of
them, add its name to ``_config/training_settings.py`` and an entry to ``OPTIMIZERS`` or ``SCHEDULERS``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]
from torch import nn
from torch.optim import lr_scheduler

from munseo._config.training_settings import OptimizerSettings
from munseo._errors import UserError
from munseo._model import Classifier

WARMUP_START = 0.01
"""Warm-up climbs from this fraction of the rate to all of it."""


_SCHEDULED = ("lr", "initial_lr", "momentum", "betas", "max_lr", "min_lr", "max_momentum", "base_momentum")
"""What schedulers change in the groups of an optimiser."""


class Optimizer(NamedTuple):
    """The constructor of an optimiser, and whether the optimiser has a fused kernel on CPU and CUDA.

    A fused kernel makes one pass over the weights instead of a dozen.
    """

    build: Callable[..., torch.optim.Optimizer]
    fused: bool = False


OPTIMIZERS = {
    "SGD": Optimizer(torch.optim.SGD, fused=True),
    "Momentum": Optimizer(partial(torch.optim.SGD, momentum=0.9), fused=True),
    "NAG": Optimizer(partial(torch.optim.SGD, momentum=0.9, nesterov=True), fused=True),
    "RMSprop": Optimizer(torch.optim.RMSprop),
    "Adam": Optimizer(torch.optim.Adam, fused=True),
    "AdamW": Optimizer(torch.optim.AdamW, fused=True),
    "NAdam": Optimizer(torch.optim.NAdam),
    "RAdam": Optimizer(torch.optim.RAdam),
    "Adafactor": Optimizer(torch.optim.Adafactor),
}
"""The optimisers by their names in the configuration."""


def build_optimizer(
    config: OptimizerSettings, network: torch.nn.Module, device_type: str, precision: str = "32-true"
) -> torch.optim.Optimizer:
    """Build the configured optimiser over the parameters that are trained.

    Raises:
        UserError: ``optimizer_params`` has something that the optimiser does not take.
    """
    entry = OPTIMIZERS[config.optimizer_name]
    options: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    # Lightning refuses to clip the gradients of a fused optimiser under mixed precision.
    clipped_amp = config.gradient_clip_norm is not None and precision.endswith("mixed")
    if entry.fused and device_type in ("cpu", "cuda") and not clipped_amp:
        options["fused"] = True
    options.update(config.optimizer_params)
    groups = parameter_groups(network, config.layer_decay)
    optimizer: torch.optim.Optimizer = _call(entry.build, "optimizer_params", config.optimizer_name, groups, **options)
    spread_rate(optimizer)
    return optimizer


def parameter_groups(network: torch.nn.Module, layer_decay: float | None = None) -> list[dict[str, Any]]:
    """Return the trained parameters; with layer-wise decay, in one group for each layer.

    Each layer learns at ``layer_decay`` times the rate of the layer above it (Clark et al., "ELECTRA", 2020; Bao et
    al., "BEiT", 2022). timm's ``group_matcher`` defines what a layer is: a block, in transformers and in convolutional
    networks. Weight decay is the same for all parameters, biases and norms included, as it is without layers: timm
    would leave those out, and the key would then change two things.

    Returns:
        Groups with ``params`` and ``lr_scale``, their fraction of the rate; the first one is the topmost trained layer,
        whose fraction is 1.
    """
    if layer_decay is None:
        return [{"params": [p for p in network.parameters() if p.requires_grad], "lr_scale": 1.0}]
    layers = param_groups_layer_decay(network, layer_decay=layer_decay, weight_decay_exclude_1d=False)
    layers.sort(key=lambda layer: -layer["lr_scale"])
    top = layers[0]["lr_scale"]
    return [{"params": layer["params"], "lr_scale": layer["lr_scale"] / top} for layer in layers]


def spread_rate(optimizer: torch.optim.Optimizer) -> None:
    """Give every group its fraction of the first group's rate.

    This is called before each step. Schedulers know one peak and one floor (``max_lr``, ``eta_min``, ``min_lr``) for
    all groups, and would otherwise pull the groups together.
    """
    first, *others = optimizer.param_groups
    for group in others:
        group["lr"] = first["lr"] * group["lr_scale"]


@dataclass(frozen=True)
class Schedule:
    """A scheduler, or None for a constant rate, and when it is stepped."""

    scheduler: lr_scheduler.LRScheduler | None
    each_step: bool = True  # after every optimiser step; False: after every epoch, with the monitored value
    warmup_steps: int = 0  # those that the scheduler does not do itself (only with ReduceLROnPlateau)


class Steps(NamedTuple):
    """Lengths of a training in optimiser steps."""

    per_epoch: int
    total: int
    after_warmup: int


Options = dict[str, Any]
"""Arguments of an optimiser or scheduler."""


class Scheduler(NamedTuple):
    """An entry of the table of schedulers."""

    build: Callable[..., lr_scheduler.LRScheduler]
    # From ``scheduler_params``, the configuration and the lengths to the arguments of torch's class.
    options: Callable[[Options, OptimizerSettings, Steps], Options]
    each_step: bool = True  # whether it is stepped after every optimiser step, or else after every epoch


def _step_options(params: Options, config: OptimizerSettings, steps: Steps) -> Options:
    return {"gamma": 0.1, **params, "step_size": _in_steps(params, "step_size", steps, 10 * steps.per_epoch)}


def _exponential_options(params: Options, config: OptimizerSettings, steps: Steps) -> Options:
    return {**params, "gamma": _number(params, "gamma", 0.95) ** (1 / steps.per_epoch)}


def _cosine_options(params: Options, config: OptimizerSettings, steps: Steps) -> Options:
    return {**params, "T_max": _in_steps(params, "T_max", steps, max(1, steps.after_warmup))}


def _restart_options(params: Options, config: OptimizerSettings, steps: Steps) -> Options:
    return {**params, "T_0": _in_steps(params, "T_0", steps, 10 * steps.per_epoch)}


def _one_cycle_options(params: Options, config: OptimizerSettings, steps: Steps) -> Options:
    # Its peak is the configured rate, and it warms up by itself, so that it takes all steps.
    return {"max_lr": config.lr, **params, "total_steps": steps.total}


def _plateau_options(params: Options, config: OptimizerSettings, steps: Steps) -> Options:
    return {"mode": config.monitor_mode, "patience": 5, **params}


SCHEDULERS = {
    "StepLR": Scheduler(lr_scheduler.StepLR, _step_options),
    "ExponentialLR": Scheduler(lr_scheduler.ExponentialLR, _exponential_options),
    "CosineAnnealingLR": Scheduler(lr_scheduler.CosineAnnealingLR, _cosine_options),
    "CosineAnnealingWarmRestarts": Scheduler(lr_scheduler.CosineAnnealingWarmRestarts, _restart_options),
    "OneCycleLR": Scheduler(lr_scheduler.OneCycleLR, _one_cycle_options),
    "ReduceLROnPlateau": Scheduler(lr_scheduler.ReduceLROnPlateau, _plateau_options, each_step=False),
}
"""The schedulers by their names in the configuration; ``none`` has no entry, since the rate then stays."""


def build_schedule(config: OptimizerSettings, optimizer: torch.optim.Optimizer, steps_per_epoch: int) -> Schedule:
    """Build the configured scheduler, with lengths that users give in epochs turned into steps.

    Lengths in ``scheduler_params`` (``step_size``, ``T_max``, ``T_0``) and ``ExponentialLR``'s ``gamma`` are per epoch,
    as in torch when it is stepped once an epoch; the curve between epochs is filled in.

    Raises:
        UserError: ``scheduler_params`` has something that the scheduler does not take.
    """
    warmup = round(config.warmup_epochs * steps_per_epoch)
    total = max(1, config.epochs * steps_per_epoch)
    entry, scheduler = SCHEDULERS.get(config.scheduler_name), None
    if entry is not None:
        options = entry.options(config.scheduler_params, config, Steps(steps_per_epoch, total, total - warmup))
        scheduler = _call(entry.build, "scheduler_params", config.scheduler_name, optimizer, **options)
        if not entry.each_step:
            return Schedule(scheduler, each_step=False, warmup_steps=warmup)
    if not warmup:
        return Schedule(scheduler)
    climb = lr_scheduler.LinearLR(optimizer, start_factor=WARMUP_START, total_iters=warmup)
    after = scheduler or lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
    return Schedule(lr_scheduler.SequentialLR(optimizer, [climb, after], milestones=[warmup]))


def warmup_factor(step: int, warmup_steps: int) -> float:
    """Return the fraction of the rate at a step of linear warm-up; it is 1 from ``warmup_steps`` on."""
    if step >= warmup_steps:
        return 1.0
    return WARMUP_START + (1 - WARMUP_START) * step / warmup_steps


def replan(state: Options, groups: Sequence[Options], optimizer: torch.optim.Optimizer, schedule: Schedule) -> None:
    """Change the saved state of a schedule to that of another length at the same step.

    The rate of the next step, and of all later ones, is then that of a run which planned the new length from its
    start. The new schedule takes all steps that were done: the chainable formulas of torch depend on the rate before.

    Args:
        state: The saved state of the scheduler.
        groups: The saved parameter groups of its optimiser.
        optimizer: A new optimiser, without gradients.
        schedule: The new schedule on it.
    """
    if schedule.scheduler is None or not schedule.each_step:
        return
    optimizer.step()  # It does nothing; without it torch warns that the order of the two is wrong.
    for _ in range(state["last_epoch"]):
        schedule.scheduler.step()
    state.update(schedule.scheduler.state_dict())
    for saved, planned in zip(groups, optimizer.param_groups, strict=True):
        saved.update({name: planned[name] for name in _SCHEDULED if name in planned})


def _in_steps(params: Options, key: str, steps: Steps, default: int) -> int:
    return max(1, math.ceil(_number(params, key, 0) * steps.per_epoch)) if key in params else default


def _number(params: Options, key: str, default: float) -> float:
    value = params.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UserError(f"scheduler_params.{key}: {value!r} is not allowed; should be a number of at least 0.")
    return value


def _call(build: Callable[..., Any], key: str, name: str, *positional: Any, **options: Any) -> Any:
    """Call torch, and name the configuration key if torch does not take one of its values."""
    try:
        return build(*positional, **options)
    except (TypeError, ValueError, AssertionError) as error:
        target = build.func if isinstance(build, partial) else build
        known = [p for p in inspect.signature(target).parameters if p not in ("params", "optimizer", "self")]
        raise UserError(f"{key}: {name} does not take this ({error}). It takes: {', '.join(known)}.") from None


class SnapshotAverage(nn.Module):
    """The mean of the weights at the ends of the last epochs, at the cost of one more copy of them in memory.

    Stochastic weight averaging (Izmailov et al., "Averaging weights leads to wider optima and better generalization",
    2018), with the run's own schedule in place of a constant or cyclic rate. The number of snapshots in it follows
    from the epoch, so a resumed run needs nothing but the mean itself, which is in the state.

    Running means and variances of batch normalisation are averaged with the weights. The paper measures them
    again in one more pass over the training pages. That would cost up to a third of an epoch after each snapshot, and
    at the ends of late epochs, where the rate is low, weights and statistics hardly change.

    The end of ``first_epoch``, counted from 0, is the first snapshot.
    """

    def __init__(self, classifier: Classifier, first_epoch: int) -> None:
        super().__init__()
        self.mean = deepcopy(classifier).eval().requires_grad_(False)
        self.first_epoch = first_epoch

    def holds(self, epoch: int) -> bool:
        """Return whether there is a snapshot at the end of an epoch."""
        return epoch >= self.first_epoch

    @torch.no_grad()
    def add(self, classifier: Classifier, epoch: int) -> None:
        """Take the snapshot of an epoch; epochs come in their order."""
        fraction = 1 / (epoch - self.first_epoch + 1)
        for mean, value in zip(self.mean.state_dict().values(), classifier.state_dict().values(), strict=True):
            if fraction == 1 or not mean.is_floating_point():
                mean.copy_(value)
            else:
                mean.lerp_(value, fraction)
