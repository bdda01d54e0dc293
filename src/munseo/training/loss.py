"""Losses on soft targets, so that MixUp, CutMix and label smoothing need no special case."""

from __future__ import annotations

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
    """

    class_weights: torch.Tensor | None

    def __init__(
        self,
        num_classes: int,
        *,
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
        class_weights: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.focal_gamma = focal_gamma
        self.register_buffer("class_weights", class_weights, persistent=False)

    def soften(self, labels: torch.Tensor) -> torch.Tensor:
        """Labels (B,) to one-hot targets (B, K)."""
        return functional.one_hot(labels, self.num_classes).float()

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of logits (B, K) against targets (B, K) whose rows sum to 1."""
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / self.num_classes
        log_p = functional.log_softmax(logits.float(), dim=1)
        terms = -targets * log_p
        if self.focal_gamma:
            terms = terms * (1 - log_p.exp()) ** self.focal_gamma
        if self.class_weights is None:
            return terms.sum(dim=1).mean()
        return (terms * self.class_weights).sum() / (targets * self.class_weights).sum()
