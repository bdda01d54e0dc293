"""The classifier: uint8 pages in, logits out. Normalisation is part of it, so that it can never be another one."""

from __future__ import annotations

import torch
from torch import nn

from munseo._model.model_card import ModelCard


class Classifier(nn.Module):
    """A backbone with its head, behind the normalisation that it was trained with.

    Args:
        network: Maps normalised images (B, 3, S, S) to logits (B, num_classes).
        card: The architecture, classes and preprocessing.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.card = card
        # (pixel / 255 - mean) / std as one multiply and add.
        self.register_buffer("mean", torch.tensor(card.norm_mean).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("scale", 1 / (torch.tensor(card.norm_std).view(3, 1, 1) * 255), persistent=False)

    @property
    def white(self) -> torch.Tensor:
        """White paper after normalisation, (3, 1, 1)."""
        return (255 - self.mean) * self.scale

    def prepare(self, pages: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 pages (B, S, S, 3) to floats (B, 3, S, S).

        The result's memory stays in the order of the pages, which is torch's ``channels_last``: no copy is made for it.
        """
        return (pages.permute(0, 3, 1, 2).float() - self.mean) * self.scale

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, num_classes) of normalised images (B, 3, S, S)."""
        logits: torch.Tensor = self.network(images)
        return logits
