"""The canvas that pages are drawn on, measured in units that do not depend on the resolution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from munseo._packages import package_folder
from munseo._synth.random_draws import RGB

Align = Literal["left", "middle", "right"]

LINE_PITCH = 1.45
"""Distance between two baselines, as a multiple of the letter size."""


class Canvas:
    """A rectangle of paper (or plastic, or scenery) to draw on.

    All positions and sizes are in units; a sheet of A4 is 700 × 990 units. The origin is the top left corner.

        >>> canvas = Canvas(700, 990, px_per_unit=0.5, colour=(255, 255, 255))
        >>> canvas.text(350, 80, "진단서", size=30, colour=(0, 0, 0), weight="bold", anchor="mm")
        >>> canvas.pixels().shape
        (495, 350, 3)

    Args:
        width: Width in units.
        height: Height in units.
        px_per_unit: Resolution in pixels per unit.
        colour: Colour of the empty canvas.
    """

    def __init__(self, width: float, height: float, px_per_unit: float, colour: RGB) -> None:
        self.width = width
        self.height = height
        self.px_per_unit = px_per_unit
        self.image = Image.new("RGB", (self.px(width), self.px(height)), colour)
        self.pen = ImageDraw.Draw(self.image)

    def px(self, units: float) -> int:
        """Convert a length to whole pixels, at least one."""
        return max(1, round(units * self.px_per_unit))

    def pixels(self) -> np.ndarray:
        """Return the canvas as uint8 RGB (H, W, 3)."""
        return np.asarray(self.image)

    def length(self, text: str, size: float, weight: Weight = "regular") -> float:
        """Return the length of a line of text, in units."""
        return font(weight, self.px(size)).getlength(text) / self.px_per_unit

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: RGB,
        weight: Weight = "regular",
        anchor: str = "lm",
        fit: float | None = None,
    ) -> None:
        """Write one line.

        ``anchor`` says what is at (x, y) in Pillow's two letters: (l)eft, (m)iddle, (r)ight and then (m)iddle,
        b(s)aseline and so on. A line that is longer than ``fit`` shrinks its letters until it fits.
        """
        if fit is not None:
            size = self.fitting(text, size, weight, fit)
        place = (x * self.px_per_unit, y * self.px_per_unit)
        self.pen.text(place, text, fill=colour, font=font(weight, self.px(size)), anchor=anchor)

    def fitting(self, text: str, size: float, weight: Weight, width: float) -> float:
        """Return the largest size up to ``size`` at which the line fits into ``width``; at least one pixel."""
        while self.px(size) > 1 and self.length(text, size, weight) > width:
            size *= 0.93
        return size

    def wrap(self, text: str, size: float, weight: Weight, width: float) -> list[str]:
        """Break a text into lines no longer than ``width``: at spaces, and within words that are too long."""
        lines: list[str] = []
        for paragraph in text.split("\n"):
            line = ""
            for word in paragraph.split(" "):
                longer = f"{line} {word}" if line else word
                if self.length(longer, size, weight) <= width:
                    line = longer
                    continue
                if line:
                    lines.append(line)
                line = word
                while len(line) > 1 and self.length(line, size, weight) > width:
                    head = max(1, int(len(line) * width / self.length(line, size, weight)))
                    lines.append(line[:head])
                    line = line[head:]
            lines.append(line)
        return lines

    def text_in(
        self,
        box: tuple[float, float, float, float],
        text: str,
        size: float,
        colour: RGB,
        weight: Weight = "regular",
        align: Align = "left",
        top: bool = False,
    ) -> None:
        """Write a text of one or more lines into a box ``(x0, y0, x1, y1)``, shrinking the letters until it fits."""
        if not text:
            return
        x0, y0, x1, y1 = box
        lines = self.wrap(text, size, weight, x1 - x0)
        while self.px(size) > 3 and self._overflows(lines, size, weight, x1 - x0, y1 - y0):
            size *= 0.92
            lines = self.wrap(text, size, weight, x1 - x0)
        pitch = size * LINE_PITCH
        first = y0 + pitch / 2 if top else (y0 + y1 - pitch * (len(lines) - 1)) / 2
        x, anchor = {"left": (x0, "lm"), "middle": ((x0 + x1) / 2, "mm"), "right": (x1, "rm")}[align]
        for number, line in enumerate(lines):
            self.text(x, first + number * pitch, line, size, colour, weight, anchor)

    def _overflows(self, lines: Sequence[str], size: float, weight: Weight, width: float, height: float) -> bool:
        too_high = (len(lines) - 1) * size * LINE_PITCH + size > height
        return too_high or any(self.length(line, size, weight) > width for line in lines)

    def line(self, points: Sequence[tuple[float, float]], colour: RGB, width: float = 1.0) -> None:
        """Draw a line through points."""
        scaled = [(x * self.px_per_unit, y * self.px_per_unit) for x, y in points]
        self.pen.line(scaled, fill=colour, width=self.px(width), joint="curve")

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: RGB | None = None,
        outline: RGB | None = None,
        width: float = 1.0,
        radius: float = 0.0,
    ) -> None:
        """Draw a rectangle, with round corners if ``radius`` is given."""
        corners = self._corners(x0, y0, x1, y1)
        line_px = self.px(width) if outline else 0
        # Where a rectangle is hardly larger than its corners, Pillow refuses to round them.
        if radius and min(x1 - x0, y1 - y0) * self.px_per_unit > 2 * max(radius * self.px_per_unit, line_px) + 3:
            self.pen.rounded_rectangle(corners, radius * self.px_per_unit, fill, outline, line_px)
        else:
            self.pen.rectangle(corners, fill, outline, line_px)

    def ellipse(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: RGB | None = None,
        outline: RGB | None = None,
        width: float = 1.0,
    ) -> None:
        """Draw an ellipse that fills the rectangle."""
        self.pen.ellipse(self._corners(x0, y0, x1, y1), fill, outline, self.px(width) if outline else 0)

    def polygon(self, points: Sequence[tuple[float, float]], fill: RGB) -> None:
        """Draw a filled polygon."""
        self.pen.polygon([(x * self.px_per_unit, y * self.px_per_unit) for x, y in points], fill)

    def print_mask(self, mask: Image.Image, x: float, y: float, colour: RGB, opacity: float) -> None:
        """Print a colour through a grey mask with its middle at (x, y), like ink that lets the paper show through."""
        corner = (round(x * self.px_per_unit - mask.width / 2), round(y * self.px_per_unit - mask.height / 2))
        self.image.paste(colour, corner, mask.point([round(level * opacity) for level in range(256)]))

    def _corners(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        scale = self.px_per_unit
        return x0 * scale, y0 * scale, x1 * scale, y1 * scale


Weight = Literal["light", "regular", "bold", "black"]

_FACES: dict[Weight, str] = {"light": "Light", "regular": "", "bold": "Bold", "black": "ExtraBold"}


@lru_cache(maxsize=512)
def font(weight: Weight, size_px: int) -> ImageFont.FreeTypeFont:
    """Return a font in a size; opening one costs about a millisecond, so fonts are kept."""
    # The package is located but not imported: importing it would load matplotlib, half a second in every worker.
    folder = package_folder("koreanize_matplotlib")
    assert folder is not None, "koreanize-matplotlib is a dependency of munseo"
    file = folder / "fonts" / f"NanumGothic{_FACES[weight]}.ttf"
    # The basic layout draws Hangul as well as the complex one does, in half the time, and needs no libraqm.
    return ImageFont.truetype(str(file), size_px, layout_engine=ImageFont.Layout.BASIC)
