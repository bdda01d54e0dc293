"""The type of a plot of the report, and the style of all plots: light and dark colours, and a font with Hangul."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from munseo._locale import Texts
from munseo._report.blocks import Picture
from munseo._report.facts import Facts
from munseo._report.fonts import font_file

DPI = 200
"""Dots per inch of every plot."""


@dataclass(frozen=True)
class Theme:
    """Colours of a plot, which colour-blind people can tell apart.

    Right and wrong are blue and orange (Okabe and Ito, 2008), and differ in lightness too.

    Attributes:
        shifted: Validation on damaged pages.
        right: From no page to all pages of a class, on the diagonal of the confusion matrix.
        wrong: The same off the diagonal.
    """

    paper: str
    ink: str
    faint: str
    grid: str
    train: str
    val: str
    shifted: str
    right: tuple[str, str]
    wrong: tuple[str, str]


LIGHT = Theme(
    paper="#ffffff",
    ink="#22262b",
    faint="#6b7280",
    grid="#e7e8ea",
    train="#9aa1ab",
    val="#0b62a8",
    shifted="#c84a00",
    right=("#f6f7f8", "#0b62a8"),
    wrong=("#f6f7f8", "#c84a00"),
)
DARK = Theme(
    paper="#1c1f24",
    ink="#e8e6e1",
    faint="#9aa1ab",
    grid="#30343b",
    train="#7c8490",
    val="#63b3f0",
    shifted="#f08537",
    right=("#24282e", "#3f9be6"),
    wrong=("#24282e", "#f08537"),
)


MAX_DRAWN = 64
"""Plots that a process keeps, some 50 KB each: those of two runs."""
_DRAWN: dict[tuple[str, str, str, str], bytes] = {}


def _as_text(value: Any) -> str:
    """Return everything that facts hold as text: two values with the same text are drawn alike."""
    if isinstance(value, pd.DataFrame):
        return str(value.to_csv())
    return "\n".join(map(_as_text, value)) if isinstance(value, tuple) else repr(value)


@dataclass(frozen=True)
class Plot:
    """A plot that the run folder keeps as a file and that a section of the report shows.

    ``is_known`` says whether the run has figures for it, and ``reads`` names the facts that it is drawn from.
    """

    file: str
    draw: Callable[[Facts, Texts, Theme], bytes]
    is_known: Callable[[Facts], bool]
    reads: tuple[str, ...]

    def drawn(self, facts: Facts, texts: Texts, theme: Theme) -> bytes:
        """Return the plot as PNG; one that this process has just drawn from the same facts is not drawn again.

        A plot takes 0.1 to 0.5 s, and a run that is trained, reported and scored needs most of them several times.
        """
        read = "\n".join(_as_text(attrgetter(name)(facts)) for name in self.reads)
        key = (self.file, texts.language, theme.paper, hashlib.sha256(read.encode()).hexdigest())
        if key not in _DRAWN:
            _DRAWN[key] = self.draw(facts, texts, theme)
            while len(_DRAWN) > MAX_DRAWN:
                _DRAWN.pop(next(iter(_DRAWN)))
        return _DRAWN[key]

    def picture(
        self, facts: Facts, texts: Texts, alt: str, caption: str = "", min_width_px: int = 0, max_width_px: int = 0
    ) -> Picture:
        """Draw the plot for light and dark pages; arguments as in ``Picture``."""
        light, dark = (self.drawn(facts, texts, theme) for theme in (LIGHT, DARK))
        return Picture(alt, caption, Path(self.file), light, dark, min_width_px, max_width_px)


@cache
def _families() -> list[str]:
    """Register the font under our own name: its bold face calls itself semi-bold, and matplotlib logs that."""
    for bold in (False, True):
        file, weight = str(font_file(bold)), 700 if bold else 400
        entry = font_manager.FontEntry(file, name="Munseo Gothic", style="normal", variant="normal", weight=weight,
                                       stretch="normal", size="scalable")  # fmt: skip
        font_manager.fontManager.ttflist.append(entry)
    return ["Munseo Gothic", "DejaVu Sans"]  # the second has the signs that the first lacks


@contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Draw text and axes in the theme within this block."""
    settings: dict[Any, Any] = {
        "font.family": _families(),
        "font.size": 9.5,
        "text.color": theme.ink,
        "axes.edgecolor": theme.grid,
        "axes.labelcolor": theme.faint,
        "axes.unicode_minus": False,
        "text.parse_math": False,  # a class may be named after a price
        "xtick.color": theme.grid,
        "ytick.color": theme.grid,
        "xtick.labelcolor": theme.faint,
        "ytick.labelcolor": theme.faint,
    }
    with matplotlib.rc_context(settings):
        yield


def plain_axes(axes: Axes, theme: Theme) -> None:
    """Give axes a faint horizontal grid and no frame: the lines are what counts."""
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=5)


def png(figure: Figure, theme: Theme, tight: bool = True) -> bytes:
    """Return the figure as PNG, cut to what is drawn if ``tight``; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    cut: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.14} if tight else {}
    figure.savefig(buffer, format="png", dpi=DPI, facecolor=theme.paper, metadata={"Software": None}, **cut)
    return buffer.getvalue()
