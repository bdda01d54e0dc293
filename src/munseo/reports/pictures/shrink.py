"""A large picture made small enough to travel inside a report."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

MAX_WIDTH_PX = 1600
QUALITY = 82


def shrunk(file: Path) -> bytes:
    """The picture as JPEG, at most 1600 px wide: a sheet of pages takes a fifth of its PNG."""
    with Image.open(file, formats=("PNG", "JPEG")) as image:
        image.draft("RGB", (MAX_WIDTH_PX, MAX_WIDTH_PX))
        small = image.convert("RGB")
    if small.width > MAX_WIDTH_PX:
        height = max(1, round(small.height * MAX_WIDTH_PX / small.width))
        small = small.resize((MAX_WIDTH_PX, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()
