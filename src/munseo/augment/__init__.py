"""Image to image: policies on uint8 pages, MixUp and CutMix on batches. Knows neither torch nor files."""

from munseo.augment.augmenter import Augmenter
from munseo.augment.cutout import cutout
from munseo.augment.levels import LEVELS
from munseo.augment.mix import Mix, draw_mix, mix_images, mix_targets
from munseo.augment.policy import POLICY_NAMES, Policy, build_policy

__all__ = [
    "LEVELS",
    "POLICY_NAMES",
    "Augmenter",
    "Mix",
    "Policy",
    "build_policy",
    "cutout",
    "draw_mix",
    "mix_images",
    "mix_targets",
]
