"""The plot of the confusion matrix: counts in the cells, coloured by the fraction of the true class."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from munseo._locale import Texts
from munseo._report.facts import Facts
from munseo._report.plots import Plot, Theme, drawing, png
from munseo._run.scores import Scores

WRAP_CELLS = 22
"""The width of a label's line in Latin letters; a Hangul letter is as wide as two."""
MAX_LINES = 3
"""The number of lines that a label may have."""
MAX_NUMBERED = 60
"""With more classes, numbers in the cells could not be read."""


def draw_confusion(facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw the matrix of the validation pages as PNG."""
    val = facts.results.val
    assert val is not None
    return draw_matrix(val, texts("plot.confusion", pages=val.num_pages), texts, theme)


def matrix_widths_px(num_classes: int) -> tuple[int, int]:
    """Return the width below which the letters of a matrix cannot be read, and above which they are too large."""
    return (300, 540) if num_classes <= 8 else (34 * num_classes + 120, 46 * num_classes + 200)


def draw_matrix(scores: Scores, title: str, texts: Texts, theme: Theme) -> bytes:
    """Draw a matrix as PNG, for two classes or a hundred."""
    counts = np.array(scores.confusion)
    names = [entry.name for entry in scores.per_class]
    with drawing(theme):
        cell_in = 0.62 if len(names) <= 8 else 0.42 if len(names) <= 24 else 0.3
        figure = Figure(figsize=(cell_in * len(names) + 0.02, cell_in * len(names) + 0.02))
        axes = figure.add_axes((0, 0, 1, 1))
        colors = _cell_colors(counts, theme)
        axes.imshow(colors, interpolation="nearest", aspect="equal")
        _draw_counts(axes, counts, colors, len(names))
        _draw_labels(axes, names, theme, texts)
        axes.annotate(title, (0, 1), xycoords="axes fraction", xytext=(0, 12), textcoords="offset points",
                      fontsize=11.5, fontweight="bold", ha="left", va="bottom")  # fmt: skip
        return png(figure, theme)


def _cell_colors(counts: np.ndarray, theme: Theme) -> np.ndarray:
    """Return (C, C, 4) colours; those of errors follow the root of their fraction, so that a tenth is seen."""
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    fraction = counts / totals
    right = LinearSegmentedColormap.from_list("right", theme.right)(fraction)
    wrong = LinearSegmentedColormap.from_list("wrong", theme.wrong)(np.sqrt(fraction))
    colors: np.ndarray = np.where(np.eye(len(counts), dtype=bool)[..., None], right, wrong)
    return colors


def _draw_counts(axes: Axes, counts: np.ndarray, colors: np.ndarray, num_classes: int) -> None:
    if num_classes > MAX_NUMBERED:
        return
    size = 10.5 if num_classes <= 8 else 8.5 if num_classes <= 24 else 6.5
    for row, column in zip(*np.nonzero(counts), strict=True):
        red, green, blue = colors[row, column, :3]
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        color, weight = "#1b1e22" if light else "#ffffff", "bold" if row == column else "normal"
        text = f"{counts[row, column]}"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color, fontweight=weight)


def _draw_labels(axes: Axes, names: Sequence[str], theme: Theme, texts: Texts) -> None:
    """Write class names: rows have room for three lines, columns are turned and have one."""
    places, size = range(len(names)), 9.5 if len(names) <= 24 else 7
    columns = distinct([shorten(name, WRAP_CELLS) for name in names])
    rows = distinct([wrap_label(name) for name in names])
    axes.set_xticks(places, columns, rotation=45, ha="right", rotation_mode="anchor", fontsize=size, color=theme.ink)
    axes.set_yticks(places, rows, fontsize=size, color=theme.ink)
    axes.tick_params(length=0, pad=6)
    axes.set_xlabel(texts("plot.predicted"), fontsize=9, labelpad=8)
    axes.set_ylabel(texts("plot.true"), fontsize=9, labelpad=10)


def distinct(labels: Sequence[str]) -> list[str]:
    """Add the number of the class to labels that became equal when they were shortened."""
    counts = Counter(labels)
    return [label if counts[label] == 1 else f"{label} ({number})" for number, label in enumerate(labels, start=1)]


def shorten(name: str, cells: int) -> str:
    """Cut out the middle of a class name that is wider than ``cells``: related names often differ at their end."""
    if _width(name) <= cells:
        return name
    start, end = "", ""
    for first, last in zip(name, reversed(name), strict=True):
        if _width(start + first + end) >= cells:
            break
        start += first
        if _width(start + last + end) >= cells:
            break
        end = last + end
    return f"{start.rstrip()}…{end.lstrip()}"


def wrap_label(name: str) -> str:
    """Break a class name after spaces, underscores and hyphens, or anywhere if need be, into at most three lines."""
    cells = MAX_LINES * WRAP_CELLS
    while len(lines := _wrapped(shorten(name, cells))) > MAX_LINES:
        cells -= 1
    return "\n".join(lines)


def _wrapped(name: str) -> list[str]:
    lines = [""]
    for word in re.findall(r"[^ _\-/]*[ _\-/]|[^ _\-/]+", name):
        if lines[-1] and _width(lines[-1]) + _width(word.rstrip()) > WRAP_CELLS:
            lines.append("")
        for letter in word:
            if _width(lines[-1]) + _width(letter) > WRAP_CELLS:
                lines.append("")
            lines[-1] += letter
    return [line.strip() for line in lines]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


CONFUSION_PLOT = Plot(
    "val_confusion_matrix.png", draw_confusion, lambda facts: facts.results.val is not None, ("results.val",)
)
