"""Losses on soft targets, so that MixUp, CutMix and label smoothing need no special case."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional


class SoftLoss(nn.Module):
    """Cross entropy, or focal loss, against soft targets.

    Focal loss (Lin et al., "Focal loss for dense object detection", 2017) with soft targets t:
    ``-Σ_k t_k (1 - p_k)^gamma log p_k``; gamma 0 is cross entropy.

    Args:
        num_classes: K.
        label_smoothing: Share of the target spread evenly over all classes (Szegedy et al., 2016).
        focal_gamma: 0 for cross entropy.
        class_weights: Factor of each class's term, (K,); the mean is over their sum, as in torch.
        log_prior: Added to the logits, (K,): see ``scaled_log_prior``.
    """

    class_weights: torch.Tensor | None
    log_prior: torch.Tensor | None

    def __init__(
        self,
        num_classes: int,
        *,
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
        class_weights: torch.Tensor | None = None,
        log_prior: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.focal_gamma = focal_gamma
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.register_buffer("log_prior", log_prior, persistent=False)

    def soften(self, labels: torch.Tensor) -> torch.Tensor:
        """Labels (B,) to one-hot targets (B, K)."""
        return functional.one_hot(labels, self.num_classes).float()

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of logits (B, K) against targets (B, K) whose rows sum to 1."""
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / self.num_classes
        logits = logits.float() if self.log_prior is None else logits.float() + self.log_prior
        log_p = functional.log_softmax(logits, dim=1)
        terms = -targets * log_p
        if self.focal_gamma:
            terms = terms * (1 - log_p.exp()) ** self.focal_gamma
        if self.class_weights is None:
            return terms.sum(dim=1).mean()
        return (terms * self.class_weights).sum() / (targets * self.class_weights).sum()


def scaled_log_prior(labels: Sequence[int], num_classes: int, tau: float) -> torch.Tensor:
    """What logit adjustment adds to the logits within the training loss: tau times the log prior of each class.

    The model then need not learn how frequent a class is, and its own logits, without the prior, rank as if all
    classes were equally frequent (Menon et al., "Long-tail learning via logit adjustment", 2021, equation 10).

    Args:
        labels: Class of each training sample.
        num_classes: K.
        tau: 1 aims at the balanced error; 0 adds nothing.

    Returns:
        (K,) float32. A class without a sample counts as one with a single sample, since the log of 0 is not finite.
    """
    counts = torch.bincount(torch.as_tensor(labels, dtype=torch.int64), minlength=num_classes).clamp(min=1)
    return (tau * (counts / counts.sum()).log()).float()
