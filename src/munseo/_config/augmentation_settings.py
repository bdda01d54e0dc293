"""Keys of augmentation, and of the copies that fill up small classes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from munseo._config.key import Fraction, Key, KeyGroup, Section, Translated

Level = Literal["none", "minimal", "moderate", "strong"]
MIXES = ("mixup", "cutmix")
"""The augmentations that change whole batches."""


class Augmentation(Section):
    """Switches of the policies; a key that is absent follows ``augmentation_level``."""

    group: ClassVar = KeyGroup.SWITCHES

    eda: bool | None = Field(None, description="shift, scale, rotation, transpose, blur, noise, colour")
    dilation: bool | None = Field(None, description="cv2.dilate with geometry and colour")
    erosion: bool | None = Field(None, description="cv2.erode with geometry and colour")
    document: bool | None = Field(None, description="simulated photographs and rough scans")
    matched: bool | None = Field(None, description="damage drawn from the recipe of shift")
    mixup: Annotated[bool | None, Key(off=Translated("blends two pages", "두 페이지를 섞음"))] = Field(
        None, description="MixUp on batches, soft labels"
    )
    cutmix: Annotated[
        bool | None, Key(off=Translated("pastes a part of one page into another", "다른 페이지의 일부를 붙임"))
    ] = Field(None, description="CutMix on batches, soft labels")


class AugmentationStage(Section):
    """The augmentation from one epoch on."""

    from_epoch: int = Field(ge=0, description="first epoch (from 0) of this stage")
    augmentation_level: Level | None = Field(None, description="default: the run's level")
    augmentation: Augmentation = Field(
        default_factory=Augmentation, description="switches that differ from the level, or without one from the run's"
    )


class ClassPolicies(Section):
    """Policies of the pages of some classes, in place of the run's."""

    classes: list[int | str] = Field(min_length=1, description="as numbers or names")
    augmentation: Augmentation = Field(default_factory=Augmentation, description="absent keys follow the run's")
    augmentation_params: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="per policy: parameters that differ from the run's"
    )


class ResizingStage(Section):
    """The size of training pages from one epoch on."""

    from_epoch: int = Field(ge=0, description="first epoch (from 0) of this size")
    image_size: int = Field(ge=16, le=2048, description="px; at most the run's image_size")


class ClassImbalance(Section):
    """Fills small classes of the train split with cutout copies."""

    aug_class: list[int | str] = Field(min_length=1, description="classes to fill up, as numbers or names")
    max_samples: int = Field(ge=1, description="pages that each of them has in the train split afterwards")


class AugmentationSettings(Section):
    """The policies that change training pages, their frequency, and their epochs."""

    group: ClassVar = KeyGroup.AUGMENTATION

    augmentation_level: Annotated[Level, Key(always=True)] = Field(
        "minimal", description="which policies are on, unless augmentation says otherwise"
    )
    online_augmentation: Annotated[bool, Key(always=True)] = Field(
        True, description="false: one copy of the data per policy instead"
    )
    augmentation: Annotated[Augmentation, Key(KeyGroup.SWITCHES)] = Field(
        default_factory=Augmentation, description="switches of single policies"
    )
    augmentation_probability: Fraction = Field(0.85, description="online: fraction of pages that get a policy")
    augmentation_params: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="per policy: parameters that differ from its defaults"
    )
    mix_probability: Fraction = Field(0.5, description="fraction of batches that mixup or cutmix mixes")
    dynamic_augmentation: list[AugmentationStage] = Field(
        default_factory=list, description="other augmentation from given epochs on"
    )
    class_policies: list[ClassPolicies] = Field(default_factory=list, description="own policies of groups of classes")
    progressive_resizing: list[ResizingStage] = Field(
        default_factory=list, description="smaller training pages in early epochs"
    )

    def problems_of_policies(self, has_recipe: bool) -> list[str]:
        """Return what is wrong between keys of augmentation; ``matched`` needs a recipe of damage."""
        problems = []
        if self.class_policies and not self.online_augmentation:
            problems.append("class_policies: needs online_augmentation: true; offline copies are made of all classes")
        for index, group in enumerate(self.class_policies):
            problems += [
                f"class_policies.{index}.augmentation.{mix}: mixes whole batches, so it cannot be one class's; "
                "set it in augmentation"
                for mix in MIXES
                if getattr(group.augmentation, mix) is not None
            ]
        switches = [self.augmentation, *(stage.augmentation for stage in self.dynamic_augmentation)]
        switches += [group.augmentation for group in self.class_policies]
        if not has_recipe and any(switch.matched for switch in switches):
            problems.append("augmentation.matched: draws damage from the recipe of shift; set shift to other than none")
        return problems

    def problems_of_resizing(self, image_size: int) -> list[str]:
        """Return what is wrong with the stages of progressive resizing."""
        problems = []
        for index, stage in enumerate(self.progressive_resizing):
            if stage.image_size > image_size:
                problems.append(
                    f"progressive_resizing.{index}.image_size: {stage.image_size} is not allowed; "
                    f"at most image_size ({image_size})"
                )
            if index and stage.from_epoch <= self.progressive_resizing[index - 1].from_epoch:
                problems.append(
                    f"progressive_resizing.{index}.from_epoch: {stage.from_epoch} is not after the one before"
                )
        return problems
