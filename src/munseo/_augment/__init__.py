"""Policies, damages and recipes on uint8 pages, MixUp and CutMix on batches. Nothing here uses torch."""

from munseo._augment.damage import DAMAGES
from munseo._augment.mix import draw_mix, mix_images, mix_targets
from munseo._augment.policy import LEVELS, POLICY_NAMES, Augmenter, Policy, build_policy, cutout
from munseo._augment.recipe import BUILT_IN, COMPETITION, DOCUMENT, Recipe, RecipeEntry, apply_recipe, damage_version

__all__ = [
    "BUILT_IN",
    "COMPETITION",
    "DAMAGES",
    "DOCUMENT",
    "LEVELS",
    "POLICY_NAMES",
    "Augmenter",
    "Policy",
    "Recipe",
    "RecipeEntry",
    "apply_recipe",
    "build_policy",
    "cutout",
    "damage_version",
    "draw_mix",
    "mix_images",
    "mix_targets",
]
