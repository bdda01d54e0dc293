"""The report as one HTML file: pictures, style and font inside, no script, nothing fetched from anywhere."""

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


def render_html(document: ReportDocument) -> str:
    """Render; everything that came from the run is escaped."""
    page = environment().get_template("report.html.j2").render(document=document)
    font = hangul_font(page)
    return page.replace(FONT_PLACE, _font_face(font) if font else "", 1)


def environment(*folders: Path) -> Environment:
    """Templates of some folders over those of reports, with their filters; whatever is filled in is escaped."""
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
    """Escape a sentence and set what stands in backticks as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def yaml_code(text: str) -> Markup:
    """Escape YAML and set its comments apart."""
    pattern = re.compile(r"^(.*?)((?:^|  )# .*)?$")
    lines = []
    for line in text.splitlines():
        found = pattern.match(line)
        code, comment = found.groups() if found else (line, None)
        lines.append(escape(code) + (Markup("<i>{}</i>").format(comment) if comment else ""))
    return Markup("\n").join(lines)


def data_uri(image: bytes) -> str:
    """The picture as a URL that holds it."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def size_px(image: bytes) -> tuple[int, int]:
    """Width and height, so that a page does not jump while it loads."""
    with Image.open(io.BytesIO(image), formats=("PNG", "JPEG")) as opened:
        return opened.size


def share(value: str) -> str:
    """A cell's value in [0, 1] as a CSS percentage; nothing for what is not a number."""
    return f"{100 * min(max(float(value), 0), 1):.1f}%" if re.fullmatch(r"\d+(\.\d+)?", value) else "0%"


def scale(interval: Interval) -> dict[str, object]:
    """Places on the interval's axis in per cent; the axis ends at 1 and begins a step below the lowest value."""
    ticks, place = _axis([interval.low, *(mark for _, mark in interval.marks)])
    return {
        "ticks": ticks,
        "low": place(interval.low),
        "width": round(place(interval.high) - place(interval.low), 2),
        "value": place(interval.value),
        "marks": [(label, f"{mark:.4f}", place(mark)) for label, mark in interval.marks],
    }


def scales(intervals: Intervals) -> dict[str, object]:
    """The same for several scores on one axis."""
    ticks, place = _axis([value for row in intervals.rows for value in (row.value, *(row.interval or ()))])
    rows = []
    for row in intervals.rows:
        low, high = row.interval or (row.value, row.value)
        band = {"low": place(low), "width": round(place(high) - place(low), 2)} if row.interval else None
        span = f"{low:.4f}–{high:.4f}" if row.interval else ""
        text = {"text": f"{row.value:.4f}", "span": span}
        rows.append({"label": row.label, "tone": row.tone, "value": place(row.value), "band": band, **text})
    return {"ticks": ticks, "rows": rows}


def _axis(values: Sequence[float]) -> tuple[list[tuple[str, float]], Callable[[float], float]]:
    """Ticks with their places, and the function that places a value."""
    lowest = min(values)
    step = 0.05 if lowest > 0.7 else 0.1 if lowest > 0.3 else 0.2
    start = max(0.0, (math.floor(lowest / step + 1e-9) - (0 if lowest % step > step / 3 else 1)) * step)

    def place(value: float) -> float:
        return round(100 * (value - start) / (1 - start), 2)

    num_ticks = round((1 - start) / step)
    return [(f"{start + step * number:.2f}", place(start + step * number)) for number in range(num_ticks + 1)], place


def _font_face(font: bytes) -> str:
    source = f"url(data:font/woff;base64,{base64.b64encode(font).decode()}) format('woff')"
    letters = "U+1100-11FF, U+3130-318F, U+AC00-D7A3"
    return f"@font-face {{ font-family: 'Munseo Hangul'; src: {source}; unicode-range: {letters}; }}"
