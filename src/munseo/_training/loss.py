"""Losses on soft targets, so that MixUp, CutMix and label smoothing need no special case; and class weights for them.

To add a loss, add its name to ``LossName`` in ``_config/training_settings.py`` and its terms to ``LOSSES``. To add a
way to balance the classes in the loss, add its key to ``_config/training_settings.py`` (``balances=True``) and its
function to ``LOSS_BALANCE``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from munseo._config import Config
from munseo._config.training_settings import LossSettings
from munseo._data import class_weights

Terms = Callable[[torch.Tensor, torch.Tensor, LossSettings], torch.Tensor]
"""A function from targets (B, K), log-probabilities (B, K) and the settings to the loss of each class (B, K)."""


LOSSES: dict[str, Terms] = {
    "cross_entropy": lambda targets, log_p, settings: -targets * log_p,
    # With gamma 0 this is cross entropy. Source: Lin et al., "Focal loss for dense object detection", 2017, with soft
    # targets.
    "focal": lambda targets, log_p, settings: -targets * log_p * (1 - log_p.exp()) ** settings.focal_gamma,
}
"""The losses by their names in the configuration."""


@dataclass(frozen=True)
class Balance:
    """The correction of a loss for unequal classes: a weight for the pages of each class, or an offset of its logit.

    Both are (K,). With ``class_weights`` the loss is a weighted mean over pages; ``log_prior`` is added to the logits.
    """

    class_weights: torch.Tensor | None = None
    log_prior: torch.Tensor | None = None


LOSS_BALANCE: dict[str, Callable[[float, Sequence[int], int], Balance]] = {
    "class_weighting": lambda _, labels, k: Balance(class_weights=torch.tensor(class_weights(labels, k)).float()),
    "logit_adjustment": lambda tau, labels, k: Balance(log_prior=scaled_log_prior(labels, k, tau)),
}
"""Configuration key to a function of its value, the label of each sample, and the number of classes."""


def scaled_log_prior(labels: Sequence[int], num_classes: int, tau: float) -> torch.Tensor:
    """Return what logit adjustment adds to the logits within the training loss: tau times the log prior of each class.

    The model then need not learn how frequent a class is. Its own logits, without the prior, rank as if all classes
    were equally frequent (Menon et al., "Long-tail learning via logit adjustment", 2021, equation 10).

    With ``tau`` 1 the loss aims at the balanced error; 0 adds nothing.

    Returns:
        (K,) float32. A class without a sample counts as one with a single sample, since the log of 0 is not finite.
    """
    counts = torch.bincount(torch.as_tensor(labels, dtype=torch.int64), minlength=num_classes).clamp(min=1)
    return (tau * (counts / counts.sum()).log()).float()


PLAIN_LOSS = LossSettings()
"""Cross entropy without label smoothing."""

UNBALANCED = Balance()
"""Every class counts as often as it occurs."""


class SoftLoss(nn.Module):
    """The configured loss against soft targets."""

    class_weights: torch.Tensor | None
    log_prior: torch.Tensor | None

    def __init__(self, num_classes: int, settings: LossSettings = PLAIN_LOSS, balance: Balance = UNBALANCED) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.settings = settings
        self.terms = LOSSES[settings.loss]
        self.register_buffer("class_weights", balance.class_weights, persistent=False)
        self.register_buffer("log_prior", balance.log_prior, persistent=False)

    def one_hot(self, labels: torch.Tensor) -> torch.Tensor:
        """Turn labels (B,) into hard targets (B, K); ``forward`` smooths them."""
        return functional.one_hot(labels, self.num_classes).float()

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of logits (B, K) against targets (B, K) whose rows sum to 1."""
        # Label smoothing (Szegedy et al., 2016) spreads a fraction of each target evenly over all classes.
        smoothing = self.settings.label_smoothing
        smoothed = targets * (1 - smoothing) + smoothing / self.num_classes
        logits = logits.float() if self.log_prior is None else logits.float() + self.log_prior
        terms = self.terms(smoothed, functional.log_softmax(logits, dim=1), self.settings)
        if self.class_weights is None:
            return terms.sum(dim=1).mean()
        # A page counts by its own label, or by both labels of a mixed page. torch weights each smoothed term by its
        # class instead: then the best answer for a page of a common class can be a rare one.
        weights = targets * self.class_weights
        return (terms * weights.sum(dim=1, keepdim=True)).sum() / weights.sum()


def build_loss(config: Config, labels: Sequence[int], num_classes: int) -> SoftLoss:
    """Build the training loss from the class of each sample of an epoch; at most one key balances the classes."""
    balance = UNBALANCED
    for key, build in LOSS_BALANCE.items():
        if value := getattr(config, key):
            balance = build(value, labels, num_classes)
    return SoftLoss(num_classes, config, balance)
