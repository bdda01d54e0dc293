"""Keys of prediction, and of the validation on damaged pages."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from munseo._config.key import Key, KeyGroup, Section, Translated


class PredictionSettings(Section):
    """The views of a page, the second look, and levelling."""

    group: ClassVar = KeyGroup.TECHNIQUES

    TTA: Annotated[
        bool, Key(order=1, off=Translated("test-time augmentation", "여러 뷰의 예측을 평균"), off_order=1)
    ] = Field(False, description="test-time augmentation: the predictions of several views of a page are averaged")
    tta_views: Annotated[list[str], Key(order=1)] = Field(
        default_factory=lambda: ["identity", "scale_90", "scale_110"],
        min_length=1,
        description="the views of a page with TTA",
    )
    tta_space: Annotated[Literal["probability", "logit"], Key(order=1)] = Field(
        "probability", description="what is averaged over the views"
    )
    second_look: Annotated[
        bool,
        Key(
            order=1,
            off=Translated("predicts uncertain pages a second time", "불확실한 페이지를 다시 예측"),
            off_order=13,
        ),
    ] = Field(False, description="predict uncertain pages again, where validation says that it helps")
    orientation: Annotated[Literal["as_is", "deskew"], Key(KeyGroup.NORMALISATION)] = Field(
        "as_is", description="deskew: turn every page until its lines of print are level, before anything else"
    )


class ShiftSettings(Section):
    """The validation on damaged pages."""

    group: ClassVar = KeyGroup.SHIFT

    shift: str = Field(
        "competition",
        min_length=1,
        description="recipe of the second validation: competition, document, measured (on test pages), none, a file",
    )
    shifted_draws: int = Field(2, ge=1, le=20, description="how often each validation page is damaged")
    judging: Literal["full", "quick"] = Field(
        "full",
        description="quick: a kind of damage, or a view without second_look, is left as soon as its effect on accuracy "
        "is certain enough; folds are always judged in full",
    )
    robustness_pages: int = Field(
        120, ge=0, description="validation pages that go through every kind of damage after training; 0: none"
    )
