"""The report as one HTML file that contains its pictures, style and font; it has no script and fetches nothing."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from munseo._report.blocks import Interval, Intervals, ReportDocument
from munseo._report.fonts import hangul_font

TEMPLATES = Path(__file__).parent / "templates"
FONT_PLACE = "/* hangul */"
"""The comment in the style sheet that the font replaces."""


def render_html(document: ReportDocument) -> str:
    """Render a report as HTML; everything that comes from the run is escaped."""
    page = environment().get_template("report.html.j2").render(document=document)
    font = hangul_font(page)
    return page.replace(FONT_PLACE, _font_face(font) if font else "", 1)


def environment(*folders: Path) -> Environment:
    """Return the templates of some folders, then those of reports, with their filters; all values are escaped."""
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        inline=inline, yaml=yaml_code, data_uri=data_uri, size_px=size_px, scale=scale, scales=scales, share=share
    )
    return made


def inline(text: str) -> Markup:
    """Escape a sentence, and mark words in backticks as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def yaml_code(text: str) -> Markup:
    """Escape YAML, and mark its comments."""
    pattern = re.compile(r"^(.*?)((?:^|  )# .*)?$")
    lines = []
    for line in text.splitlines():
        found = pattern.match(line)
        code, comment = found.groups() if found else (line, None)
        lines.append(escape(code) + (Markup("<i>{}</i>").format(comment) if comment else ""))
    return Markup("\n").join(lines)


def data_uri(image: bytes) -> str:
    """Return a URL that contains the picture."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def size_px(image: bytes) -> tuple[int, int]:
    """Return width and height of a picture, so that a page does not jump while it loads."""
    with Image.open(io.BytesIO(image), formats=("PNG", "JPEG")) as opened:
        return opened.size


def share(value: str) -> str:
    """Return a cell's value in [0, 1] as a CSS percentage; 0% for what is not a number."""
    return f"{100 * min(max(float(value), 0), 1):.1f}%" if re.fullmatch(r"\d+(\.\d+)?", value) else "0%"


def scale(interval: Interval) -> dict[str, object]:
    """Return positions on an interval's axis in per cent; the axis goes from a step below the lowest value to 1."""
    ticks, position = _axis([interval.low, *(mark for _, mark in interval.marks)])
    return {
        "ticks": ticks,
        "low": position(interval.low),
        "width": round(position(interval.high) - position(interval.low), 2),
        "value": position(interval.value),
        "marks": [(label, f"{mark:.4f}", position(mark)) for label, mark in interval.marks],
    }


def scales(intervals: Intervals) -> dict[str, object]:
    """Return the same for several scores on one axis."""
    ticks, position = _axis([value for row in intervals.rows for value in (row.value, *(row.interval or ()))])
    rows = []
    for row in intervals.rows:
        low, high = row.interval or (row.value, row.value)
        band = {"low": position(low), "width": round(position(high) - position(low), 2)} if row.interval else None
        span = f"{low:.4f}–{high:.4f}" if row.interval else ""
        text = {"text": f"{row.value:.4f}", "span": span}
        rows.append({"label": row.label, "tone": row.tone, "value": position(row.value), "band": band, **text})
    return {"ticks": ticks, "rows": rows}


def _axis(values: Sequence[float]) -> tuple[list[tuple[str, float]], Callable[[float], float]]:
    """Return ticks with their positions, and the function that gives the position of a value."""
    lowest = min(values)
    step = 0.05 if lowest > 0.7 else 0.1 if lowest > 0.3 else 0.2
    start = max(0.0, (math.floor(lowest / step + 1e-9) - (0 if lowest % step > step / 3 else 1)) * step)
    start = min(start, 1 - step)  # The remainder of 1 is not exactly 0, and the axis would have no length.

    def position(value: float) -> float:
        return round(100 * (value - start) / (1 - start), 2)

    ticks = [start + step * number for number in range(round((1 - start) / step) + 1)]
    return [(f"{value:.2f}", position(value)) for value in ticks], position


def _font_face(font: bytes) -> str:
    """Return the rule of the embedded font; a machine's own Korean font is preferred."""
    own = ", ".join(f"local('{name}')" for name in ("Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR"))
    source = f"{own}, url(data:font/woff;base64,{base64.b64encode(font).decode()}) format('woff')"
    letters = "U+1100-11FF, U+3130-318F, U+AC00-D7A3"
    return f"@font-face {{ font-family: 'Munseo Hangul'; src: {source}; unicode-range: {letters}; }}"
