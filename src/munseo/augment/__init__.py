"""Image to image: policies on uint8 pages, MixUp and CutMix on batches. Knows neither torch nor files."""

from munseo.augment.augmenter import Augmenter
from munseo.augment.cutout import cutout
from munseo.augment.damage import DAMAGES, Damage
from munseo.augment.levels import LEVELS
from munseo.augment.mix import Mix, draw_mix, mix_images, mix_targets
from munseo.augment.policy import POLICY_NAMES, Policy, build_policy
from munseo.augment.recipe import COMPETITION, DOCUMENT, Recipe, apply_recipe

__all__ = [
    "COMPETITION",
    "DAMAGES",
    "DOCUMENT",
    "LEVELS",
    "POLICY_NAMES",
    "Augmenter",
    "Damage",
    "Mix",
    "Policy",
    "Recipe",
    "apply_recipe",
    "build_policy",
    "cutout",
    "draw_mix",
    "mix_images",
    "mix_targets",
]
