"""Line charts as SVG: the server draws them, and the style of the page gives them light or dark colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 440, 230
"""Size of a chart, in units of the SVG."""
LEFT, RIGHT, TOP, BOTTOM = 64, 92, 14, 30
_LINE = Markup('<polyline class="{}" points="{}"/><circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
_HOVER = Markup('<circle class="hover" cx="{:.1f}" cy="{:.1f}" r="7"><title>{}</title></circle>')
_LABEL = Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>')
_TICK = Markup('<text class="tick x" x="{:.1f}" y="{}">{}</text>')


@dataclass(frozen=True)
class Series:
    """A line of a chart with a value for each epoch, NaN where there is none; ``tone`` is the number of its colour."""

    label: str
    values: Sequence[float]
    tone: int = 0


def line_chart(title: str, series: Sequence[Series], x_label: str) -> Markup:
    """Draw a chart of lines over epochs; lines without a finite value are left out. Screen readers read the title."""
    drawn = [line for line in series if any(map(math.isfinite, line.values))]
    if not drawn:
        return Markup("")
    finite = [value for line in drawn for value in line.values if math.isfinite(value)]
    ticks = _ticks(min(finite), max(finite))
    num = max(len(line.values) for line in drawn)
    frame = _Frame(ticks[0], ticks[-1], num)
    parts = [_grid(frame, ticks), _epochs(frame, num, x_label)]
    ends = _spread([frame.y(_last(line.values)) for line in drawn])
    for line, end in zip(drawn, ends, strict=True):
        values = [(n, v) for n, v in enumerate(line.values) if math.isfinite(v)]
        points = [(frame.x(n), frame.y(v)) for n, v in values]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        tone = f"tone{line.tone % 6}"
        label = line.label if len(line.label) <= 14 else line.label[:13] + "…"
        parts += [
            _LINE.format(tone, path, tone, *points[-1]),
            *(
                _HOVER.format(x, y, f"{line.label}, {x_label} {n + 1}: {v:.4g}")
                for (n, v), (x, y) in zip(values, points, strict=True)
            ),
            _LABEL.format(tone, WIDTH - RIGHT + 8, end + 4, label),
        ]
    ends_at = "; ".join(f"{line.label} {_last(line.values):.4g}" for line in drawn)
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, f"{title}: {ends_at}", Markup("").join(parts)
    )


@dataclass(frozen=True)
class _Frame:
    low: float
    high: float
    num: int

    def x(self, epoch: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * epoch / max(self.num - 1, 1)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)


def _ticks(low: float, high: float) -> list[float]:
    """Return three to seven round values that enclose all values."""
    span = (high - low) or abs(high) or 1.0
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _grid(frame: _Frame, ticks: Sequence[float]) -> Markup:
    return Markup("").join(
        Markup(
            '<line x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/><text class="tick y" x="{}" y="{:.1f}">{}</text>'
        ).format(LEFT, WIDTH - RIGHT, LEFT - 8, frame.y(tick) + 4, f"{tick:.6g}", y=frame.y(tick))
        for tick in ticks
    )


def _epochs(frame: _Frame, num: int, label: str) -> Markup:
    step = max(1, math.ceil(num / 8))
    marks = Markup("").join(_TICK.format(frame.x(n), HEIGHT - 10, n + 1) for n in range(0, num, step))
    return marks + Markup('<text class="tick" x="{}" y="{}">{}</text>').format(
        WIDTH - RIGHT + 16, HEIGHT - 10, escape(label)
    )


def _spread(heights: list[float]) -> list[float]:
    """Move the heights of labels apart, so that they are at least a line apart and keep their order."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    spread, previous = list(heights), -math.inf
    for n in order:
        spread[n] = previous = max(heights[n], previous + 15)
    too_low = max(spread) - (HEIGHT - BOTTOM) if spread else 0
    return [height - max(too_low, 0) for height in spread]


def _last(values: Sequence[float]) -> float:
    return next(value for value in reversed(values) if math.isfinite(value))
