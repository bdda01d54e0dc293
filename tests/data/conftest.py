from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "fuzz"))  # files that are written by hand

Encode = Callable[..., bytes]


@pytest.fixture
def encoded() -> Encode:
    """Encode a Pillow image: its format and options to the bytes of a file."""

    def encode(image: Image.Image, format: str, **options: Any) -> bytes:
        stream = BytesIO()
        image.save(stream, format, **options)
        return stream.getvalue()

    return encode


@pytest.fixture
def picture() -> np.ndarray:
    """Smooth colours, different in every corner, so that any turn, mirroring or swapped channel is noticed."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([x * 255 // 39, y * 255 // 23, 255 - x * 127 // 39], 2).astype(np.uint8)


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """Make a data folder: tables by name as text or bytes, and images by path, which become small pages."""

    def make(images: list[str], **tables: str | bytes) -> Path:
        for number, name in enumerate(images):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            page = np.full((6, 8, 3), number * 7 % 256, np.uint8)
            path.write_bytes(cv2.imencode(".png", page)[1].tobytes())
        for name, content in tables.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / f"{name}.csv").write_bytes(data)
        return tmp_path

    return make
