"""Line charts as SVG: drawn by the server, coloured by the page's style, light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 64, 92, 14, 30


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        label: Stands at its end.
        values: By epoch, from the first on; NaN where there is none.
        tone: Number of its colour.
    """

    label: str
    values: Sequence[float]
    tone: int = 0


def line_chart(title: str, series: Sequence[Series], x_label: str) -> Markup:
    """A chart of lines over epochs.

    Args:
        title: Says what the lines are, to those who do not see them too.
        series: Lines; those without a value are left out.
        x_label: Under the axis.
    """
    drawn = [one for one in series if any(map(math.isfinite, one.values))]
    if not drawn:
        return Markup("")
    finite = [value for one in drawn for value in one.values if math.isfinite(value)]
    ticks = _ticks(min(finite), max(finite))
    num = max(len(one.values) for one in drawn)
    frame = _Frame(ticks[0], ticks[-1], num)
    parts = [_grid(frame, ticks), _epochs(frame, num, x_label)]
    ends = _spread([frame.y(_last(one.values)) for one in drawn])
    for one, end in zip(drawn, ends, strict=True):
        told = [(n, v) for n, v in enumerate(one.values) if math.isfinite(v)]
        points = [(frame.x(n), frame.y(v)) for n, v in told]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        tone = f"tone{one.tone % 6}"
        parts.append(
            Markup('<polyline class="{}" points="{}"/><circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(
                tone, line, tone, *points[-1]
            )
        )
        parts += [
            Markup('<circle class="said" cx="{:.1f}" cy="{:.1f}" r="7"><title>{}</title></circle>').format(
                x, y, f"{one.label}, {x_label} {n + 1}: {v:.4g}"
            )
            for (n, v), (x, y) in zip(told, points, strict=True)
        ]
        parts.append(
            Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
                tone, WIDTH - RIGHT + 8, end + 4, _short(one.label)
            )
        )
    ends_at = "; ".join(f"{one.label} {_last(one.values):.4g}" for one in drawn)
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
    """Three to seven round values around all that is drawn."""
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
    marks = Markup("").join(
        Markup('<text class="tick x" x="{:.1f}" y="{}">{}</text>').format(frame.x(n), HEIGHT - 10, n + 1)
        for n in range(0, num, step)
    )
    return marks + Markup('<text class="tick" x="{}" y="{}">{}</text>').format(
        WIDTH - RIGHT + 8, HEIGHT - 10, escape(label)
    )


def _spread(places: list[float]) -> list[float]:
    """Labels at least a line apart, in their order."""
    order = sorted(range(len(places)), key=lambda n: places[n])
    spread, below = list(places), -math.inf
    for n in order:
        spread[n] = below = max(places[n], below + 15)
    over = max(spread) - (HEIGHT - BOTTOM) if spread else 0
    return [place - max(over, 0) for place in spread]


def _last(values: Sequence[float]) -> float:
    return next(value for value in reversed(values) if math.isfinite(value))


def _short(label: str) -> str:
    return label if len(label) <= 14 else label[:13] + "…"
