"""Typed letters: a head, ragged lines, a signature at the lower left; up, down, left and right all differ."""

import cv2
import numpy as np

from munseo._randomness import generator

LETTERS = list("abcdefghijklmnopqrstuvwxyz")


def _words(rng, num_letters):
    letters = rng.choice(LETTERS, num_letters)
    return "".join(letter if rng.random() > 0.17 else " " for letter in letters)


def _line(page, rng, left, base, width_px, size):
    text = _words(rng, int(width_px / (17 * size)))
    cv2.putText(page, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, size, (25, 25, 25), 1, cv2.LINE_AA)


def draw_letter(index, height=320, width=240):
    """A page (height, width, 3) uint8 that depends only on the index."""
    rng = generator(7, "letter", index)
    page = np.full((height, width, 3), int(rng.integers(236, 250)), np.uint8)
    left = int(rng.integers(20, 34))
    _line(page, rng, left, 30, rng.uniform(60, 150), 0.7)
    base = int(rng.integers(54, 74))
    for _ in range(int(rng.integers(2, 5))):
        for _ in range(int(rng.integers(2, 7))):
            _line(page, rng, left, base, rng.uniform(0.55, 0.95) * (width - left - 24), 0.32)
            base += 11
        base += 9
        if base > height - 70:
            break
    along = np.arange(60)
    signature = np.stack([left + along, base + 16 + 6 * np.sin(along / 3) * np.cos(along / 11)], axis=1)
    cv2.polylines(page, [signature.round().astype(np.int32)], False, (20, 20, 20), 2, cv2.LINE_AA)
    return page
