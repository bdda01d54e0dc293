"""The robustness profile: macro-F1 against severity, a panel a kind of damage, the most harmful first."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from munseo._locale import Texts
from munseo._report.facts.shift import DamageProfile, Robustness
from munseo._report.number_formats import signed
from munseo._report.plots.plot_style import Theme, drawing, png

COLUMNS, PANEL_WIDTH_IN, PANEL_HEIGHT_IN, FOOT_IN = 4, 2.15, 1.5, 0.6
HARMFUL = 0.05
"""Macro-F1 that a damage must cost for its panel to be drawn in the colour of harm."""
ROOM = 0.03


def robustness_plot(profile: Robustness, say: Texts, theme: Theme) -> bytes:
    """Draw all damages on one scale, as PNG; damages without grades are a point instead of a line."""
    num_rows = -(-len(profile.damages) // COLUMNS)
    columns = min(COLUMNS, len(profile.damages))
    width, height = columns * PANEL_WIDTH_IN + 0.35, num_rows * PANEL_HEIGHT_IN + FOOT_IN
    lowest = min(min(damage.macro_f1) for damage in profile.damages)
    highest = max(profile.clean, *(max(damage.macro_f1) for damage in profile.damages))
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        figure.subplots_adjust(0.45 / width, FOOT_IN / height, 1 - 0.1 / width, 1 - 0.34 / height, 0.16, 0.62)
        panels = figure.subplots(num_rows, columns, squeeze=False, sharey=True).ravel()
        panels[0].set_ylim(max(0.0, lowest - ROOM), min(1.0, highest + ROOM))
        for panel, damage in zip(panels, profile.damages, strict=False):
            _draw(panel, profile, damage, say, theme)
        for panel in panels[len(profile.damages) :]:
            panel.set_axis_off()
        words = say("plot.severity_axes")
        figure.text(0.45 / width, 0.1 / height, words, fontsize=8.5, color=theme.faint, va="bottom")
        return png(figure, theme, tight=False)


def _draw(axes: Axes, profile: Robustness, damage: DamageProfile, say: Texts, theme: Theme) -> None:
    drop = profile.drop(damage)
    color = theme.shifted if drop >= HARMFUL else theme.val
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, pad=4, labelsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.grid(axis="y", color=theme.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.06, 1.06)
    axes.axhline(profile.clean, color=theme.faint, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    if damage.graded:
        points = [(0.0, profile.clean), *zip(damage.severities, damage.macro_f1, strict=True)]
        axes.plot(*zip(*points, strict=True), color=color, linewidth=1.8, marker="o", markersize=3.4, zorder=3)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        worst = min(damage.macro_f1)
        axes.plot([0.5, 0.5], [profile.clean, worst], color=color, linewidth=1.8, zorder=2)
        axes.plot(0.5, worst, "o", color=color, markersize=6, zorder=3)
        axes.set_xticks([0.5], [say("plot.all_or_nothing")])
    name = say.name("damage", damage.name)
    axes.set_title(name, loc="left", fontsize=9.5, fontweight="bold", pad=6, color=theme.ink)
    axes.annotate(signed(-drop, 3), (1, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points",
                  ha="right", va="baseline", fontsize=8.8, color=color if drop >= HARMFUL else theme.faint)  # fmt: skip
