"""What has to stand beside weights so that they mean the same everywhere: architecture, classes, preprocessing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from munseo.errors import UserError


@dataclass(frozen=True)
class ModelCard:
    """All that is needed, beside the weights, to turn an image file into class probabilities.

    The preprocessing it implies is the only one of Munseo: decode to RGB, longest side to ``image_size`` with white
    padding to a square, turned level where ``orientation`` is ``deskew``, ``(pixel / 255 - norm_mean) / norm_std``.
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
        """How many classes the head tells apart."""
        return len(self.class_names)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], name: str) -> ModelCard:
        """Read what ``to_dict`` wrote; ``name`` is the file, for the message."""
        known = {field.name for field in fields(cls)}
        needed = {"model_name", "class_names", "class_targets", "image_size", "norm_mean", "norm_std"}
        problems = [f"{key}: missing" for key in sorted(needed - set(values))]
        problems += [f"{key}: unknown" for key in sorted(set(values) - known)]
        if problems:
            raise UserError(f"{name}: not a model card of this version of Munseo.", problems)
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)
