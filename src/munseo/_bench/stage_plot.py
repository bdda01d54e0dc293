"""Where the time of a training step goes, as bars under one another."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from munseo._report.plots.plot_style import LIGHT, drawing, png

INPUT = ("decode", "augment", "collate", "copy")
"""Stages of the input; the others are the model's."""
WIDTH_IN, ROW_IN, TOP_IN, BOTTOM_IN, LEFT_IN = 6.6, 0.34, 0.5, 0.5, 1.2


def stages_plot(stages: Mapping[str, float], title: str) -> bytes:
    """A bar a stage, as PNG.

    Args:
        stages: Milliseconds a page, in the order in which things happen.
        title: Of the picture.
    """
    theme, height = LIGHT, TOP_IN + len(stages) * ROW_IN + BOTTOM_IN
    total = sum(stages.values())
    with drawing(theme):
        figure = Figure(figsize=(WIDTH_IN, height))
        box = (LEFT_IN / WIDTH_IN, BOTTOM_IN / height, 1 - (LEFT_IN + 1.35) / WIDTH_IN)
        axes = figure.add_axes((*box, len(stages) * ROW_IN / height))
        axes.set_facecolor(theme.paper)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.grid(axis="x", color=theme.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        for place, (name, value) in enumerate(stages.items()):
            axes.barh(place, value, height=0.62, color=theme.shifted if name in INPUT else theme.val)
            axes.annotate(f"{value:.2f} ms  {value / total:.1%}", (value, place), xytext=(6, 0),
                          textcoords="offset points", va="center", fontsize=9, color=theme.ink)  # fmt: skip
        axes.set_yticks(range(len(stages)), list(stages), color=theme.ink)
        axes.set_ylim(len(stages) - 0.5, -0.5)
        axes.tick_params(length=0, pad=6)
        axes.set_xlabel("milliseconds a page (orange: input, blue: model)", labelpad=6)
        figure.text(0.18 / WIDTH_IN, 1 - 0.24 / height, title, fontsize=11.5, fontweight="bold", va="center")
        return png(figure, theme, tight=False)
