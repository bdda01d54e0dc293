"""How a page comes to lie: turned, mirrored, tilted, bent, on a table. Each changes the view, not the pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from munseo._augment.projection import Bend, View

MAX_TILT_DEG = 42.0
CAMERA_DISTANCE = 1.5
"""Of the camera from the page, in sides of the page: a hand's reach above a sheet of A4."""
MAX_BEND = 0.05
"""Largest offset of a bent line, as a share of the page's longer side."""
BEND_STEPS = 33


def rotation(view: View, severity: float, rng: np.random.Generator) -> View:
    """Turn by 180° times the severity, either way."""
    return _turned(view, severity * (180.0 if rng.random() < 0.5 else -180.0))


def quarter_turn(view: View, severity: float, rng: np.random.Generator) -> View:
    """Turn by 90°, 180° or 270°; there is no less of it than that, so any severity above 0 is full."""
    turns = int(rng.integers(1, 4))
    return _turned(view, 90.0 * turns) if severity > 0 else view


def mirror(view: View, severity: float, rng: np.random.Generator) -> View:
    """Left and right change places; any severity above 0 is full."""
    return replace(view, matrix=np.diag([-1.0, 1.0, 1.0]) @ view.matrix) if severity > 0 else view


def perspective(view: View, severity: float, rng: np.random.Generator) -> View:
    """The camera looks at the page from up to 42° off the vertical, from any side."""
    direction, tilt = rng.uniform(0, 2 * math.pi), math.radians(MAX_TILT_DEG * severity)
    x, y = math.cos(direction), math.sin(direction)
    # A point goes d = x·px + y·py along the direction of the tilt: that length shrinks and moves away from the camera.
    shrink, depth = math.cos(tilt) - 1, math.sin(tilt) / (CAMERA_DISTANCE * view.size_px)
    tilted = np.array(
        [
            [1 + shrink * x * x, shrink * x * y, 0],
            [shrink * x * y, 1 + shrink * y * y, 0],
            [depth * x, depth * y, 1],
        ]
    )
    return replace(view, matrix=tilted @ view.matrix)


def bend(view: View, severity: float, rng: np.random.Generator) -> View:
    """Paper that waves, or rises towards the spine of a book."""
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
    offset = severity * MAX_BEND * max(view.height_px, view.width_px) * height
    shade = 1 - severity * 0.22 * (0.5 + 0.5 * light * slope / np.abs(slope).max())
    return replace(view, bend=Bend(axis, offset, shade))


def _turned(view: View, angle_deg: float) -> View:
    angle = math.radians(angle_deg)
    # Rounded, so that right angles are exact and pixels fall on pixels.
    cos, sin = round(math.cos(angle), 12), round(math.sin(angle), 12)
    return replace(view, matrix=np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ view.matrix)
