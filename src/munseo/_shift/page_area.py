"""The area of a page that is measured: without the letterbox, and without solid rectangles that cover the print."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from munseo._augment.page_frame import find_page
from munseo._shift.image_quality import noise_sigma

STROKE_PX = 7
"""Strokes of print are thinner than this at the image sizes that models use."""
PAPER_PERCENTILE = 80
"""The grey level of the paper is this percentile of the page's levels."""
INK_PERCENTILE = 2
"""The grey level of the ink is this percentile of the page's levels."""


@dataclass(frozen=True)
class PageArea:
    """A page, prepared for all measures."""

    grey: np.ndarray  # (H, W) uint8, with solid rectangles painted over in the colour of the paper
    # (H, W) uint8, how much darker each thin dark structure is than its surroundings. It shows print, but no
    # photographs, light or table (black-hat transform: Serra, Image Analysis and Mathematical Morphology, 1982).
    strokes: np.ndarray
    covered: np.ndarray  # (H, W) bool, where the solid rectangles were
    paper: float  # grey level of the paper, 0 to 255
    ink: float  # grey level of the ink
    noise_sigma: float  # standard deviation of the noise, grey levels

    @property
    def contrast(self) -> float:
        """Difference between paper and ink in grey levels, at least 1."""
        return max(1.0, self.paper - self.ink)


def find_page_area(square: np.ndarray) -> PageArea:
    """Prepare a page for measuring: letterboxed (S, S, 3) uint8, as a model sees it."""
    grey = cv2.cvtColor(find_page(square).cut(square), cv2.COLOR_RGB2GRAY)
    sigma = noise_sigma(grey)
    covered = find_covers(grey, sigma)
    # The levels are those of the uncovered part, even where much is covered.
    ink, paper = np.percentile(grey[~covered] if covered.any() else grey, (INK_PERCENTILE, PAPER_PERCENTILE))
    if covered.any():
        grey = np.where(covered, np.uint8(round(float(paper))), grey)
    return PageArea(grey, find_strokes(grey), covered, float(paper), float(ink), sigma)


def find_strokes(grey: np.ndarray) -> np.ndarray:
    """Return the strokes of a grey page (H, W) uint8 as ``PageArea`` has them."""
    return cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((STROKE_PX, STROKE_PX), np.uint8))


# Solid rectangles of one grey: redactions, stickers, boxes that someone pasted over the page.

FLAT_LEVELS = 10
"""Range of grey levels within 3 × 3 pixels that JPEG compression leaves in a box of one grey."""
MIN_AREA, MAX_AREA = 0.0015, 0.3
"""Range of the area of a box, as fractions of the page."""
MIN_SIDE = 0.02
"""Shortest side of a box, as a fraction of the page's longer side."""
RECTANGULAR = 0.9
"""A flat area fills at least this fraction of its bounding box if it is a rectangle."""
MIN_DIFFERENCE = 40
"""Least difference between the grey levels of a box and its surroundings."""
EDGE_PX, RING_PX = 3, 6
"""A box is compared with a ring around it from the first to the second distance."""
SPANNING = 0.8
"""A strip along more than this fraction of a side is the edge of a scan and not a box."""


def find_covers(grey: np.ndarray, noise_sigma: float) -> np.ndarray:
    """Find solid rectangles with upright sides on a grey page; return (H, W) bool, True where the page is covered.

    Flat areas are grown together (connected components). Those that fill their bounding box and differ from a ring
    around it are boxes. They may be as noisy as the page.
    """
    window = np.ones((3, 3), np.uint8)
    smooth = cv2.medianBlur(grey, 3) if noise_sigma > 1 else grey
    rough = cv2.subtract(cv2.dilate(smooth, window), cv2.erode(smooth, window))
    flat = (rough <= FLAT_LEVELS + 1.5 * noise_sigma).astype(np.uint8)
    covered = np.zeros(grey.shape, bool)
    _, _, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    min_side = MIN_SIDE * max(grey.shape) - 2
    area = stats[:, cv2.CC_STAT_AREA] / grey.size
    filled = stats[:, cv2.CC_STAT_AREA] / np.maximum(stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT], 1)
    short_side = np.minimum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    likely = (area > MIN_AREA / 2) & (area < MAX_AREA) & (filled >= RECTANGULAR) & (short_side >= min_side)
    for label in np.flatnonzero(likely):
        if label == 0:
            continue
        left, top, width, height = (int(value) for value in stats[label, :4])
        # Flatness ends a pixel before the box does.
        box = (max(0, top - 1), min(grey.shape[0], top + height + 1), max(0, left - 1), left + width + 1)
        if _is_cover(smooth, box):
            covered[box[0] : box[1], box[2] : box[3]] = True
    return covered


def _is_cover(grey: np.ndarray, box: tuple[int, int, int, int]) -> bool:
    top, bottom, left, right = box
    height, width = grey.shape
    right = min(right, width)
    area = (bottom - top) * (right - left) / grey.size
    tall, wide = (bottom - top) / height, (right - left) / width
    at_edge = top == 0 or left == 0 or bottom == height or right == width
    if area < MIN_AREA or (at_edge and max(tall, wide) > SPANNING):
        return False
    level = float(np.median(grey[top:bottom, left:right]))
    # Each side is compared separately: all sides within the page must differ, or a flat part of a picture would pass.
    rings = [
        grey[max(0, top - RING_PX) : max(0, top - EDGE_PX), left:right],
        grey[bottom + EDGE_PX : bottom + RING_PX, left:right],
        grey[top:bottom, max(0, left - RING_PX) : max(0, left - EDGE_PX)],
        grey[top:bottom, right + EDGE_PX : right + RING_PX],
    ]
    apart = [abs(float(ring.mean()) - level) >= MIN_DIFFERENCE for ring in rings if ring.size]
    return len(apart) >= 2 and sum(apart) >= len(apart) - 1


# Light on the page, and darkness around it.

CELLS = 10
"""The brightness of the paper is measured in a grid of this many cells per side."""
CORNER = 0.05
"""Side of the corners that are looked at, as a fraction of the page's side."""
DARK_CELL = 0.5
"""Cells less than half as bright as the paper are photographs or table, and say nothing about the light."""
FIT_ROUNDS = 3


def corner_darkness(area: PageArea) -> float:
    """Return how much darker than the paper the four corners are, in % of white: the page lies on something."""
    height, width = area.grey.shape
    rows, columns = max(1, round(CORNER * height)), max(1, round(CORNER * width))
    corners = [
        area.grey[vertical, horizontal]
        for vertical in (slice(0, rows), slice(height - rows, None))
        for horizontal in (slice(0, columns), slice(width - columns, None))
    ]
    return (area.paper - float(np.mean([np.median(corner) for corner in corners]))) / 2.55


def light(area: PageArea) -> tuple[float, float]:
    """Return the fall of the light across the page and how far it deviates from an even fall, both in % of the light.

    A plane is fitted to the brightness of the paper, cell by cell, by least squares that are weighted anew against
    outliers (Huber, Robust estimation of a location parameter, 1964).
    """
    levels, x, y = _paper_cells(area)
    ones = np.ones_like(x)
    design = np.stack([ones, x, y], axis=1)
    weights = ones
    for _ in range(FIT_ROUNDS):
        plane = np.linalg.lstsq(design * weights[:, None], levels * weights, rcond=None)[0]
        residual = np.abs(levels - design @ plane)
        limit = max(1.0, 1.5 * float(np.median(residual)))
        weights = np.sqrt(np.minimum(1.0, limit / np.maximum(residual, 1e-9)))
    centre = max(1.0, float(plane[0]))
    return 100 * float(abs(plane[1]) + abs(plane[2])) / centre, 100 * float(residual.mean()) / centre


def _paper_cells(area: PageArea) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the brightness of the paper in the inner cells that show some, with x and y from −0.5 to 0.5."""
    # Adding the strokes back gives the paper under the print, however dense it is (morphological closing).
    paper = cv2.add(area.grey, area.strokes)
    rows = np.linspace(0, paper.shape[0], CELLS + 1).astype(int)
    columns = np.linspace(0, paper.shape[1], CELLS + 1).astype(int)
    inner = range(1, CELLS - 1)
    levels = [float(np.median(paper[rows[i] : rows[i + 1], columns[j] : columns[j + 1]])) for i in inner for j in inner]
    brightness = np.array(levels)
    centres = (np.array(inner) + 0.5) / CELLS - 0.5
    y, x = np.repeat(centres, len(centres)), np.tile(centres, len(centres))
    seen = brightness >= DARK_CELL * np.median(brightness)
    return brightness[seen], x[seen], y[seen]
