"""The classifier (uint8 pages in, logits out) and its model card, without which its weights would mean nothing.

Normalisation is a part of the classifier, so that no other one can ever be used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import nn

from munseo._errors import UserError

MAX_NORMALISATION = 1e6
"""Largest mean or standard deviation that a card may have; 0 to 1 is usual."""
MAX_HIDDEN = 2**16
"""Largest width of a hidden layer that a card may have."""


@dataclass(frozen=True)
class ModelCard:
    """Everything that is needed, in addition to the weights, to turn an image file into class probabilities.

    It implies the only preprocessing of Munseo: decode to RGB, resize the longest side to ``image_size`` and pad with
    white to a square, deskew if ``orientation`` is ``deskew``, ``(pixel / 255 - norm_mean) / norm_std``.

        >>> names = ("invoice", "letter")
        >>> ModelCard("resnet18", names, names, 224, norm_mean=(0.5,) * 3, norm_std=(0.5,) * 3).num_classes
        2
    """

    model_name: str
    class_names: tuple[str, ...]
    class_targets: tuple[str, ...]
    image_size: int
    norm_mean: tuple[float, ...]
    norm_std: tuple[float, ...]
    tta_views: tuple[str, ...] = ("identity",)
    tta_space: str = "probability"
    orientation: str = "as_is"
    head_hidden: int | None = None
    activation: str | None = None
    drop_rate: float | None = None
    drop_path_rate: float | None = None

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], name: str) -> ModelCard:
        """Read the values that ``to_dict`` wrote; messages call their file ``name``.

        Raises:
            UserError: Keys are missing or unknown, or values are not allowed.
        """
        known = {field.name for field in fields(cls)}
        needed = {"model_name", "class_names", "class_targets", "image_size", "norm_mean", "norm_std"}
        problems = [f"{key}: missing" for key in sorted(needed - set(values))]
        problems += [f"{key}: unknown" for key in sorted(set(values) - known)]
        if problems:
            raise UserError(
                f"{name}: not a model card of this version of Munseo; restore it, or update Munseo.", problems
            )
        problems = [f"{key}: {str(values[key])[:100]} is not allowed" for key in values if not _fits(key, values)]
        if problems:
            raise UserError(f"{name}: not a model card that Munseo wrote; restore it from a copy.", problems)
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


def _fits(key: str, values: dict[str, Any]) -> bool:
    """Return whether a value is one that a run can have: an image size of a billion would exhaust the memory."""
    value = values[key]
    if key in ("class_names", "class_targets"):
        names = values["class_names"]
        return _is_names(value) and _is_names(names) and len(value) == len(names) == len(set(value))
    if key in ("norm_mean", "norm_std"):
        least = -MAX_NORMALISATION if key == "norm_mean" else 1e-6
        return isinstance(value, list | tuple) and len(value) == 3 and all(_is_between(v, least) for v in value)
    if key in ("drop_rate", "drop_path_rate"):
        return value is None or (_is_between(value, 0) and value <= 1)
    if key == "image_size":
        return isinstance(value, int) and 16 <= value <= 2048
    if key == "head_hidden":
        return value is None or (isinstance(value, int) and 1 <= value <= MAX_HIDDEN)
    if key == "tta_views":
        return _is_names(value)
    return isinstance(value, str) or (key == "activation" and value is None)


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(name, str) for name in value)


def _is_between(value: Any, least: float) -> bool:
    return isinstance(value, int | float) and least <= value <= MAX_NORMALISATION


class Classifier(nn.Module):
    """A backbone with its head, after the normalisation that it was trained with.

    Args:
        network: Maps normalised images (B, 3, S, S) to logits (B, num_classes).
        card: Architecture, classes and preprocessing.
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

        The result keeps the memory order of the pages, which is torch's ``channels_last``, so that nothing is copied.
        A row of pixels is computed as one vector: with the three channels as the innermost loop, the same bits take
        four times as long on a processor.
        """
        width = pages.shape[2]
        images = pages.flatten(2).float()  # (B, S, S · 3)
        images -= self.mean.flatten().repeat(width)
        images *= self.scale.flatten().repeat(width)
        return images.view(pages.shape).permute(0, 3, 1, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits (B, num_classes) of normalised images (B, 3, S, S)."""
        logits: torch.Tensor = self.network(images)
        return logits
