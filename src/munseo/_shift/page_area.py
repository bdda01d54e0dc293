"""A page laid out for measuring: without letterbox and without what covers it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from munseo._augment.page_frame import find_page
from munseo._shift.covers import find_covers
from munseo._shift.grain import noise_sigma

STROKE_PX = 7
"""A stroke of print is thinner than this, at the sizes that models see."""
PAPER_PERCENTILE, INK_PERCENTILE = 80, 2


@dataclass(frozen=True)
class Sheet:
    """One page and what every instrument needs of it.

    Attributes:
        grey: (H, W) uint8, solid rectangles on it painted over with paper.
        strokes: (H, W) uint8, how much darker than what is round it each thin dark thing is: print, and no photographs,
            no light and no table (black-hat transform: Serra, Image Analysis and Mathematical Morphology, 1982).
        covered: (H, W) bool, where the solid rectangles were.
        paper: Level of the paper, 0 to 255: the 80th percentile.
        ink: Level of the ink: the 2nd percentile.
        noise_sigma: Standard deviation of the noise, grey levels.
    """

    grey: np.ndarray
    strokes: np.ndarray
    covered: np.ndarray
    paper: float
    ink: float
    noise_sigma: float

    @property
    def contrast(self) -> float:
        """Ink against paper in grey levels, at least 1."""
        return max(1.0, self.paper - self.ink)


def lay_out(square: np.ndarray) -> Sheet:
    """Prepare a page for measuring.

    Args:
        square: Letterboxed page (S, S, 3) uint8, as a model sees it.
    """
    grey = cv2.cvtColor(find_page(square).cut(square), cv2.COLOR_RGB2GRAY)
    sigma = noise_sigma(grey)
    covered = find_covers(grey, sigma)
    # The rest of the page tells the levels, even where much is covered.
    ink, paper = np.percentile(grey[~covered] if covered.any() else grey, (INK_PERCENTILE, PAPER_PERCENTILE))
    if covered.any():
        grey = np.where(covered, np.uint8(round(float(paper))), grey)
    strokes = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((STROKE_PX, STROKE_PX), np.uint8))
    return Sheet(grey, strokes, covered, float(paper), float(ink), sigma)
