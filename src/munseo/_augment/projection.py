"""The pose of a page before the camera: all movements are composed into it, so that print is resampled only once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from munseo._augment.page_frame import WHITE, Frame

MAP_CELLS = 40
"""A bent page is mapped exactly on a grid of this many cells per side, and linearly between: at most 0.1 px off."""
EDGE_POINTS = 9
"""Points along each edge of a page from which the outline of a bent page is computed."""


@dataclass(frozen=True)
class Bend:
    """Paper that is not flat."""

    axis: int  # 0: the height changes from left to right, so that text lines curve; 1: it changes from top to bottom
    # How far that moves a point along the other axis, px, at even steps from one end of the page to the next.
    offset: np.ndarray
    shade: np.ndarray  # fraction of the light that each step reflects; 1 where the paper is flat


@dataclass(frozen=True)
class PagePose:
    """The pose of a page in front of the camera."""

    height_px: int
    width_px: int
    size_px: int  # side S of the square photograph
    # (3, 3), from the page to the photograph; both have their origin in the middle, x right, y down, px.
    matrix: np.ndarray
    bend: Bend | None = None  # how the paper is bent; None for flat paper
    table: np.ndarray | None = None  # (S, S, 3) uint8, the table under the page; None for white
    # How much of the table can be seen beyond the page: top, bottom, left, right, as fractions of S.
    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @staticmethod
    def straight(page: np.ndarray, size_px: int) -> PagePose:
        """Return the pose of a flat page, seen from above."""
        return PagePose(page.shape[0], page.shape[1], size_px, np.eye(3))


def photograph(page: np.ndarray, pose: PagePose) -> tuple[np.ndarray, Frame]:
    """Photograph a page (H, W, 3) uint8; the result is cropped to page and margins, and letterboxed like any input.

    Returns:
        The photograph (S, S, 3), and the part of it that is not letterbox.
    """
    size = pose.size_px
    fit, frame = _fit(pose)
    middle = _shift((size - 1) / 2, (size - 1) / 2)
    from_page = middle @ fit @ pose.matrix @ _shift((1 - pose.width_px) / 2, (1 - pose.height_px) / 2)
    photo: np.ndarray = np.full((size, size, 3), WHITE, np.uint8) if pose.table is None else pose.table.copy()
    # Pixels outside the page keep their value: white, or the table.
    if pose.bend is None:
        cv2.warpPerspective(page, from_page, (size, size), photo, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    else:
        page = _shaded(page, pose.bend)
        x, y = _bent_map(pose, pose.bend, np.linalg.inv(from_page))
        cv2.remap(page, x, y, cv2.INTER_LINEAR, photo, cv2.BORDER_TRANSPARENT)
    return photo, frame


def _fit(pose: PagePose) -> tuple[np.ndarray, Frame]:
    """Return the scale and shift that letterbox the visible area: its longest side becomes S, and it is centred."""
    size = pose.size_px
    x, y = _outline(pose)
    seen = pose.matrix @ np.stack([x, y, np.ones_like(x)])
    x, y = seen[:2] / seen[2]
    top, bottom, left, right = pose.margins
    longest = max(np.ptp(x), np.ptp(y))
    x0, x1 = x.min() - left * longest, x.max() + right * longest
    y0, y1 = y.min() - top * longest, y.max() + bottom * longest
    scale = size / max(x1 - x0, y1 - y0)
    width, height = scale * (x1 - x0), scale * (y1 - y0)
    # Whole pixels at the left and the top: a page that is only mirrored or turned by a right angle stays sharp.
    frame_left, frame_top = int((size - width + 1e-6) // 2), int((size - height + 1e-6) // 2)
    fit = np.array(
        [
            [scale, 0, frame_left - size / 2 - scale * x0],
            [0, scale, frame_top - size / 2 - scale * y0],
            [0, 0, 1],
        ]
    )
    return fit, Frame(frame_top, min(size, frame_top + round(height)), frame_left, min(size, frame_left + round(width)))


def _outline(pose: PagePose) -> tuple[np.ndarray, np.ndarray]:
    """Return points along the edges of the page, which may be bent."""
    steps = np.linspace(-0.5, 0.5, EDGE_POINTS)
    ends = np.full(EDGE_POINTS, 0.5)
    x = np.concatenate([steps, steps, -ends, ends]) * pose.width_px
    y = np.concatenate([-ends, ends, steps, steps]) * pose.height_px
    if pose.bend is None:
        return x, y
    if pose.bend.axis == 0:
        return x, y - _offset(pose.bend, x, pose.width_px)
    return x - _offset(pose.bend, y, pose.height_px), y


def _bent_map(pose: PagePose, bend: Bend, to_page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y in the flat page for every pixel of the photo, each float32 (S, S)."""
    cell = max(2, -(-pose.size_px // MAP_CELLS))
    num_nodes = -(-pose.size_px // cell) + 2
    # One cell more on each side, because the interpolation does not reach beyond the outer nodes.
    nodes = (np.arange(num_nodes) - 0.5) * cell - 0.5
    columns, rows = np.meshgrid(nodes, nodes)
    x, y, w = np.einsum("ij,jkl->ikl", to_page, np.stack([columns, rows, np.ones_like(rows)]))
    x, y = x / w, y / w
    if bend.axis == 0:
        y = y + _offset(bend, x - (pose.width_px - 1) / 2, pose.width_px)
    else:
        x = x + _offset(bend, y - (pose.height_px - 1) / 2, pose.height_px)
    inside = slice(cell, cell + pose.size_px)
    size = (num_nodes * cell, num_nodes * cell)
    full_x, full_y = (cv2.resize(v.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) for v in (x, y))
    return full_x[inside, inside], full_y[inside, inside]


def _offset(bend: Bend, along: np.ndarray, length_px: int) -> np.ndarray:
    steps = np.linspace(-0.5, 0.5, len(bend.offset))
    return np.asarray(np.interp(along / length_px, steps, bend.offset))


def _shaded(page: np.ndarray, bend: Bend) -> np.ndarray:
    """Darken the paper where it leans away from the light."""
    levels = np.clip(np.rint(255 * bend.shade), 0, 255).astype(np.uint8)
    line = levels[None, :] if bend.axis == 0 else levels[:, None]
    light = cv2.resize(line, (page.shape[1], page.shape[0]), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(page, cv2.merge([light, light, light]), scale=1 / 255)


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
