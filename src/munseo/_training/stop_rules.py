"""The rules that end training, as one table. A rule has the name of the configuration key that switches it on.

To add a rule, add its key to ``_config/training_settings.py``, with the sentence that a report says when the rule ended
the training (``ends``), its reason to ``EndReason`` and its builder to ``STOP_RULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from munseo._config.training_settings import OptimizerSettings


class EndReason(StrEnum):
    """The reason for the end of training, as the manifest records it: the configuration key that ended it."""

    EPOCHS = "epochs"
    PATIENCE = "patience"


class EpochRule(pl.Callback):
    """A callback that sets ``trainer.should_stop`` after an epoch, and then ``stopped_epoch``, which it saves."""

    stopped_epoch: int | None = None  # index of the epoch after which it ended training; None as long as it did not


StopRule = EpochRule | EarlyStopping
"""A rule that ends training. A rule that is not Lightning's is an ``EpochRule``, since it may end the first epoch."""


def _patience(config: OptimizerSettings) -> StopRule:
    # The choice of the best weights takes any improvement. Patience counts those of at least the configured size only,
    # so that a loss that creeps down by its last digits does not keep a run going.
    return EarlyStopping(
        config.monitor,
        config.early_stopping_min_delta,
        config.patience,
        mode=config.monitor_mode,
        check_finite=False,  # The loss is looked at in every step: see module.py.
    )


STOP_RULES: dict[EndReason, Callable[[OptimizerSettings], StopRule | None]] = {EndReason.PATIENCE: _patience}
"""Reason to the builder of its rule, which returns None if the rule is switched off."""


def build_stop_rules(config: OptimizerSettings) -> dict[EndReason, StopRule]:
    """Build the rules that the configuration switches on."""
    rules = {reason: build(config) for reason, build in STOP_RULES.items()}
    return {reason: rule for reason, rule in rules.items() if rule is not None}


def restore_stop_rules(rules: Mapping[EndReason, StopRule], callback_states: Mapping[str, Any]) -> None:
    """Read the rules' part of a saved state, where training had ended before."""
    for rule in rules.values():
        if rule.state_key in callback_states:
            rule.load_state_dict(callback_states[rule.state_key])


def let_stopped_rules_go_on(rules: Iterable[StopRule], callback_states: Mapping[str, Any]) -> None:
    """Change a saved state such that a rule that had ended training waits anew, with the best value that it saw."""
    for rule in rules:
        state = callback_states.get(rule.state_key)
        if state and isinstance(rule, EarlyStopping) and state["stopped_epoch"]:
            state.update(stopped_epoch=0, wait_count=0)
        elif state and isinstance(rule, EpochRule):
            state.update(stopped_epoch=None)


def end_reason(rules: Mapping[EndReason, StopRule], planned_epochs: int) -> EndReason:
    """Return which rule cut the training short; a rule that fires after the last epoch cuts nothing short."""
    epochs = ((reason, _ended_after(rule)) for reason, rule in rules.items())
    reasons = (reason for reason, epoch in epochs if epoch is not None and epoch < planned_epochs - 1)
    return next(reasons, EndReason.EPOCHS)


def _ended_after(rule: StopRule) -> int | None:
    """Return the index of the epoch after which a rule ended training."""
    if isinstance(rule, EarlyStopping):
        return rule.stopped_epoch or None  # It cannot end the first epoch, and has 0 as long as it ended none.
    return rule.stopped_epoch
