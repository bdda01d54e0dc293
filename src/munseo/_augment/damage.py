"""The kinds of damage that a photographed or scanned page comes with, each with one knob: its severity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from munseo._augment import camera, light, paper
from munseo._augment import pose as lying
from munseo._augment.page_frame import find_page
from munseo._augment.projection import View, photograph
from munseo._augment.tabletop import table

Stage = Literal["paper", "view", "photo"]


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Attributes:
        name: As in ``DAMAGES``.
        stage: What is changed: the ``paper``, the ``view`` of it, or the ``photo``.
        alter: The page or photo (H, W, 3) uint8, or the ``View``; severity from 0 (next to nothing) to 1; generator; to
            the same, changed. The shape of a damage is drawn, its strength is not: that is the severity.
        graded: False where there is no more or less, only all or nothing.
    """

    name: str
    stage: Stage
    alter: Callable[[Any, float, np.random.Generator], Any]
    graded: bool = True

    def __call__(self, image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
        """A square letterboxed page (S, S, 3) uint8 with this damage alone; the input stays as it is."""
        return inflict(image, [(self, severity)], rng)


DAMAGES: dict[str, Damage] = {
    damage.name: damage
    for damage in (
        Damage("ink_fade", "paper", paper.ink_fade),
        Damage("show_through", "paper", paper.show_through),
        Damage("stain", "paper", paper.stain),
        Damage("overlay", "paper", paper.overlay),
        Damage("mirror", "view", lying.mirror, graded=False),
        Damage("quarter_turn", "view", lying.quarter_turn, graded=False),
        Damage("bend", "view", lying.bend),
        Damage("rotation", "view", lying.rotation),
        Damage("perspective", "view", lying.perspective),
        Damage("table", "view", table),
        Damage("gradient", "photo", light.gradient),
        Damage("shadow", "photo", light.shadow),
        Damage("focus_blur", "photo", camera.focus_blur),
        Damage("motion_blur", "photo", camera.motion_blur),
        Damage("darkness", "photo", light.darkness),
        Damage("brightness", "photo", light.brightness),
        Damage("contrast", "photo", light.contrast),
        Damage("noise", "photo", camera.noise),
        Damage("rescale", "photo", camera.rescale),
        Damage("occlusion", "photo", camera.occlusion),
        Damage("jpeg", "photo", camera.jpeg),
    )
}
"""In the order in which a page meets them."""


def inflict(
    image: np.ndarray,
    chosen: Sequence[tuple[Damage, float]],
    rng: np.random.Generator,
    second_pages: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Damage a page: first the paper, then how it lies (one warp for all of that), then the photograph.

    Args:
        image: Square letterboxed page (S, S, 3) uint8; it stays as it is.
        chosen: Damages with their severities, in any order.
        rng: Source of randomness.
        second_pages: Pages that ``overlay`` may lay over; without any it lays over the page itself, turned.

    Returns:
        (S, S, 3) uint8, letterboxed: what is not page or table is white.
    """
    frame = find_page(image)
    page = frame.cut(image)
    places = list(DAMAGES)
    ordered = sorted(chosen, key=lambda pair: places.index(pair[0].name))
    for damage, severity in ordered:
        if damage.name == "overlay":
            page = paper.overlay(page, severity, rng, second_pages)
        elif damage.stage == "paper":
            page = damage.alter(page, severity, rng)
    view = straight = View.straight(page, image.shape[0])
    for damage, severity in ordered:
        if damage.stage == "view":
            view = damage.alter(view, severity, rng)
    photo, frame = (frame.place(page, image.shape[0]), frame) if view is straight else photograph(page, view)
    for damage, severity in ordered:
        if damage.stage == "photo":
            photo = damage.alter(photo, severity, rng)
    return frame.place(frame.cut(photo), image.shape[0])
