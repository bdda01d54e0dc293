"""The augmentation policies: each turns a clean square page into one of its possible damaged versions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from munseo._augment import transforms
from munseo._augment.parameters import EdaParameters, GeometryParameters, MorphologyParameters, read_parameters
from munseo._augment.recipe import DOCUMENT, Recipe, apply_recipe
from munseo._errors import UserError

POLICY_NAMES = ("eda", "dilation", "erosion", "document")
LEVELS: dict[str, dict[str, bool]] = {
    "none": {},
    "minimal": {"eda": True},
    "moderate": {"eda": True, "dilation": True, "erosion": True},
    "strong": {"eda": True, "dilation": True, "erosion": True, "document": True, "mixup": True, "cutmix": True},
}
"""Levels of ``augmentation_level``, and what each of them switches on."""


class Policy(Protocol):
    """A function from a page (S, S, 3) uint8 and a generator to a page of the same shape; the input is not changed.

    >>> augmented = build_policy("eda", {"noise_p": 0.5})(page, np.random.default_rng(0))
    """

    @property
    def name(self) -> str:
        """The name of the policy in the configuration."""
        ...

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        ...


def build_policy(name: str, parameters: Mapping[str, Any] | None = None) -> Policy:
    """Build a policy, with the given parameters in place of its defaults.

    Raises:
        UserError: There is no such policy or parameter, or values are out of range: all of them in one message.
    """
    if name == "eda":
        return EdaPolicy(read_parameters(EdaParameters, name, parameters))
    if name in ("dilation", "erosion"):
        return MorphologyPolicy(read_parameters(MorphologyParameters, name, parameters), name)
    if name == "document":
        return DocumentPolicy(DOCUMENT.changed(parameters or {}, "augmentation_params.document"))
    near = difflib.get_close_matches(name, POLICY_NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(POLICY_NAMES)}."
    raise UserError(f"{name}: no such augmentation policy; {hint}")


@dataclass(frozen=True)
class EdaPolicy:
    """Geometry, blur, noise and colour, in the order in which a page meets them: desk, lens, sensor, processing."""

    parameters: EdaParameters
    name: str = "eda"

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        p = self.parameters
        image = _move(image, p, rng)
        if rng.random() < p.blur_p:
            image = _blur(image, rng.uniform(*p.blur_sigma_px), rng)
        if rng.random() < p.noise_p:
            image = transforms.gaussian_noise(image, rng.uniform(*p.noise_sigma), rng)
        if rng.random() < p.jitter_p:
            matrix = transforms.colour_matrix(
                brightness=rng.uniform(*p.brightness),
                contrast=rng.uniform(*p.contrast),
                saturation=rng.uniform(*p.saturation),
                hue_deg=rng.uniform(*p.hue_deg),
            )
            image = transforms.recolour(image, matrix)
        return image


def _blur(image: np.ndarray, sigma_px: float, rng: np.random.Generator) -> np.ndarray:
    sigma_px *= image.shape[0] / transforms.REFERENCE_PX
    if rng.random() < 0.5:
        return cv2.GaussianBlur(image, (0, 0), sigma_px)
    # A box of side n has the variance (n² - 1) / 12.
    side = max(2, round((12 * sigma_px**2 + 1) ** 0.5))
    return cv2.blur(image, (side, side))


KERNEL_SHAPES = (cv2.MORPH_RECT, cv2.MORPH_CROSS, cv2.MORPH_ELLIPSE)


@dataclass(frozen=True)
class MorphologyPolicy:
    """Thinner (``dilation``) or bolder (``erosion``) print, with geometry and light.

    Where bright areas grow, dark print becomes thinner, as on a worn or overexposed copy; where dark areas grow, print
    becomes bolder, as on a copy with too much toner.
    """

    parameters: MorphologyParameters
    name: str

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        p = self.parameters
        width, height = rng.integers(2, p.kernel_px + 1, 2)
        shape = KERNEL_SHAPES[int(rng.integers(len(KERNEL_SHAPES)))]
        kernel = cv2.getStructuringElement(shape, (int(width), int(height)))
        image = cv2.dilate(image, kernel) if self.name == "dilation" else cv2.erode(image, kernel)
        image = _move(image, p, rng)
        if rng.random() < p.rgb_shift_p:
            offsets = rng.uniform(*p.rgb_shift, 3)
            image = transforms.recolour(image, np.hstack([np.eye(3), offsets[:, None]]))
        if rng.random() < p.light_p:
            image = transforms.tone(image, gain=rng.uniform(*p.gain), offset=rng.uniform(*p.offset))
        return image


def _move(image: np.ndarray, p: GeometryParameters, rng: np.random.Generator) -> np.ndarray:
    """Transpose the page, then shift, scale and rotate it."""
    if rng.random() < p.transpose_p:
        image = transforms.transpose(image)
    if rng.random() < p.geometry_p:
        right, down = rng.uniform(*p.shift, 2)
        angle_deg, scale, size = rng.uniform(*p.rotation_deg), rng.uniform(*p.scale), image.shape[0]
        matrix = transforms.affine(size, angle_deg=angle_deg, scale=scale, shift=(right, down))
        image = transforms.warp(image, matrix, (size, size))
    return image


@dataclass(frozen=True)
class DocumentPolicy:
    """A policy that damages pages according to a recipe.

    Its parameters are changes of the recipe, such as ``{"mirror": {"probability": 0}}``.
    """

    recipe: Recipe = DOCUMENT
    name: str = "document"

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        return apply_recipe(image, self.recipe, rng)


CLEAN = -1
"""Index of the policy of pages that stay clean."""


class Augmenter:
    """Applies one of several policies to most pages.

    Args:
        policies: The active policies; each is chosen equally often.
        probability: Fraction of pages that are augmented; the others stay clean.
    """

    def __init__(self, policies: Sequence[Policy], probability: float = 0.85) -> None:
        self.policies = tuple(policies)
        self.probability = probability

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Augment a page (S, S, 3); also return the index of the policy that was applied, or ``CLEAN``."""
        if not self.policies or rng.random() >= self.probability:
            return image, CLEAN
        chosen = int(rng.integers(len(self.policies)))
        return self.policies[chosen](image, rng), chosen


MAX_BOXES = 4
BOX_SIDE = (0.08, 0.25)
"""Range of the sides of a box, as fractions of the page's side."""


def cutout(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover one to four boxes with white, grey or black, so that the copies that balance classes differ."""
    covered = image.copy()
    size = image.shape[0]
    for _ in range(int(rng.integers(1, MAX_BOXES + 1))):
        height, width = (rng.uniform(*BOX_SIDE, 2) * size).astype(int)
        top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
        covered[top : top + height, left : left + width] = rng.choice([0, 127, 255])
    return covered
