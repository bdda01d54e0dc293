"""Whether confidence can be taken for a probability, and what precision costs in pages."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from munseo._locale import Texts
from munseo._report.facts.confidence import Calibration, Reliability
from munseo._report.plots.plot_style import Theme, drawing, plain_axes, png

PANEL_IN, LEFT_IN, GAP_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 2.35, 0.74, 0.86, 0.3, 0.42, 0.56
LARGEST_DOT = 110.0
"""Area of the dot of the fullest bin, in square points."""


def calibration_plot(calibration: Calibration, say: Texts, theme: Theme) -> bytes:
    """A reliability diagram for clean and for damaged pages, and precision against coverage, as PNG."""
    shown = [part for part in calibration.reliability if part.bins]
    panels = calibration.num_panels
    width = LEFT_IN + panels * PANEL_IN + (panels - 1) * GAP_IN + RIGHT_IN
    height = TOP_IN + PANEL_IN + BOTTOM_IN
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        places = [(LEFT_IN + number * (PANEL_IN + GAP_IN)) / width for number in range(panels)]
        boxes = [(left, BOTTOM_IN / height, PANEL_IN / width, PANEL_IN / height) for left in places]
        for part, box in zip(shown, boxes, strict=False):
            _draw_reliability(figure.add_axes(box), part, say, theme)
        if calibration.curve:
            _draw_coverage(figure.add_axes(boxes[-1]), calibration, say, theme)
        return png(figure, theme, tight=False)


def _draw_reliability(axes: Axes, part: Reliability, say: Texts, theme: Theme) -> None:
    """Dots on the diagonal mean what they say; a larger dot holds more pages."""
    color = theme.shifted if part.part == "shifted" else theme.val
    _square(axes, say(f"plot.reliability_{part.part}"), say("plot.confidence"), say("plot.right"), theme)
    axes.plot([0, 1], [0, 1], color=theme.faint, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    confidence, accuracy = [row.confidence for row in part.bins], [row.accuracy for row in part.bins]
    fullest = max(row.count for row in part.bins)
    axes.vlines(confidence, confidence, accuracy, color=color, alpha=0.35, linewidth=1.6, zorder=2)
    areas = [max(LARGEST_DOT * row.count / fullest, 7.0) for row in part.bins]
    axes.scatter(confidence, accuracy, s=areas, color=color, linewidths=0, zorder=3, clip_on=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _draw_coverage(axes: Axes, calibration: Calibration, say: Texts, theme: Theme) -> None:
    """The curve, and on it the wanted precisions that a threshold reaches."""
    parts = {part.part for part in calibration.reliability}
    color = theme.shifted if "shifted" in parts else theme.val
    _square(axes, say("plot.coverage_title"), say("plot.coverage"), say("plot.precision"), theme)
    shares, precision = zip(*calibration.curve, strict=True)
    axes.plot(shares, precision, color=color, linewidth=2.0, zorder=3)
    low = max(0.0, min(precision) - 0.05)
    for row in calibration.coverage:
        if row.threshold is not None and row.precision is not None:
            axes.plot(row.coverage, row.precision, "o", markersize=6, markerfacecolor=theme.paper,
                      markeredgecolor=color, markeredgewidth=1.8, zorder=4, clip_on=False)  # fmt: skip
            axes.annotate(f"{100 * row.target:g}%", (row.coverage, row.precision), xytext=(5, 4), fontsize=8.5,
                          textcoords="offset points", color=theme.ink)  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(low, 1.005)


def _square(axes: Axes, title: str, x: str, y: str, theme: Theme) -> None:
    plain_axes(axes, theme)
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", pad=10)
    axes.set_xlabel(x, labelpad=5)
    axes.set_ylabel(y, labelpad=5)
    axes.tick_params(labelsize=8.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
