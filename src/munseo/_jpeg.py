"""Encoding pictures as JPEG."""

from __future__ import annotations

import cv2
import numpy as np


def encode_jpeg(image: np.ndarray, quality: int = 84) -> bytes:
    """Encode a picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        quality: From 0 to 100; the default is that of the web page.
    """
    encoded, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert encoded, "a picture of ordinary size and type can be encoded"
    return data.tobytes()
