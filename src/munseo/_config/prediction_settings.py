"""Keys of prediction; a run is validated as it predicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from munseo._config.key import Group, Key, Section, Text


class PredictionSettings(Section):
    """The views of a page, the second look, and levelling."""

    TTA: Annotated[
        bool, Key(Group.TECHNIQUES, order=1, off=Text("test-time augmentation", "Test Time Augmentation"), off_order=1)
    ] = Field(False, description="test-time augmentation: the predictions of several views of a page are averaged")
    tta_views: Annotated[list[str], Key(Group.TECHNIQUES, order=1)] = Field(
        default_factory=lambda: ["identity", "scale_90", "scale_110"],
        min_length=1,
        description="the views of a page with TTA",
    )
    tta_space: Annotated[Literal["probability", "logit"], Key(Group.TECHNIQUES, order=1)] = Field(
        "probability", description="what is averaged over the views"
    )
    second_look: Annotated[
        bool,
        Key(
            Group.TECHNIQUES,
            order=1,
            off=Text("predicts uncertain pages a second time", "불확실한 페이지를 다시 예측"),
            off_order=13,
        ),
    ] = Field(False, description="predict uncertain pages again, where validation says that it helps")
    orientation: Annotated[Literal["as_is", "deskew"], Key(Group.NORMALISATION)] = Field(
        "as_is", description="deskew: turn every page until its lines of print are level, before anything else"
    )
