"""The plots of the curves: training and validation by epoch, and the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from munseo._locale import Texts
from munseo._report.facts import Facts
from munseo._report.number_formats import rate
from munseo._report.plots import Plot, Theme, drawing, plain_axes, png

WIDTH_IN, HEIGHT_IN, LOSS_HEIGHT_IN = 4.2, 2.6, 5.55
LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 0.72, 0.8, 0.54, 0.54
"""The margins are the same in all three plots, so that their axes are aligned when they are side by side."""

LABEL_APART = 0.09
"""The distance of labels at the ends of lines, as a fraction of the axes' height."""


def draw_loss(facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw the loss, and below it the learning rate that the optimiser used, as PNG."""
    with drawing(theme):
        figure = Figure(figsize=(WIDTH_IN, LOSS_HEIGHT_IN))
        _place(figure, LOSS_HEIGHT_IN)
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [2.9, 1], "hspace": 0.27})
        _draw_metric(upper, facts, "loss", texts, theme)
        _draw_rate(lower, facts, texts, theme)
        lower.set_xlabel(texts("plot.epoch"), labelpad=6)
        return png(figure, theme, tight=False)


def draw_metric(metric: str, facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw ``accuracy`` or ``macro_f1`` as PNG."""
    with drawing(theme):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
        _place(figure, HEIGHT_IN)
        axes = figure.subplots()
        _draw_metric(axes, facts, metric, texts, theme)
        axes.set_xlabel(texts("plot.epoch"), labelpad=6)
        return png(figure, theme, tight=False)


def _place(figure: Figure, height_in: float) -> None:
    figure.subplots_adjust(LEFT_IN / WIDTH_IN, BOTTOM_IN / height_in, 1 - RIGHT_IN / WIDTH_IN, 1 - TOP_IN / height_in)


def _draw_metric(axes: Axes, facts: Facts, metric: str, texts: Texts, theme: Theme) -> None:
    plain_axes(axes, theme)
    title = {"loss": "plot.loss", "accuracy": "plot.accuracy", "macro_f1": "plot.f1"}[metric]
    axes.set_title(texts(title), loc="left", fontsize=11.5, fontweight="bold", pad=18)
    parts = {"train": theme.train, "val": theme.val}
    if all(f"val_shifted_{metric}" in table for table in facts.curves):
        parts["val_shifted"] = theme.shifted
    for part, color in parts.items():
        for table in facts.curves:
            _line(axes, table, f"{part}_{metric}", color, 1.5 if part == "train" else 2.0)
    _limit(axes, facts.curves, metric)
    for part, color in parts.items():
        if part != "train":
            _mark_best(axes, facts, f"{part}_{metric}", color, theme)
    _name_best(axes, facts, texts, theme)
    ends = []
    for part, color in parts.items():
        last = float(np.mean([table[f"{part}_{metric}"].iloc[-1] for table in facts.curves]))
        ends.append((last, texts(f"plot.{part}"), color))
    _label_ends(axes, ends)


def _line(axes: Axes, table: pd.DataFrame, column: str, color: str, width: float) -> None:
    markers: dict[str, Any] = {"marker": "o", "markersize": 3.2} if len(table) <= 12 else {}
    axes.plot(table["epoch"] + 1, table[column], color=color, linewidth=width, solid_capstyle="round", **markers)


def _limit(axes: Axes, curves: Sequence[pd.DataFrame], metric: str) -> None:
    """Show whole epochs; a metric's axis stays within 0 and 1, and that of the loss begins at 0."""
    last = max(float(table["epoch"].max()) for table in curves) + 1
    axes.set_xlim(1 - 0.02 * last, last + 0.02 * last)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    low, high = axes.get_ylim()
    if metric == "loss":
        axes.set_ylim(0, high)
    else:
        axes.set_ylim(max(0.0, low), min(1.0, high) if high > 0.9 else high)
        axes.set_ylim(top=axes.get_ylim()[1] + 0.004)


def _mark_best(axes: Axes, facts: Facts, column: str, color: str, theme: Theme) -> None:
    """Draw a ring on each line at its best epoch."""
    for table, best in zip(facts.curves, facts.best_epochs, strict=True):
        row = table[table["epoch"] == best]
        if not row.empty:
            x = float(row["epoch"].iloc[0]) + 1
            axes.plot(x, row[column], "o", markersize=6.5, markerfacecolor=theme.paper, markeredgecolor=color,
                      markeredgewidth=1.8, zorder=5)  # fmt: skip


def _name_best(axes: Axes, facts: Facts, texts: Texts, theme: Theme) -> None:
    """Write the number of the best epoch, if there is only one curve."""
    if len(facts.curves) != 1 or facts.best_epochs[0] is None:
        return
    if facts.best_epochs[0] not in facts.curves[0]["epoch"].tolist():
        return
    x = float(facts.best_epochs[0]) + 1
    axes.axvline(x, color=theme.faint, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    align = "right" if x > 0.75 * axes.get_xlim()[1] else "left" if x < 0.25 * axes.get_xlim()[1] else "center"
    text, above = texts("plot.best", epoch=int(x)), (x, 1.02)
    axes.annotate(text, above, xycoords=("data", "axes fraction"), fontsize=8.5, color=theme.faint, ha=align)


def _label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Name the lines where they end, instead of a legend; labels that would overlap move apart."""
    low, high = axes.get_ylim()
    known = [(value, text, color) for value, text, color in ends if value == value]
    shown = [(min(max((value - low) / (high - low), 0.0), 1.0), text, color) for value, text, color in known]
    for y, text, color in _apart(shown):
        axes.annotate(
            text, (1.015, y), xycoords="axes fraction", color=color, fontsize=9.5, fontweight="bold", va="center"
        )


def _apart(ends: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Move labels of neighbouring heights away from their common middle, group by group."""
    groups = [[end] for end in sorted(ends, key=lambda end: end[0])]
    heights = [end[0] for group in groups for end in group]
    index = 0
    while index < len(groups) - 1:
        upper, lower = heights[index + 1], heights[index]
        room = LABEL_APART * (len(groups[index]) + len(groups[index + 1])) / 2
        if upper - lower >= room:
            index += 1
            continue
        groups[index] += groups.pop(index + 1)
        del heights[index + 1]
        heights[index] = sum(end[0] for end in groups[index]) / len(groups[index])
        index = max(index - 1, 0)  # the group has grown downwards too
    return [
        (middle + (number - (len(group) - 1) / 2) * LABEL_APART, *end[1:])
        for group, middle in zip(groups, heights, strict=True)
        for number, end in enumerate(group)
    ]


def _draw_rate(axes: Axes, facts: Facts, texts: Texts, theme: Theme) -> None:
    plain_axes(axes, theme)
    axes.set_title(texts("plot.rate"), loc="left", fontsize=9.5, color=theme.faint, pad=7)
    for table in facts.curves:
        _line(axes, table, "lr", theme.val, 1.4)
    highest = max(float(table["lr"].max()) for table in facts.curves)
    configured = facts.rates.configured
    if configured is not None:
        axes.axhline(configured, color=theme.faint, linewidth=0.9, linestyle=(0, (2, 2)))
        text = texts("plot.configured", rate=rate(configured))
        axes.annotate(text, (1, configured), xycoords=("axes fraction", "data"), xytext=(0, 3),
                      textcoords="offset points", ha="right", va="bottom", fontsize=8, color=theme.faint)  # fmt: skip
    axes.set_ylim(0, 1.35 * max(highest, configured or 0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value) if value else "0"))


_DRAW: dict[str, Callable[[Facts, Texts, Theme], bytes]] = {
    "loss": draw_loss,
    "accuracy": partial(draw_metric, "accuracy"),
    "f1": partial(draw_metric, "macro_f1"),
}
CURVE_PLOTS = {
    name: Plot(
        f"{name}_plot.png", draw, lambda facts: bool(facts.curves), ("curves", "best_epochs", "rates.configured")
    )
    for name, draw in _DRAW.items()
}
"""The plots; the text ``curves.caption_KEY`` is the caption of each."""
