"""Solid rectangles of one grey: redactions, stickers, boxes that someone pasted over the page."""

from __future__ import annotations

import cv2
import numpy as np

FLAT_LEVELS = 10
"""Range of grey levels in 3 × 3 pixels that JPEG leaves within a box of one grey."""
LEAST_AREA, MOST_AREA = 0.0015, 0.3
LEAST_SIDE = 0.02
RECTANGULAR = 0.9
STANDS_OUT = 40
"""Grey levels between a box and what is round it."""
EDGE_PX, RING_PX = 3, 6
SPANNING = 0.8


def find_covers(grey: np.ndarray, noise_sigma: float) -> np.ndarray:
    """Find solid rectangles with upright sides.

    Flat areas are grown together (connected components); those that fill their bounding box and stand out against a
    ring round it are boxes. A strip along a whole side is the edge of a scan, not a box.

    Args:
        grey: (H, W) uint8.
        noise_sigma: Of the page, grey levels; boxes may be noisy as well.

    Returns:
        (H, W) bool.
    """
    window = np.ones((3, 3), np.uint8)
    smooth = cv2.medianBlur(grey, 3) if noise_sigma > 1 else grey
    rough = cv2.subtract(cv2.dilate(smooth, window), cv2.erode(smooth, window))
    flat = (rough <= FLAT_LEVELS + 1.5 * noise_sigma).astype(np.uint8)
    covered = np.zeros(grey.shape, bool)
    _, _, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    sides = LEAST_SIDE * max(grey.shape) - 2
    share = stats[:, cv2.CC_STAT_AREA] / grey.size
    full = stats[:, cv2.CC_STAT_AREA] / np.maximum(stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT], 1)
    narrow = np.minimum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    likely = (share > LEAST_AREA / 2) & (share < MOST_AREA) & (full >= RECTANGULAR) & (narrow >= sides)
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
    if area < LEAST_AREA or (at_edge and max(tall, wide) > SPANNING):
        return False
    level = float(np.median(grey[top:bottom, left:right]))
    # Each side by itself: all that lie within the page must stand out, or a picture's flat part would do.
    rings = [
        grey[max(0, top - RING_PX) : max(0, top - EDGE_PX), left:right],
        grey[bottom + EDGE_PX : bottom + RING_PX, left:right],
        grey[top:bottom, max(0, left - RING_PX) : max(0, left - EDGE_PX)],
        grey[top:bottom, right + EDGE_PX : right + RING_PX],
    ]
    apart = [abs(float(ring.mean()) - level) >= STANDS_OUT for ring in rings if ring.size]
    return len(apart) >= 2 and sum(apart) >= len(apart) - 1
