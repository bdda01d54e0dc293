"""What each view adds to the page as it stands, with its interval."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from munseo._locale import Texts
from munseo._report.facts.confidence import Views
from munseo._report.number_formats import signed
from munseo._report.plots.plot_style import Theme, drawing, png

WIDTH_IN, ROW_IN, TOP_IN, BOTTOM_IN, LEFT_IN = 6.6, 0.34, 0.48, 0.5, 1.55


def views_plot(views: Views, say: Texts, theme: Theme) -> bytes:
    """A row a view, the largest gain on top, as PNG."""
    height = TOP_IN + len(views.rows) * ROW_IN + BOTTOM_IN
    colors = {"helps": theme.val, "hurts": theme.shifted}
    with drawing(theme):
        figure = Figure(figsize=(WIDTH_IN, height))
        box = (LEFT_IN / WIDTH_IN, BOTTOM_IN / height, 1 - (LEFT_IN + 0.85) / WIDTH_IN)
        axes = figure.add_axes((*box, len(views.rows) * ROW_IN / height))
        axes.set_facecolor(theme.paper)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.grid(axis="x", color=theme.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.axvline(0, color=theme.faint, linewidth=1.0, zorder=1)
        for place, row in enumerate(views.rows):
            color = colors.get(row.verdict, theme.train)
            if row.interval:
                axes.plot(row.interval, [place, place], color=color, linewidth=4, alpha=0.35, solid_capstyle="round")
            axes.plot(row.gain, place, "o", color=color, markersize=7, zorder=3)
            axes.annotate(signed(row.gain), (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0),
                          textcoords="offset points", va="center", fontsize=9.5, color=color)  # fmt: skip
        axes.set_yticks(range(len(views.rows)), [row.name for row in views.rows], color=theme.ink)
        axes.set_ylim(len(views.rows) - 0.5, -0.5)
        axes.tick_params(length=0, pad=6)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(value, 3) if value else "0"))
        axes.set_xlabel(say("plot.gain"), labelpad=6)
        title = say("plot.views")
        figure.text(0.18 / WIDTH_IN, 1 - 0.24 / height, title, fontsize=11.5, fontweight="bold", va="center")
        return png(figure, theme, tight=False)
