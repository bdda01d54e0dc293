"""How pictures look: colours that colour-blind people tell apart, on light and dark paper, and a font with Hangul."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 200


@dataclass(frozen=True)
class Theme:
    """Colours of a picture. Right and wrong are blue and orange (Okabe and Ito, 2008), apart in lightness too."""

    paper: str
    ink: str
    faint: str
    grid: str
    train: str
    val: str
    shifted: str
    """Validation on damaged pages."""
    right: tuple[str, str]
    """Colour of no page and of all pages of a class, on the diagonal."""
    wrong: tuple[str, str]
    """The same beside the diagonal."""


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


@cache
def font_file(bold: bool = False) -> Path:
    """NanumGothic, from the package that ships it; importing that package would change matplotlib's settings."""
    spec = find_spec("koreanize_matplotlib")
    folders = (spec.submodule_search_locations if spec else None) or []
    assert folders, "koreanize-matplotlib is a dependency"
    return Path(folders[0]) / "fonts" / ("NanumGothicBold.ttf" if bold else "NanumGothic.ttf")


@cache
def _families() -> list[str]:
    """Register the font under a name of ours: its bold face calls itself semi-bold, and matplotlib remarks on that."""
    for bold in (False, True):
        file, weight = str(font_file(bold)), 700 if bold else 400
        entry = font_manager.FontEntry(file, name="Munseo Gothic", style="normal", variant="normal", weight=weight,
                                       stretch="normal", size="scalable")  # fmt: skip
        font_manager.fontManager.ttflist.append(entry)
    return ["Munseo Gothic", "DejaVu Sans"]  # the second one has the signs that the first one lacks


@contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Within this block text and axes are drawn in the theme."""
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
    """A faint horizontal grid and no frame: the lines are what counts."""
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=5)


def png(figure: Figure, theme: Theme, tight: bool = True) -> bytes:
    """The picture as a file, cut to what is drawn if ``tight``; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    cut: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.14} if tight else {}
    figure.savefig(buffer, format="png", dpi=DPI, facecolor=theme.paper, metadata={"Software": None}, **cut)
    return buffer.getvalue()
