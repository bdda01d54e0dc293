"""The look of a paper form, drawn at random and without regard to what kind of form it is.

Paper, ink, line weight, letters, margins and stamps vary alike over all kinds, so that none of them betrays the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from munseo._synth.canvas import Weight
from munseo._synth.random_draws import RGB, between, chance, mix, near, pick

Frame = Literal["single", "thick", "double", "open"]


@dataclass(frozen=True)
class Look:
    """How a form looks; lengths in units of the sheet."""

    paper: RGB
    ink: RGB
    filled: RGB
    """Colour of what is filled in; printed in another colour than the form on some papers."""
    rule: RGB
    shade: RGB
    accent: RGB
    stamp: RGB
    stroke: float
    frame: Frame
    body: Weight
    label: Weight
    title: Weight
    text: float
    row: float
    margin_x: float
    margin_y: float


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a look."""
    paper = near(rng, pick(rng, _PAPERS), 4)
    ink = near(rng, pick(rng, ((25, 25, 28), (45, 45, 50), (30, 35, 70), (60, 50, 50))), 10)
    accent = near(rng, pick(rng, _ACCENTS), 12)
    shaded = chance(rng, 0.55)
    tinted = accent if chance(rng, 0.35) else ink
    return Look(
        paper=paper,
        ink=ink,
        filled=(30, 40, 120) if chance(rng, 0.12) else ink,
        rule=mix(tinted, paper, between(rng, 0.05, 0.4)),
        shade=mix(paper, tinted, between(rng, 0.07, 0.2)) if shaded else paper,
        accent=accent,
        stamp=near(rng, pick(rng, ((200, 35, 40), (180, 30, 60), (60, 60, 160), (205, 60, 45))), 15),
        stroke=between(rng, 0.8, 2.0),
        frame=pick(rng, ("single", "single", "thick", "double", "open")),
        body=pick(rng, ("light", "regular", "regular", "bold")),
        label=pick(rng, ("regular", "regular", "bold")),
        title=pick(rng, ("regular", "bold", "bold", "black")),
        text=between(rng, 11.5, 15.0),
        row=between(rng, 25.0, 36.0),
        margin_x=between(rng, 32.0, 78.0),
        margin_y=between(rng, 32.0, 70.0),
    )


_PAPERS: tuple[RGB, ...] = (
    (242, 242, 240), (228, 228, 228), (214, 213, 210), (238, 233, 220), (226, 218, 200), (222, 228, 234),
    (232, 222, 224), (220, 230, 220), (202, 200, 196), (235, 236, 238), (244, 244, 244), (236, 236, 232),
)  # fmt: skip
_ACCENTS: tuple[RGB, ...] = (
    (30, 70, 140), (20, 110, 90), (150, 40, 50), (90, 60, 130), (60, 60, 60), (190, 110, 30), (20, 120, 160),
)  # fmt: skip
