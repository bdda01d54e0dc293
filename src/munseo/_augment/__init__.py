"""Policies, damages and recipes on uint8 pages, MixUp and CutMix on batches. Nothing here uses torch or files."""

from munseo._augment.damage import DAMAGES
from munseo._augment.mix import draw_mix, mix_images, mix_targets
from munseo._augment.policy import LEVELS, POLICY_NAMES, Augmenter, Policy, build_policy, cutout
from munseo._augment.recipe import COMPETITION, DOCUMENT, Recipe, RecipeEntry, apply_recipe

__all__ = [
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
    "draw_mix",
    "mix_images",
    "mix_targets",
]
