"""Printed pages, each with different words."""

import cv2
import numpy as np

from munseo._randomness import generator

CLASSES = ("letter", "form")


def draw(number: int, height: int = 560, width: int = 400) -> np.ndarray:
    """Draw a page (H, W) uint8 with a heading and lines of words at random positions."""
    rng = generator(7, "doctor-test-page", number)
    page = np.full((height, width), 250, np.uint8)
    cv2.putText(page, f"No {number * 7919 % 9973}", (int(rng.integers(20, 160)), 50), 0, 1.3, 20, 3)
    top = 90
    while top < height - 40:
        left = int(rng.integers(20, 60))
        while left < width - 60:
            length = int(rng.integers(12, 60))
            cv2.rectangle(page, (left, top), (left + length, top + int(rng.integers(4, 10))), 30, -1)
            left += length + int(rng.integers(6, 30))
        top += int(rng.integers(14, 40))
    return page


def jpeg(page: np.ndarray, quality: int = 90) -> bytes:
    return cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
