"""Distributions of train, test and simulated pages, a panel a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from munseo.reports.pictures.style import LIGHT, Theme, drawing, png
from munseo.shift import MEASURES, Row

COLUMNS, PANEL_WIDTH_IN, PANEL_HEIGHT_IN, HEAD_IN = 4, 2.9, 1.75, 0.62
NUM_BINS = 36
EDGE_PERCENTILES = (0.5, 99.5)
ROOM = 2.2
"""A bin of very many pages, such as those without a box, is drawn at most so many times as high as the next."""


def shift_picture(
    rows: Sequence[Row],
    train: Mapping[str, np.ndarray],
    test: Mapping[str, np.ndarray],
    simulated: Mapping[str, np.ndarray],
) -> bytes:
    """Draw all measures, as PNG.

    Args:
        rows: The comparison.
        train: Measure to values of the train pages.
        test: The same of the test pages.
        simulated: The same of train pages under the fitted recipe; measures of files are missing.
    """
    theme = LIGHT
    about = {measure.name: measure for measure in MEASURES}
    shown = [row for row in rows if about[row.name].shown]
    num_rows = -(-len(shown) // COLUMNS)
    width, height = COLUMNS * PANEL_WIDTH_IN, num_rows * PANEL_HEIGHT_IN + HEAD_IN
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        figure.subplots_adjust(0.015, 0.3 / height, 0.985, 1 - (HEAD_IN + 0.32) / height, 0.12, 0.95)
        panels = figure.subplots(num_rows, COLUMNS, squeeze=False).ravel()
        for panel, row in zip(panels, shown, strict=False):
            _draw(panel, row, about[row.name].unit, [part.get(row.name) for part in (train, test, simulated)], theme)
        for panel in panels[len(shown) :]:
            panel.set_axis_off()
        _head(figure, theme, width, height)
        return png(figure, theme, tight=False)


def _draw(axes: Axes, row: Row, unit: str, parts: Sequence[np.ndarray | None], theme: Theme) -> None:
    """Train filled grey, test filled blue, simulated as a line of orange."""
    known = np.concatenate([part for part in parts[:2] if part is not None])
    low, high = np.percentile(known, EDGE_PERCENTILES)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, NUM_BINS + 1)
    colors = (theme.train, theme.val, theme.wrong[1])
    highest = []
    for part, color, order in zip(parts, colors, (1, 2, 3), strict=True):
        if part is None:
            continue
        shares = np.histogram(np.clip(part, low, high), edges)[0] / len(part)
        highest.append(np.sort(shares)[-3:])
        if order == 3:
            axes.stairs(shares, edges, color=color, linewidth=1.3, zorder=order)
        else:
            axes.stairs(shares, edges, color=color, fill=True, alpha=0.55, linewidth=0, zorder=order)
    top = max(float(values[-1]) for values in highest)
    next_to_top = max(float(values[-2]) for values in highest)
    axes.set_ylim(0, 1.06 * min(top, max(ROOM * next_to_top, 0.05)))
    axes.set_xlim(low, high)
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.tick_params(length=0, pad=4, labelsize=8)
    title = row.name.replace("_", " ").capitalize() + (f", {unit}" if unit else "")
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold", pad=9, color=theme.ink)
    figure = f"{row.distance:.2f}" + ("" if row.fitted is None else f" → {row.fitted:.2f}")
    axes.annotate(figure, (1, 1), xycoords="axes fraction", xytext=(0, 9), textcoords="offset points", ha="right",
                  va="baseline", fontsize=8.5, color=theme.wrong[1] if row.shifted else theme.faint)  # fmt: skip


def _head(figure: Figure, theme: Theme, width_in: float, height_in: float) -> None:
    """What the colours mean, and the figures beside the titles."""
    y = 1 - 0.3 / height_in
    x = 0.19 / width_in
    words = (("Train pages", theme.train), ("Test pages", theme.val), ("Train pages under the recipe", theme.wrong[1]))
    for text, color in words:
        figure.text(x, y, text, color=color, fontsize=11.5, fontweight="bold", va="center")
        x += (0.098 * len(text) + 0.32) / width_in
    note = "distance to the test pages, before → under the recipe"
    figure.text(1 - 0.19 / width_in, y, note, color=theme.faint, fontsize=8.5, va="center", ha="right")
