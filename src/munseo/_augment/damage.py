"""The kinds of damage of photographed and scanned pages. Each has one control: its severity from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from munseo._augment import paper, photo, pose
from munseo._augment.page_frame import find_page
from munseo._augment.projection import PagePose, photograph

Stage = Literal["paper", "pose", "photo"]


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

        >>> blurred = DAMAGES["focus_blur"](page, severity=0.5, rng=np.random.default_rng(0))

    Attributes:
        name: Key in ``DAMAGES``, in recipes and in result files.
        stage: What is changed: the ``paper``, its ``pose`` before the camera, or the ``photo``.
        alter: Takes the page or photo (H, W, 3) uint8, or the ``PagePose``; the severity; and a generator. Returns the
            same, changed. The shape of a damage is random, its strength is not: that is the severity.
        description: What the damage does, for the comments of recipe files.
        noun: What a page shows then, for sentences.
        measure: The measure of ``munseo._shift`` that shows this damage best. Without one, ``munseo shift`` cannot tell
            the damage from others and leaves it out of recipes.
        trend: Whether the damage raises (1) or lowers (-1) that measure, so that the first guess of its probability can
            be read off it; 0 where that says too little.
        graded: False for damages that are either present or not, whatever the severity.
    """

    name: str
    stage: Stage
    alter: Callable[[Any, float, np.random.Generator], Any]
    description: str = ""
    noun: str = ""
    measure: str | None = None
    trend: int = 0
    graded: bool = True

    def __call__(self, image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
        """Return a square letterboxed page (S, S, 3) uint8 with only this damage; the input is not changed."""
        return apply_damages(image, [(self, severity)], rng)


DAMAGES: dict[str, Damage] = {
    damage.name: damage
    for damage in (
        # Faded ink, a second page and show-through measure like blur and noise on pale paper, a stain like a shadow.
        Damage("ink_fade", "paper", paper.ink_fade),
        Damage("show_through", "paper", paper.show_through),
        Damage("stain", "paper", paper.stain),
        Damage("overlay", "paper", paper.overlay),
        Damage("mirror", "pose", pose.mirror, "left and right change places", "mirroring", "mirrored", graded=False),
        Damage(
            "quarter_turn",
            "pose",
            pose.quarter_turn,
            "turned by 90, 180 or 270°",
            "quarter turns",
            "sideways",
            graded=False,
        ),
        Damage("bend", "pose", pose.bend, "paper that waves", "bent paper", "line_spread"),
        Damage(
            "rotation", "pose", pose.rotation, "turned by up to 180° times the severity, either way", "rotation", "skew"
        ),
        Damage("perspective", "pose", pose.perspective, "photographed obliquely", "an oblique view", "line_spread", 1),
        Damage("table", "pose", pose.table, "on a grey or dark table", "a table around the page", "corner_darkness", 1),
        Damage(
            "gradient", "photo", photo.gradient, "light that falls to a side", "light that falls off", "light_fall", 1
        ),
        Damage("shadow", "photo", photo.shadow, "a shadow on the page", "a shadow", "unevenness"),
        Damage("focus_blur", "photo", photo.focus_blur, "out of focus", "blur", "edge_width", 1),
        Damage("motion_blur", "photo", photo.motion_blur, "moved during the exposure", "motion blur", "edge_direction"),
        Damage("darkness", "photo", photo.darkness, "underexposed", "underexposure", "brightness", -1),
        Damage("brightness", "photo", photo.brightness, "overexposed", "overexposure", "contrast"),
        Damage("contrast", "photo", photo.contrast, "contrast that falls towards grey", "low contrast", "contrast", -1),
        Damage("noise", "photo", photo.noise, "sensor noise", "noise", "noise", 1),
        # A thumbnail measures like a lens out of focus.
        Damage("rescale", "photo", photo.rescale),
        Damage("occlusion", "photo", photo.occlusion, "boxes of one grey", "boxes", "covered", 1),
        Damage("jpeg", "photo", photo.jpeg, "saved as JPEG with low quality", "coarse JPEG", "jpeg_quality"),
    )
}
"""Every damage, in the order in which a page meets them. A new one needs an entry here, its function, its name in the
texts of both languages, and an entry of the recipe ``document`` in ``recipes.yaml``; recipes, robustness
profiles, ``munseo shift`` and the tests read this table."""


def apply_damages(
    image: np.ndarray,
    chosen: Sequence[tuple[Damage, float]],
    rng: np.random.Generator,
    second_pages: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Damage a page: first the paper, then its pose (one warp for all of that), then the photograph.

    Args:
        image: Square letterboxed page (S, S, 3) uint8; it is not changed.
        chosen: Damages with their severities, in any order.
        rng: Source of randomness.
        second_pages: Pages that ``overlay`` may lay over this one; without any it uses the page itself, flipped.

    Returns:
        (S, S, 3) uint8, letterboxed: white wherever there is neither page nor table.
    """
    frame = find_page(image)
    page = frame.cut(image)
    names = list(DAMAGES)
    ordered = sorted(chosen, key=lambda pair: names.index(pair[0].name))
    for damage, severity in ordered:
        if damage.name == "overlay":
            page = paper.overlay(page, severity, rng, second_pages)
        elif damage.stage == "paper":
            page = damage.alter(page, severity, rng)
    placed = straight = PagePose.straight(page, image.shape[0])
    for damage, severity in ordered:
        if damage.stage == "pose":
            placed = damage.alter(placed, severity, rng)
    # A page that was not moved is not resampled at all.
    result, frame = (frame.place(page, image.shape[0]), frame) if placed is straight else photograph(page, placed)
    for damage, severity in ordered:
        if damage.stage == "photo":
            result = damage.alter(result, severity, rng)
    return frame.place(frame.cut(result), image.shape[0])
