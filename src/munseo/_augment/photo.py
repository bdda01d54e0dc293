"""Damages of the photograph: uneven light, exposure, lens, sensor, covered areas and the file format."""

from __future__ import annotations

import math
from statistics import NormalDist

import cv2
import numpy as np

from munseo._augment.transforms import REFERENCE_PX, coordinate_grid, multiply, tone
from munseo._jpeg import encode_jpeg

LIGHT_CELLS = 40
"""Resolution of fields of light. Shadows have edges about an eighth of this wide, and coarser steps would show."""
MAX_BLUR_PX = 2.0
MAX_MOTION_PX = 7.0
MAX_NOISE = 45.0
"""Standard deviation of the noise at severity 1, in grey levels."""
QUANTILE_SCALE = 40.0
_QUANTILES = np.array([128 + QUANTILE_SCALE * NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)])
NORMAL = np.clip(np.rint(_QUANTILES), 0, 255).astype(np.uint8)
"""Table from uniformly to normally distributed bytes: the quantiles of the normal distribution around 128."""


def gradient(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Let the light fall off to one side, or from a lamp to all sides, down to a third."""
    x, y = coordinate_grid(LIGHT_CELLS, image.shape)
    direction, power = rng.uniform(0, 2 * math.pi), rng.uniform(0.8, 1.8)
    lamp_x, lamp_y = rng.uniform(-0.7, 0.7, 2)
    if rng.random() < 0.6:
        cos, sin = math.cos(direction), math.sin(direction)
        far = ((x * cos + y * sin) / (abs(cos) + abs(sin)) + 1) / 2
    else:
        far = np.hypot(x - lamp_x, y - lamp_y)
        far = far / far.max()
    return multiply(image, 1 - 0.68 * severity * np.clip(far, 0, 1) ** power)


def shadow(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cast a shadow: a soft edge across the image, or the shape of a hand or a phone."""
    x, y = coordinate_grid(LIGHT_CELLS, image.shape)
    direction, softness = rng.uniform(0, 2 * math.pi), rng.uniform(0.06, 0.3)
    away, ripple, phase = rng.uniform(-0.5, 0.4), rng.uniform(0, 0.2), rng.uniform(0, 2 * math.pi)
    wide, high = rng.uniform(0.4, 0.9), rng.uniform(0.25, 0.6)
    along = x * math.cos(direction) + y * math.sin(direction)
    across = y * math.cos(direction) - x * math.sin(direction)
    if rng.random() < 0.6:
        depth = along - away + ripple * np.sin(3 * across + phase)
    else:
        depth = 0.5 * (1 - np.hypot((along - 0.6) / wide, (across - away) / high))
    covered = 1 / (1 + np.exp(-np.clip(6 * depth / softness, -30, 30)))
    return multiply(image, 1 - 0.6 * severity * covered)


def darkness(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Underexpose, down to 35 % of the light."""
    return _scaled(image, 1 - 0.65 * severity, 0.0)


def brightness(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Overexpose: add up to 90 grey levels."""
    return tone(image, offset=90 * severity)


def contrast(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Lower the contrast by up to 70 %, towards a grey between 90 and 200."""
    kept, grey = 1 - 0.7 * severity, rng.uniform(90, 200)
    return _scaled(image, kept, (1 - kept) * grey)


def _scaled(image: np.ndarray, gain: float, offset: float) -> np.ndarray:
    """Compute ``gain · pixel + offset``."""
    return tone(image, gain=gain, offset=offset + 127.5 * (gain - 1))


def focus_blur(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Put the image out of focus: a Gaussian with a sigma of up to 2 px at 320 px."""
    sigma = MAX_BLUR_PX * severity * image.shape[0] / REFERENCE_PX
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.1 else image


def motion_blur(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Move the camera during the exposure by up to 7 px at 320 px, in any direction."""
    direction = rng.uniform(0, math.pi)
    return cv2.filter2D(image, -1, _line_kernel(MAX_MOTION_PX * severity * image.shape[0] / REFERENCE_PX, direction))


def _line_kernel(length_px: float, direction: float) -> np.ndarray:
    """Return the kernel of a straight line with soft edges; its sum is 1."""
    reach = math.ceil(length_px / 2)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    along = np.abs(x * math.cos(direction) + y * math.sin(direction))
    across = np.abs(y * math.cos(direction) - x * math.sin(direction))
    kernel: np.ndarray = np.clip(1 - np.hypot(across, np.maximum(along - length_px / 2, 0)), 0, None)
    kernel = kernel[kernel.any(axis=1)][:, kernel.any(axis=0)]
    return np.asarray(kernel / kernel.sum())


def noise(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Add sensor noise with a standard deviation of up to 45 grey levels, grey or coloured, in fine or coarse grain.

    The bytes of the generator, looked up in a table of normal quantiles, are an eighth of the cost of normal numbers.
    """
    size = image.shape[0]
    coloured, coarse = rng.random() < 0.4, rng.random() < 0.25
    side, channels = (-(-size // 2) if coarse else size), (3 if coloured else 1)
    grain: np.ndarray = np.frombuffer(rng.bytes(side * side * channels), np.uint8).reshape(side, side, channels)
    grain = cv2.LUT(grain, NORMAL)
    if coarse:
        grain = cv2.resize(grain, (size, size), interpolation=cv2.INTER_CUBIC)
    if not coloured:
        grain = cv2.merge([grain, grain, grain])
    amount = MAX_NOISE * severity / QUANTILE_SCALE
    return cv2.addWeighted(image, 1.0, grain, amount, -128 * amount)


def rescale(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Send the image as a thumbnail: shrink it to as little as 30 % of the side, and enlarge it again."""
    size = image.shape[0]
    small = max(4, round(size * (1 - 0.7 * severity)))
    down = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
    up = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    return cv2.resize(cv2.resize(image, (small, small), interpolation=down), (size, size), interpolation=up)


def occlusion(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cover up to a quarter of the image with one to three upright boxes of one grey: redactions, stickers."""
    covered = image.copy()
    size = image.shape[0]
    num_boxes = int(rng.integers(1, 4))
    for _ in range(num_boxes):
        area, shape = severity * rng.uniform(0.3, 1.0) * 0.25 / num_boxes, math.exp(rng.uniform(-0.9, 0.9))
        height, width = (min(size, round(size * (area * s) ** 0.5)) for s in (shape, 1 / shape))
        grey = (0, 255, int(rng.integers(256)))[int(rng.integers(3))]
        top, left = (int(rng.random() * (size - side + 1)) for side in (height, width))
        covered[top : top + height, left : left + width] = grey
    return covered


def jpeg(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Save the image as JPEG, with a quality from 95 down to 8."""
    quality = round(95 - 87 * severity)
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(image, quality), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV reads the JPEG that it has just written"
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
