"""The quality that a JPEG file was saved with, and the damage that comes of it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from munseo._augment.recipe import Entry

BEST, WORST = 95, 8
"""Qualities at severities 0 and 1 of the damage ``jpeg``."""
LOSSLESS = 100.0
NOTICEABLE = 5
LEAST_SHARE = 0.05

NUM_STEPS, SUM_AT_50 = 32, 898
"""The smaller half of the luminance table of Annex K of the JPEG standard (ITU-T T.81, 1992), which is quality 50; the
larger half is cut off at 255 in poor files."""


def jpeg_quality(data: bytes) -> float:
    """Quality of a file, 1 to 100, by the scale of the Independent JPEG Group; 100 for any other format.

    Args:
        data: The content of an image file that has been decoded already.
    """
    if not data.startswith(b"\xff\xd8"):
        return LOSSLESS
    tables = JpegImageFile(BytesIO(data)).quantization
    if not tables:
        return LOSSLESS
    factor = 100 * sum(sorted(tables[min(tables)])[:NUM_STEPS]) / SUM_AT_50
    return float(np.clip(round((200 - factor) / 2 if factor <= 100 else 5000 / factor), 1, 100))


def fit_jpeg(train: np.ndarray, test: np.ndarray, shrink: float) -> Entry | None:
    """The damage ``jpeg``, where test files were saved worse than train files.

    Args:
        train: (N,) qualities.
        test: (M,) qualities.
        shrink: Side of the page that a model sees over that of the file: shrinking heals that much.
    """
    worse = test < np.quantile(train, 0.05) - NOTICEABLE
    if worse.mean() < LEAST_SHARE:
        return None
    severity = np.clip((BEST - np.quantile(test[worse], (0.95, 0.05))) / (BEST - WORST) * min(1.0, shrink), 0, 1)
    return "jpeg", round(float(worse.mean()), 2), round(float(severity[0]), 2), round(float(severity[1]), 2)
