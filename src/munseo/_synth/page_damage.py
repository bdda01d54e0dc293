"""What happens to the pages of the test part on their way: the shift that a model has to bear.

It is written apart from ``munseo._augment`` on purpose: the shift that Munseo simulates must not know this one.
"""

from __future__ import annotations

import cv2
import numpy as np

from munseo._synth.random_draws import between, chance, whole


def damage(rng: np.random.Generator, page: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """Turn, mirror, blur and brighten a page; cover a part of a few.

    Args:
        rng: Where all chance comes from.
        page: uint8 RGB (H, W, 3).
        second: A page that shines through faintly, of any size; None on most.

    Returns:
        uint8 RGB of another shape, its longest side that of ``page``.
    """
    if second is not None:
        page = _shining_through(rng, page, second)
    if chance(rng, 0.12):
        page = _covered(rng, page)
    if chance(rng, 0.5):
        page = np.ascontiguousarray(page[:, ::-1])
    page = _turned(rng, page)
    page = _blurred(rng, page)
    contrast, brightness = between(rng, 0.88, 1.1), between(rng, -4, 16)
    noise = rng.standard_normal(page.shape[:2], np.float32)
    noise *= np.float32(between(rng, 3, 18))
    clipped: np.ndarray = np.clip((page - np.float32(128)) * contrast + (128 + brightness) + noise[:, :, None], 0, 255)
    return clipped.astype(np.uint8)


def _turned(rng: np.random.Generator, page: np.ndarray) -> np.ndarray:
    """Turn a page by any angle; at most its corners leave the picture."""
    height, width = page.shape[:2]
    angle = between(rng, 0, 360)
    cos, sin = abs(np.cos(np.deg2rad(angle))), abs(np.sin(np.deg2rad(angle)))
    kept = between(rng, 0.86, 1.0)
    new_width, new_height = (width * cos + height * sin) * kept, (width * sin + height * cos) * kept
    scale = max(height, width) / max(new_width, new_height)
    size = (round(new_width * scale), round(new_height * scale))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[:, 2] += [size[0] / 2 - width / 2, size[1] / 2 - height / 2]
    level = 255 if chance(rng, 0.7) else whole(rng, 90, 220)
    return cv2.warpAffine(page, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(level, level, level))


def _blurred(rng: np.random.Generator, page: np.ndarray) -> np.ndarray:
    """Out of focus, moved, or sharp; the strength grows with the picture."""
    reach = max(page.shape[:2]) / 640
    way = whole(rng, 0, 3)
    if way == 0:
        return cv2.GaussianBlur(page, (0, 0), between(rng, 0.5, 1.7) * reach)
    if way == 1:
        length = max(3, round(between(rng, 3, 7) * reach))
        line = np.zeros((length, length), np.float32)
        end = np.deg2rad(between(rng, 0, 180))
        middle = (length - 1) / 2
        for step in np.linspace(-middle, middle, length * 2):
            line[round(middle + step * np.sin(end)), round(middle + step * np.cos(end))] = 1
        return cv2.filter2D(page, -1, line / line.sum())
    return page


def _covered(rng: np.random.Generator, page: np.ndarray) -> np.ndarray:
    """Something lies on the page: up to three notes, labels or thumbs, each on a tenth of it at most."""
    height, width = page.shape[:2]
    out = page.copy()
    for _ in range(whole(rng, 1, 3)):
        middle = (between(rng, 0.1, 0.9) * width, between(rng, 0.1, 0.9) * height)
        size = (between(rng, 0.12, 0.34) * width, between(rng, 0.08, 0.3) * height)
        corners = cv2.boxPoints((middle, size, between(rng, 0, 90)))
        colour = tuple(int(level) for level in rng.integers(20, 250, 3))
        cv2.fillPoly(out, [corners.astype(np.int32)], colour)
    return out


def _shining_through(rng: np.random.Generator, page: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Lay a second page faintly over the first one, mirrored as the back of a sheet would be."""
    height, width = page.shape[:2]
    other = cv2.resize(second[:, ::-1], (width, height), interpolation=cv2.INTER_AREA)
    share = between(rng, 0.12, 0.3)
    return cv2.addWeighted(page, 1 - share, other, share, 0)
