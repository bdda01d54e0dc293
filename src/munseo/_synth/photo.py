"""Pages before a camera or a scanner: perspective, shadows, backgrounds, and the damage of the test split.

The damage is separate from ``munseo._augment`` on purpose: the shift that Munseo simulates must not know this one.
"""

from __future__ import annotations

import cv2
import numpy as np

from munseo._synth.random_draws import Rng, between, chance, near, whole
from munseo._synth.vocabulary import colour


def surface(rng: Rng, width_px: int, height_px: int) -> np.ndarray:
    """Paint a desk, a cloth or the lid of a scanner, whose colour changes slowly; uint8 RGB (height, width, 3)."""
    level = np.array(near(rng, colour(rng, "surfaces"), 12), np.float32)
    coarse = level + rng.normal(0, between(rng, 1, 9), (5, 6, 1)).astype(np.float32)
    drift = cv2.resize(coarse.astype(np.float32), (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    if chance(rng, 0.35):  # a grain in one direction, like wood
        grain = rng.normal(0, between(rng, 2, 6), (height_px // 3 + 1, 3)).astype(np.float32)
        drift = drift + cv2.resize(grain, (width_px, height_px), interpolation=cv2.INTER_LINEAR)[:, :, None]
    return np.clip(drift, 0, 255).astype(np.uint8)


def laid(rng: Rng, thing: np.ndarray, ground: np.ndarray, share: float, round_px: float, tilt_deg: float) -> np.ndarray:
    """Put a flat object (h, w, 3) on the ground (H, W, 3), slightly rotated and seen slightly from the side.

    It takes ``share`` of the ground's width or height, whichever is tighter. ``round_px`` is the radius of its corners,
    and ``tilt_deg`` the largest rotation.
    """
    height, width = thing.shape[:2]
    ground_height, ground_width = ground.shape[:2]
    factor = share * min(ground_width / width, ground_height / height)
    angle = np.deg2rad(between(rng, -tilt_deg, tilt_deg))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (corners - [width / 2, height / 2]) @ turn.T * factor
    placed += rng.normal(0, 0.008 * factor * width, (4, 2))
    slack = np.array([ground_width, ground_height]) - (placed.max(0) - placed.min(0))
    placed += np.array([ground_width, ground_height]) / 2 + rng.uniform(-0.4, 0.4, 2) * np.maximum(slack, 0)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    size = (ground_width, ground_height)
    mask = cv2.warpPerspective(_rounded(height, width, round_px), matrix, size, flags=cv2.INTER_LINEAR)
    shadow = cv2.GaussianBlur(np.roll(mask, (4, 3), (0, 1)), (0, 0), 5)
    dimmed = ground * (1 - 0.45 * (shadow[:, :, None].astype(np.float32) / 255))
    seen = cv2.warpPerspective(thing, matrix, size, flags=cv2.INTER_AREA)
    over = mask[:, :, None].astype(np.float32) / 255
    return (seen * over + dimmed * (1 - over)).astype(np.uint8)


def aslant(rng: Rng, scene: np.ndarray, spread: float) -> np.ndarray:
    """Show a scene from a slightly different position; its edges move out of the picture."""
    height, width = scene.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
    seen = corners + inward * rng.uniform(0, spread, (4, 2)).astype(np.float32) * [width, height]
    matrix = cv2.getPerspectiveTransform(seen.astype(np.float32), corners)
    return cv2.warpPerspective(scene, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _rounded(height: int, width: int, radius: float) -> np.ndarray:
    """Return a white rectangle with round corners on black; uint8 (height, width)."""
    y = np.maximum(np.abs(np.arange(height) - (height - 1) / 2) - (height / 2 - radius), 0)[:, None]
    x = np.maximum(np.abs(np.arange(width) - (width - 1) / 2) - (width / 2 - radius), 0)[None, :]
    return np.where(x * x + y * y <= max(radius, 1.0) ** 2, 255, 0).astype(np.uint8)


def scan(rng: Rng, page: np.ndarray) -> np.ndarray:
    """Scan or photograph a page carefully; uint8 RGB (H, W, 3).

    The scan is rotated by at most 3°, up to a fifth darker, and has noise of 1 to 4 levels.
    """
    height, width = page.shape[:2]
    angle = float(np.clip(rng.normal(0, 0.9), -3, 3))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, between(rng, 0.99, 1.02))
    turned = cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if chance(rng, 0.18):  # a photocopier
        turned = cv2.cvtColor(cv2.cvtColor(turned, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    light = rng.normal(between(rng, 0.82, 1.0), 0.025, (3, 3)).astype(np.float32)
    gain = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = rng.standard_normal((height, width), np.float32)
    noise *= np.float32(between(rng, 1, 4))
    clipped: np.ndarray = np.clip(turned * gain[:, :, None] + noise[:, :, None], 0, 255)
    return clipped.astype(np.uint8)


def damage(rng: Rng, page: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """Rotate, mirror, blur and brighten a page (H, W, 3) uint8, and sometimes cover parts; its longest side stays.

    A second page of any size shines through faintly; most pages have none.
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


def _turned(rng: Rng, page: np.ndarray) -> np.ndarray:
    """Rotate a page by any angle; at most its corners leave the picture."""
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


def _blurred(rng: Rng, page: np.ndarray) -> np.ndarray:
    """Blur a page by focus or motion, or leave it sharp; the strength grows with the picture."""
    reach = max(page.shape[:2]) / 640
    kind = whole(rng, 0, 3)
    if kind == 0:
        return cv2.GaussianBlur(page, (0, 0), between(rng, 0.5, 1.7) * reach)
    if kind == 1:
        length = max(3, round(between(rng, 3, 7) * reach))
        line = np.zeros((length, length), np.float32)
        end = np.deg2rad(between(rng, 0, 180))
        middle = (length - 1) / 2
        for step in np.linspace(-middle, middle, length * 2):
            line[round(middle + step * np.sin(end)), round(middle + step * np.cos(end))] = 1
        return cv2.filter2D(page, -1, line / line.sum())
    return page


def _covered(rng: Rng, page: np.ndarray) -> np.ndarray:
    """Cover a page with up to three notes, labels or thumbs, each on at most a tenth of it."""
    height, width = page.shape[:2]
    out = page.copy()
    for _ in range(whole(rng, 1, 3)):
        middle = (between(rng, 0.1, 0.9) * width, between(rng, 0.1, 0.9) * height)
        size = (between(rng, 0.12, 0.34) * width, between(rng, 0.08, 0.3) * height)
        corners = cv2.boxPoints((middle, size, between(rng, 0, 90)))
        cv2.fillPoly(out, [corners.astype(np.int32)], [int(level) for level in rng.integers(20, 250, 3)])
    return out


def _shining_through(rng: Rng, page: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Lay a second page faintly over the first one, mirrored like the reverse side of a sheet."""
    height, width = page.shape[:2]
    back = cv2.resize(second[:, ::-1], (width, height), interpolation=cv2.INTER_AREA)
    weight = between(rng, 0.12, 0.3)
    return cv2.addWeighted(page, 1 - weight, back, weight, 0)
