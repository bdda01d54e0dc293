"""Pictures of the run folder, read back with the distrust that files deserve."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from munseo.errors import UserError

MAX_WIDTH_PX = 1600
QUALITY = 82


def read_picture(file: Path) -> Image.Image:
    """Decode a PNG or JPEG to RGB.

    Raises:
        UserError: It is neither, or damaged.
    """
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{file}: not a whole picture ({error}); delete it, and the report does without it.") from None


def shrunk(file: Path) -> bytes:
    """The picture as JPEG, at most 1600 px wide: a sheet of pages takes a fifth of its PNG."""
    image = read_picture(file)
    if image.width > MAX_WIDTH_PX:
        height = max(1, round(image.height * MAX_WIDTH_PX / image.width))
        image = image.resize((MAX_WIDTH_PX, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()
