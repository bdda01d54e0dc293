"""Light on the page, and what lies round it."""

from __future__ import annotations

import cv2
import numpy as np

from munseo._shift.page_area import Sheet

CELLS = 10
CORNER = 0.05
DARK_CELL = 0.5
"""Cells less than half as bright as the paper are photographs or table, and tell nothing of the light."""
FIT_ROUNDS = 3


def corner_darkness(sheet: Sheet) -> float:
    """How much darker than the paper the four corners are, % of white: a page that lies on something.

    Args:
        sheet: The page.
    """
    height, width = sheet.grey.shape
    rows, columns = max(1, round(CORNER * height)), max(1, round(CORNER * width))
    corners = [
        sheet.grey[vertical, horizontal]
        for vertical in (slice(0, rows), slice(height - rows, None))
        for horizontal in (slice(0, columns), slice(width - columns, None))
    ]
    return (sheet.paper - float(np.mean([np.median(corner) for corner in corners]))) / 2.55


def light(sheet: Sheet) -> tuple[float, float]:
    """Fall of the light across the page, and how uneven it is beside that fall, both in % of the light.

    A plane is fitted to the brightness of the paper, cell by cell, by least squares that are weighted anew against
    outliers (Huber, Robust estimation of a location parameter, 1964).

    Args:
        sheet: The page.
    """
    levels, x, y = _paper_cells(sheet)
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


def _paper_cells(sheet: Sheet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brightness of the paper in the inner cells that show some, with their places from −0.5 to 0.5."""
    # Strokes added back: the paper under the print, however dense it is (morphological closing).
    paper = cv2.add(sheet.grey, sheet.strokes)
    rows = np.linspace(0, paper.shape[0], CELLS + 1).astype(int)
    columns = np.linspace(0, paper.shape[1], CELLS + 1).astype(int)
    inner = range(1, CELLS - 1)
    levels = [float(np.median(paper[rows[i] : rows[i + 1], columns[j] : columns[j + 1]])) for i in inner for j in inner]
    brightness = np.array(levels)
    places = (np.array(inner) + 0.5) / CELLS - 0.5
    y, x = np.repeat(places, len(places)), np.tile(places, len(places))
    seen = brightness >= DARK_CELL * np.median(brightness)
    return brightness[seen], x[seen], y[seen]
