"""The policies: each takes a clean square page and gives back one of its possible other looks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from munseo.augment import geometry, morphology, photometry
from munseo.augment.document import build_document
from munseo.augment.parameters import EdaParameters, GeometryParameters, MorphologyParameters, build_or_raise
from munseo.errors import UserError

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
