"""The policies: each takes a clean square page and gives back one of its possible other looks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from munseo._augment import geometry, photometry
from munseo._augment import policy as morphology
from munseo._augment.parameters import EdaParameters, GeometryParameters, MorphologyParameters, build_or_raise
from munseo._augment.recipe import DOCUMENT, Recipe, apply_recipe
from munseo._errors import UserError

POLICY_NAMES = ("eda", "dilation", "erosion", "document")
REFERENCE_PX = 320
"""Sizes in pixels are meant at this side and grow with it."""


class Policy(Protocol):
    """Page (S, S, 3) uint8 and generator to page of the same shape; the input stays as it is."""

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        ...

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        ...


@dataclass(frozen=True)
class Eda:
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
            image = photometry.gaussian_noise(image, rng.uniform(*p.noise_sigma), rng)
        if rng.random() < p.jitter_p:
            matrix = photometry.colour_matrix(
                brightness=rng.uniform(*p.brightness),
                contrast=rng.uniform(*p.contrast),
                saturation=rng.uniform(*p.saturation),
                hue_deg=rng.uniform(*p.hue_deg),
            )
            image = photometry.recolour(image, matrix)
        return image


@dataclass(frozen=True)
class Morphology:
    """Thinner (``dilation``) or bolder (``erosion``) print, with geometry and light."""

    parameters: MorphologyParameters
    name: str

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        p = self.parameters
        operation = morphology.dilate if self.name == "dilation" else morphology.erode
        image = operation(image, morphology.draw_kernel(rng, p.kernel_px))
        image = _move(image, p, rng)
        if rng.random() < p.rgb_shift_p:
            red, green, blue = rng.uniform(*p.rgb_shift, 3)
            image = photometry.shift_channels(image, (red, green, blue))
        if rng.random() < p.light_p:
            image = photometry.tone(image, gain=rng.uniform(*p.gain), offset=rng.uniform(*p.offset))
        return image


def build_policy(name: str, parameters: Mapping[str, Any] | None = None) -> Policy:
    """A policy with the given parameters over its defaults.

    Raises:
        UserError: There is no such policy or parameter, or values are out of range: all of them in one message.
    """
    if name == "eda":
        return Eda(build_or_raise(EdaParameters, name, parameters))
    if name in ("dilation", "erosion"):
        return Morphology(build_or_raise(MorphologyParameters, name, parameters), name)
    if name == "document":
        return build_document(parameters)
    near = difflib.get_close_matches(name, POLICY_NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(POLICY_NAMES)}."
    raise UserError(f"{name}: no such augmentation policy; {hint}")


def _move(image: np.ndarray, p: GeometryParameters, rng: np.random.Generator) -> np.ndarray:
    """Transpose, then shift, scale and turn."""
    if rng.random() < p.transpose_p:
        image = geometry.transpose(image)
    if rng.random() < p.geometry_p:
        right, down = rng.uniform(*p.shift, 2)
        matrix = geometry.affine(
            image.shape[0], angle_deg=rng.uniform(*p.rotation_deg), scale=rng.uniform(*p.scale), shift=(right, down)
        )
        image = geometry.warp(image, matrix)
    return image


def _blur(image: np.ndarray, sigma_px: float, rng: np.random.Generator) -> np.ndarray:
    sigma_px *= image.shape[0] / REFERENCE_PX
    if rng.random() < 0.5:
        return photometry.gaussian_blur(image, sigma_px)
    # A box of side n has the variance (n² - 1) / 12.
    side = max(2, round((12 * sigma_px**2 + 1) ** 0.5))
    return photometry.box_blur(image, side)


CLEAN = -1


class Augmenter:
    """Gives most pages one of several policies.

    Args:
        policies: The active ones; each is chosen equally often.
        probability: Share of pages that get one; the others stay clean.
    """

    def __init__(self, policies: Sequence[Policy], probability: float = 0.85) -> None:
        self.policies = tuple(policies)
        self.probability = probability

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Augment a page (S, S, 3); also says which policy it got, by its place, or -1 for the clean page."""
        if not self.policies or rng.random() >= self.probability:
            return image, CLEAN
        chosen = int(rng.integers(len(self.policies)))
        return self.policies[chosen](image, rng), chosen


@dataclass(frozen=True)
class Document:
    """A policy that damages pages as a recipe says."""

    recipe: Recipe = DOCUMENT
    name: str = "document"

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        return apply_recipe(image, self.recipe, rng)


def build_document(parameters: Mapping[str, Any] | None) -> Document:
    """The policy with some rows of its recipe changed, such as ``{"mirror": {"probability": 0}}``.

    Raises:
        UserError: A damage, probability or severity is wrong: all of them in one message.
    """
    return Document(DOCUMENT.changed(parameters or {}, "augmentation_params.document"))


LEVELS: dict[str, dict[str, bool]] = {
    "none": {},
    "minimal": {"eda": True},
    "moderate": {"eda": True, "dilation": True, "erosion": True},
    "strong": {"eda": True, "dilation": True, "erosion": True, "document": True, "mixup": True, "cutmix": True},
}


MAX_BOXES = 4
SIDE = (0.08, 0.25)
"""Sides of a box, as shares of the page's side."""


def cutout(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover one to four boxes with white, grey or black; the copies that balance classes differ by this."""
    covered = image.copy()
    size = image.shape[0]
    for _ in range(int(rng.integers(1, MAX_BOXES + 1))):
        height, width = (rng.uniform(*SIDE, 2) * size).astype(int)
        top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
        covered[top : top + height, left : left + width] = rng.choice([0, 127, 255])
    return covered


SHAPES = (cv2.MORPH_RECT, cv2.MORPH_CROSS, cv2.MORPH_ELLIPSE)


def dilate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Bright grows: dark print becomes thinner, as on a worn or overexposed copy."""
    return cv2.dilate(image, kernel)


def erode(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Dark grows: print becomes bolder, as on a copy with too much toner."""
    return cv2.erode(image, kernel)


def draw_kernel(rng: np.random.Generator, largest_px: int) -> np.ndarray:
    """A small kernel of random shape with sides of 2 to ``largest_px`` pixels."""
    width, height = rng.integers(2, largest_px + 1, 2)
    return cv2.getStructuringElement(SHAPES[int(rng.integers(len(SHAPES)))], (int(width), int(height)))
