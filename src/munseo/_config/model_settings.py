"""Keys of the model: backbone, head, first weights, what is trained, and how its pages are normalised."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from munseo._config.key import Fraction, Key, KeyGroup, Section

Channels = Annotated[list[float], Field(min_length=3, max_length=3)]


class ModelSettings(Section):
    """The architecture, and what a page goes through before the model sees it."""

    group: ClassVar = KeyGroup.ARCHITECTURE

    model_name: Annotated[str, Key(always=True)] = Field(
        "efficientnet_b4.ra2_in1k", min_length=1, description="any timm model"
    )
    pretrained: Annotated[bool | str, Key(always=True)] = Field(
        True, description="true, false, or a weights file or folder"
    )
    fine_tuning: Annotated[Literal["full", "head", "custom", "scratch"], Key(always=True)] = Field(
        "full",
        description="what is trained: full (everything), head (only the head), custom (trainable_patterns), "
        "scratch (everything, from random weights)",
    )
    image_size: Annotated[int, Key(always=True)] = Field(320, ge=16, le=2048, description="longest side and square, px")
    trainable_patterns: list[str] = Field(
        default_factory=list, description="fine_tuning: custom trains parameters whose name matches one (fnmatch)"
    )
    drop_rate: Fraction | None = Field(None, description="dropout before the head; default: the model's own")
    drop_path_rate: Fraction | None = Field(None, description="stochastic depth")
    activation: Literal["relu", "silu", "gelu", "mish", "leaky_relu", "hard_swish"] | None = Field(
        None, description="activation in place of the backbone's own"
    )
    head_hidden: Annotated[int, Field(ge=1)] | None = Field(None, description="width of an MLP head; default: linear")
    norm_mean: Annotated[Channels | Literal["model"], Key(KeyGroup.NORMALISATION, always=True)] = Field(
        default_factory=lambda: [0.5, 0.5, 0.5],
        description="mean of each colour channel that pages are normalised with; model: as the backbone was pretrained",
    )
    norm_std: Annotated[Channels | Literal["model"], Key(KeyGroup.NORMALISATION, always=True)] = Field(
        default_factory=lambda: [0.5, 0.5, 0.5],
        description="standard deviation of each colour channel; model: as the backbone was pretrained",
    )

    def problems_of_model(self) -> list[str]:
        """Return what is wrong between keys of the model."""
        problems = []
        if self.fine_tuning == "custom" and not self.trainable_patterns:
            problems.append("trainable_patterns: needed with fine_tuning: custom, such as ['blocks.6*', 'classifier*']")
        if self.trainable_patterns and self.fine_tuning != "custom":
            problems.append(f"trainable_patterns: has no effect with fine_tuning: {self.fine_tuning}; set it to custom")
        if (self.norm_mean == "model") != (self.norm_std == "model"):
            problems.append("norm_mean, norm_std: either both are 'model' or none is")
        if self.norm_std != "model" and min(self.norm_std) <= 0:
            problems.append(f"norm_std: {self.norm_std} is not allowed; every value greater than 0")
        return problems
