"""The plot of a shift: distributions of train, test and simulated pages, a panel for each measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from munseo._locale import Texts
from munseo._report.plots import LIGHT, Theme, drawing, png
from munseo._shift import MEASURES, MeasureRow

Language = Literal["en", "ko"]
COLUMNS, PANEL_WIDTH_IN, PANEL_HEIGHT_IN, HEAD_IN = 4, 2.9, 1.75, 0.62
NUM_BINS = 36
EDGE_PERCENTILES = (1, 98.5)
ROOM = 2.2
"""A bin of very many pages, such as those without a box, is drawn at most so many times as high as the next one."""


def shift_picture(
    rows: Sequence[MeasureRow],
    train: Mapping[str, np.ndarray],
    test: Mapping[str, np.ndarray],
    simulated: Mapping[str, np.ndarray],
    language: Language = "en",
) -> bytes:
    """Draw all measures, the most shifted first, as PNG.

    ``train``, ``test`` and ``simulated`` (train pages under the fitted recipe, without measures of files) are the
    values of the pages by measure.
    """
    theme, texts = LIGHT, Texts(language, "shift")
    about = {measure.name: measure for measure in MEASURES}
    shown = sorted((row for row in rows if about[row.name].shown), key=lambda row: -row.distance)
    num_rows = -(-len(shown) // COLUMNS)
    width, height = COLUMNS * PANEL_WIDTH_IN, num_rows * PANEL_HEIGHT_IN + HEAD_IN
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        figure.subplots_adjust(0.015, 0.3 / height, 0.985, 1 - (HEAD_IN + 0.32) / height, 0.12, 0.95)
        panels = figure.subplots(num_rows, COLUMNS, squeeze=False).ravel()
        for panel, row in zip(panels, shown, strict=False):
            unit = about[row.name].unit
            title = texts(f"measure.{row.name}") + (f", {texts.name('measure.unit', unit)}" if unit else "")
            _draw(panel, row, title, [part.get(row.name) for part in (train, test, simulated)], theme)
        for panel in panels[len(shown) :]:
            panel.set_axis_off()
        _head(figure, texts, theme, width, height)
        return png(figure, theme, tight=False)


def _draw(axes: Axes, row: MeasureRow, title: str, parts: Sequence[np.ndarray | None], theme: Theme) -> None:
    """Draw train pages as a grey area, test pages as a blue one, simulated pages as an orange line."""
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
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold", pad=9, color=theme.ink)
    figure = f"{row.distance:.2f}" + ("" if row.fitted is None else f" → {row.fitted:.2f}")
    axes.annotate(figure, (1, 1), xycoords="axes fraction", xytext=(0, 9), textcoords="offset points", ha="right",
                  va="baseline", fontsize=8.5, color=theme.wrong[1] if row.shifted else theme.faint)  # fmt: skip


def _head(figure: Figure, texts: Texts, theme: Theme, width_in: float, height_in: float) -> None:
    """Draw the legend of the colours and the heading of the distances."""
    y = 1 - 0.3 / height_in
    x = 0.19 / width_in
    words = zip(("train", "test", "simulated"), (theme.train, theme.val, theme.wrong[1]), strict=True)
    for key, color in words:
        text = texts(key)
        figure.text(x, y, text, color=color, fontsize=11.5, fontweight="bold", va="center")
        x += ((0.098 if texts.language == "en" else 0.14) * len(text) + 0.32) / width_in
    figure.text(1 - 0.19 / width_in, y, texts("distance"), color=theme.faint, fontsize=8.5, va="center", ha="right")
