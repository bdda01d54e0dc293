"""Section: how far confidence can be trusted, and how many pages need no person at each target precision."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, CommandLine, Pictures, Proposal, SectionBlock, TableBlock, Text, without_empty
from munseo._report.facts import Facts
from munseo._report.plots import Plot, Theme, drawing, plain_axes, png
from munseo._run.results import Calibration, Coverage, Reliability

PANEL_IN, LEFT_IN, GAP_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 2.35, 0.74, 0.86, 0.3, 0.42, 0.56
LARGEST_DOT = 110.0
"""The area of the dot of the fullest bin, in square points."""


def confidence_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return calibration, and the fraction of pages that needs no person at each target precision."""
    calibration = facts.results.calibration
    if calibration is None:
        return (Text(texts("summary.no_fold_mean")),) if facts.folds and facts.results.fold_mean is None else ()
    return without_empty(
        SectionBlock("calibration", texts("calibration"), _calibration(facts, calibration, texts)),
        SectionBlock("coverage", texts("coverage"), _coverage(facts, calibration, texts)),
    )


def measured_on(facts: Facts, texts: Texts) -> str:
    """Name the pages that confidence and views were measured on: damaged ones, if the run validates so."""
    return part_name(facts, "shifted" if facts.results.shifted else "val", texts)


def part_name(facts: Facts, part: str, texts: Texts) -> str:
    """Return the name of the pages of an entry of the calibration: ``val`` or ``shifted``."""
    return texts.name("calibration", f"part_mean_{part}" if facts.results.fold_mean else f"part_{part}")


def _calibration(facts: Facts, calibration: Calibration, texts: Texts) -> tuple[Block, ...]:
    sentences = []
    if calibration.temperature is not None:
        part = part_name(facts, calibration.fitted_on, texts)
        sentences.append(texts("calibration.temperature", temperature=f"{calibration.temperature:.3f}", part=part))
    for name, row in calibration.reliability.items():
        if row.ece_before is not None or row.ece_after is not None:
            errors = {"before": fm.score(row.ece_before), "after": fm.score(row.ece_after)}
            sentences.append(texts("calibration.ece", part=part_name(facts, name, texts), **errors))
    blocks: list[Block] = [Text(" ".join(sentences))] if sentences else []
    if panels := num_panels(calibration):
        caption = texts("calibration.caption" if calibration.known_curve else "calibration.caption_short")
        picture = CALIBRATION_PLOT.picture(facts, texts, texts("calibration"), caption, 600, 300 * panels)
        blocks.append(Pictures((picture,), "wide"))
    return tuple(blocks)


def _coverage(facts: Facts, calibration: Calibration, texts: Texts) -> tuple[Block, ...]:
    if not calibration.coverage:
        return ()
    keys = ("coverage.target", "coverage.threshold", "coverage.share", "coverage.reached")
    table = TableBlock.titled(texts, keys, (_coverage_row(row, texts) for row in calibration.coverage))
    blocks: list[Block] = [table, Text(texts("coverage.note", part=measured_on(facts, texts)), quiet=True)]
    if reached := [row.target_precision for row in calibration.coverage if row.threshold is not None]:
        arguments = f"scans/ -o labels.csv --target-precision {max(reached):g}"
        blocks.append(Proposal(texts("coverage.use"), (CommandLine(f"munseo predict {facts.quoted_path}", arguments),)))
    return tuple(blocks)


def _coverage_row(row: Coverage, texts: Texts) -> tuple[str, ...]:
    target = f"{100 * row.target_precision:g}%"
    if row.threshold is None:
        return target, texts("coverage.never"), fm.percent(0, 1), fm.UNKNOWN
    return target, f"{row.threshold:.4f}", fm.percent(row.coverage), fm.percent(row.precision)


def num_panels(calibration: Calibration) -> int:
    """Return how many panels the plot has: a diagram for each set of pages that has bins, and the curve."""
    return sum(bool(part.bins) for part in calibration.reliability.values()) + bool(calibration.known_curve)


def draw_calibration(facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw a reliability diagram for clean and for damaged pages, and precision against coverage, as PNG."""
    calibration = facts.results.calibration
    assert calibration is not None
    diagrams = {name: part for name, part in calibration.reliability.items() if part.bins}
    panels = num_panels(calibration)
    width = LEFT_IN + panels * PANEL_IN + (panels - 1) * GAP_IN + RIGHT_IN
    height = TOP_IN + PANEL_IN + BOTTOM_IN
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        lefts = [(LEFT_IN + number * (PANEL_IN + GAP_IN)) / width for number in range(panels)]
        boxes = [(left, BOTTOM_IN / height, PANEL_IN / width, PANEL_IN / height) for left in lefts]
        for (name, part), box in zip(diagrams.items(), boxes, strict=False):
            title, color = texts(f"plot.reliability_{name}"), theme.shifted if name == "shifted" else theme.val
            draw_reliability(figure.add_axes(box), title, part, color, texts, theme)
        if calibration.known_curve:
            _draw_coverage(figure.add_axes(boxes[-1]), calibration, texts, theme)
        return png(figure, theme, tight=False)


def draw_reliability(axes: Axes, title: str, part: Reliability, color: str, texts: Texts, theme: Theme) -> None:
    """Draw a dot for each bin: on the diagonal confidence is a probability; a larger dot holds more pages."""
    _square(axes, title, texts("plot.confidence"), texts("plot.right"), theme)
    axes.plot([0, 1], [0, 1], color=theme.faint, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    confidence, accuracy = [row.confidence for row in part.bins], [row.accuracy for row in part.bins]
    fullest = max((row.count for row in part.bins), default=1)
    axes.vlines(confidence, confidence, accuracy, color=color, alpha=0.35, linewidth=1.6, zorder=2)
    areas = [max(LARGEST_DOT * row.count / fullest, 7.0) for row in part.bins]
    axes.scatter(confidence, accuracy, s=areas, color=color, linewidths=0, zorder=3, clip_on=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _draw_coverage(axes: Axes, calibration: Calibration, texts: Texts, theme: Theme) -> None:
    """Draw the curve, and on it the target precisions that a threshold reaches."""
    color = theme.shifted if calibration.shifted else theme.val
    _square(axes, texts("plot.coverage_title"), texts("plot.coverage"), texts("plot.precision"), theme)
    fractions, precision = zip(*calibration.known_curve, strict=True)
    axes.plot(fractions, precision, color=color, linewidth=2.0, zorder=3)
    low = max(0.0, min(precision) - 0.05)
    for row in calibration.coverage:
        if row.threshold is not None and row.precision is not None:
            axes.plot(row.coverage, row.precision, "o", markersize=6, markerfacecolor=theme.paper,
                      markeredgecolor=color, markeredgewidth=1.8, zorder=4, clip_on=False)  # fmt: skip
            axes.annotate(f"{100 * row.target_precision:g}%", (row.coverage, row.precision), xytext=(5, 4),
                          fontsize=8.5, textcoords="offset points", color=theme.ink)  # fmt: skip
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


def _is_calibrated(facts: Facts) -> bool:
    return facts.results.calibration is not None and num_panels(facts.results.calibration) > 0


CALIBRATION_PLOT = Plot(
    "calibration.png", draw_calibration, _is_calibrated, ("results.calibration", "results.fold_mean")
)
