"""Damages of the pose: a page that is turned, mirrored, tilted or bent, or that lies on a table.

None of them moves a pixel: each returns a changed ``PagePose``, and ``photograph`` then warps the page once.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from munseo._augment.projection import Bend, PagePose
from munseo._augment.transforms import smooth_noise

MAX_TILT_DEG = 42.0
CAMERA_DISTANCE = 1.5
"""Distance of the camera from the page, in sides of the page: where a hand holds a phone above a sheet of A4."""
MAX_BEND = 0.05
"""Largest offset of a bent line, as a fraction of the page's longer side."""
BEND_STEPS = 33
MAX_MARGIN = 0.2
"""Largest visible margin of the table on each side of the page, as a fraction of the page's longer side."""


def mirror(pose: PagePose, severity: float, rng: np.random.Generator) -> PagePose:
    """Swap left and right; any severity above 0 is full."""
    return replace(pose, matrix=np.diag([-1.0, 1.0, 1.0]) @ pose.matrix) if severity > 0 else pose


def quarter_turn(pose: PagePose, severity: float, rng: np.random.Generator) -> PagePose:
    """Turn by 90°, 180° or 270°; any severity above 0 is full."""
    turns = int(rng.integers(1, 4))
    return _turned(pose, 90.0 * turns) if severity > 0 else pose


def rotation(pose: PagePose, severity: float, rng: np.random.Generator) -> PagePose:
    """Turn by 180° times the severity, either way."""
    return _turned(pose, severity * (180.0 if rng.random() < 0.5 else -180.0))


def _turned(pose: PagePose, angle_deg: float) -> PagePose:
    angle = math.radians(angle_deg)
    # Rounded, so that right angles are exact and pixels fall on pixels.
    cos, sin = round(math.cos(angle), 12), round(math.sin(angle), 12)
    return replace(pose, matrix=np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ pose.matrix)


def perspective(pose: PagePose, severity: float, rng: np.random.Generator) -> PagePose:
    """Look at the page from up to 42° off the vertical, from any side."""
    direction, tilt = rng.uniform(0, 2 * math.pi), math.radians(MAX_TILT_DEG * severity)
    x, y = math.cos(direction), math.sin(direction)
    # A point goes d = x·px + y·py along the direction of the tilt: that length shrinks and moves away from the camera.
    shrink, depth = math.cos(tilt) - 1, math.sin(tilt) / (CAMERA_DISTANCE * pose.size_px)
    tilted = np.array(
        [
            [1 + shrink * x * x, shrink * x * y, 0],
            [shrink * x * y, 1 + shrink * y * y, 0],
            [depth * x, depth * y, 1],
        ]
    )
    return replace(pose, matrix=tilted @ pose.matrix)


def bend(pose: PagePose, severity: float, rng: np.random.Generator) -> PagePose:
    """Bend the paper: it waves, or rises towards the spine of a book."""
    axis = int(rng.integers(2))
    along = np.linspace(-0.5, 0.5, BEND_STEPS)
    phase, waves, steepness = rng.uniform(0, 2 * math.pi), rng.uniform(0.6, 1.4), rng.uniform(3, 7)
    end, light = rng.choice([-1, 1], 2)
    if rng.random() < 0.6:
        height = np.cos(2 * math.pi * waves * along + phase)
    else:
        height = 2 * np.exp(-steepness * (0.5 + end * along))
    height = height - height.mean()
    slope = np.gradient(height, along)
    offset = severity * MAX_BEND * max(pose.height_px, pose.width_px) * height
    shade = 1 - severity * 0.22 * (0.5 + 0.5 * light * slope / np.abs(slope).max())
    return replace(pose, bend=Bend(axis, offset, shade))


def table(pose: PagePose, severity: float, rng: np.random.Generator) -> PagePose:
    """Replace the white around the page by a table; at higher severity more of it can be seen."""
    top, bottom, left, right = rng.uniform(0, MAX_MARGIN * severity, 4)
    return replace(pose, table=_painted_table(pose.size_px, rng), margins=(top, bottom, left, right))


def _painted_table(size_px: int, rng: np.random.Generator) -> np.ndarray:
    """Paint a dark or grey table, a wooden one, or cloth: (S, S, 3) uint8."""
    kind = rng.choice(["plain", "plain", "cloth", "wood"])
    level = rng.uniform(0, 60) if rng.random() < 0.4 else rng.uniform(50, 200)
    tint = np.array([1.0, 1.0, 1.0])
    field: np.ndarray
    if kind == "wood":
        level, tint = rng.uniform(90, 190), np.array([1.0, 0.78, 0.56])
        field = _wood_grain(size_px, rng)
    elif kind == "cloth":
        tint = 1 - rng.uniform(0, 0.35, 3) * rng.random()
        field = 0.75 + 0.25 * rng.random((size_px // 2, size_px // 2), dtype=np.float32)
    else:
        field = 0.9 + 0.1 * smooth_noise(3, (16, 16), rng)
    colours = (level * field)[..., None] * tint
    small: np.ndarray = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return cv2.resize(small, (size_px, size_px), interpolation=cv2.INTER_LINEAR)


def _wood_grain(size_px: int, rng: np.random.Generator) -> np.ndarray:
    """Return long streaks, with two joints between boards."""
    boards = smooth_noise(3, (1, size_px // 2), rng)[0] * 0.15
    fine, broad = rng.random((4, size_px // 2), dtype=np.float32), rng.random((3, size_px // 12), dtype=np.float32)
    shape = (size_px // 2, size_px // 2)
    streaks: np.ndarray = 0.12 * cv2.resize(fine, shape[::-1]) + 0.2 * cv2.resize(broad, shape[::-1])
    field: np.ndarray = 0.55 + boards[None, :] + streaks
    for joint in rng.integers(2, shape[1] - 2, 2):
        field[:, joint] *= 0.6
    return np.ascontiguousarray(field.T) if rng.random() < 0.5 else field
