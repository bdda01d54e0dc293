"""From a drawn page to a clean scan: slightly askew, unevenly lit, a little noise."""

from __future__ import annotations

import cv2
import numpy as np

from munseo.specimens.draws import between, chance


def scan(rng: np.random.Generator, page: np.ndarray) -> np.ndarray:
    """Scan or photograph a page, carefully.

    Args:
        rng: Where all chance comes from.
        page: uint8 RGB (H, W, 3).

    Returns:
        The scan, of the same shape: turned by 3° at most, up to a fifth darker, with noise of 1 to 4 levels.
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
