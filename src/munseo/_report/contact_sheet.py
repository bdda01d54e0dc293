"""Contact sheets: many small pages on one picture, each with a caption; and the reading of pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from munseo._errors import UserError
from munseo._report.fonts import font_file
from munseo._report.plots import LIGHT
from munseo._run.atomic import replacing

CELL_PX, GAP_PX, MARGIN_PX = 240, 20, 28
CAPTION_SIZE_PX, CAPTION_LINE_PX, MAX_CAPTION_LINES = 18, 24, 4
TITLE_SIZE_PX, TITLE_HEIGHT_PX = 24, 52


def save_sheet(
    path: Path, images: Sequence[np.ndarray], captions: Sequence[str], columns: int = 6, title: str | None = None
) -> None:
    """Write pages, uint8 RGB (H, W, 3) of any sizes, in rows as one PNG, which replaces an older one in one step.

    Each page is fitted into a square, never enlarged beyond it or cut. Captions keep line breaks, and long lines wrap.
    """
    assert len(images) == len(captions) > 0, "a sheet holds pages, each with a caption"
    # The regular face draws the arrow without its shaft at this size.
    font = ImageFont.truetype(font_file(bold=True), CAPTION_SIZE_PX)
    wrapped = [_wrap(caption, font) for caption in captions]
    columns = min(columns, len(images))
    rows = [range(start, min(start + columns, len(images))) for start in range(0, len(images), columns)]
    heights = [CELL_PX + 8 + CAPTION_LINE_PX * max(len(wrapped[index]) for index in row) + GAP_PX for row in rows]
    top = MARGIN_PX + (TITLE_HEIGHT_PX if title else 0)
    width = 2 * MARGIN_PX + columns * CELL_PX + (columns - 1) * GAP_PX
    sheet = Image.new("RGB", (width, top + sum(heights) - GAP_PX + MARGIN_PX), LIGHT.paper)
    draw = ImageDraw.Draw(sheet)
    if title:
        _draw_title(draw, title, width - 2 * MARGIN_PX)
    for row, height in zip(rows, heights, strict=True):
        for column, index in enumerate(row):
            left = MARGIN_PX + column * (CELL_PX + GAP_PX)
            _paste(sheet, draw, images[index], left, top)
            for number, line in enumerate(wrapped[index]):
                draw.text((left, top + CELL_PX + 8 + number * CAPTION_LINE_PX), line, font=font, fill=LIGHT.ink)
        top += height
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG", compress_level=6)


def _paste(sheet: Image.Image, draw: ImageDraw.ImageDraw, array: np.ndarray, left: int, top: int) -> None:
    """Fit a page into its square, with a hairline around it, since pages and paper are both white."""
    image = Image.fromarray(array)
    scale = CELL_PX / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)
    x, y = left + (CELL_PX - image.width) // 2, top + (CELL_PX - image.height) // 2
    sheet.paste(image, (x, y))
    draw.rectangle((x - 1, y - 1, x + image.width, y + image.height), outline="#d4d7db")


def _draw_title(draw: ImageDraw.ImageDraw, title: str, width: int) -> None:
    """Draw the title, smaller if it does not fit; a sheet of one page is narrow."""
    for size in range(TITLE_SIZE_PX, 9, -1):
        font = ImageFont.truetype(font_file(bold=True), size)
        if font.getlength(title) <= width:
            break
    draw.text((MARGIN_PX, MARGIN_PX - 4), title, font=font, fill=LIGHT.ink)


def _wrap(caption: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Break lines that are wider than a page, at spaces if possible."""
    lines: list[str] = []
    for line in caption.splitlines() or [""]:
        rest = line
        while font.getlength(rest) > CELL_PX:
            fits = next(end for end in range(len(rest), 0, -1) if font.getlength(rest[:end]) <= CELL_PX or end == 1)
            space = rest.rfind(" ", 0, fits + 1)
            cut = space if space > 0 else fits
            lines.append(rest[:cut])
            rest = rest[cut:].lstrip()
        lines.append(rest)
    if len(lines) > MAX_CAPTION_LINES:
        lines = [*lines[: MAX_CAPTION_LINES - 1], lines[MAX_CAPTION_LINES - 1][:-1] + "…"]
    return lines


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
    """Return the picture as JPEG, at most 1600 px wide; this takes a fifth of the PNG of a contact sheet."""
    image = read_picture(file)
    if image.width > MAX_WIDTH_PX:
        height = max(1, round(image.height * MAX_WIDTH_PX / image.width))
        image = image.resize((MAX_WIDTH_PX, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()
