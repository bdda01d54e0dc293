"""A paper form: its random style, its tables and sentences from top to bottom, and random traces of use.

Paper, ink, line weight, letters, margins and stamps vary alike over all kinds of form, so that none of them betrays the
kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from munseo._synth import marks
from munseo._synth.canvas import Align, Canvas, Weight
from munseo._synth.random_draws import RGB, Rng, between, chance, digits, mix, near, pick, whole
from munseo._synth.vocabulary import colour

Frame = Literal["single", "thick", "double", "open"]


@dataclass(frozen=True)
class FormStyle:
    """The style of a form; lengths are in units of the canvas."""

    paper: RGB
    ink: RGB
    filled: RGB
    """Colour of the entries; on some forms it differs from the colour of the print."""
    rule: RGB
    shade: RGB
    accent: RGB
    stamp: RGB
    stroke: float
    frame: Frame
    body: Weight
    label: Weight
    title: Weight
    text: float
    row: float
    margin_x: float
    margin_y: float


def draw_style(rng: Rng) -> FormStyle:
    """Return a random style."""
    paper = near(rng, colour(rng, "papers"), 4)
    ink = near(rng, pick(rng, ((25, 25, 28), (45, 45, 50), (30, 35, 70), (60, 50, 50))), 10)
    accent = near(rng, colour(rng, "accents"), 12)
    shaded = chance(rng, 0.55)
    tinted = accent if chance(rng, 0.35) else ink
    return FormStyle(
        paper=paper,
        ink=ink,
        filled=(30, 40, 120) if chance(rng, 0.12) else ink,
        rule=mix(tinted, paper, between(rng, 0.05, 0.4)),
        shade=mix(paper, tinted, between(rng, 0.07, 0.2)) if shaded else paper,
        accent=accent,
        stamp=near(rng, pick(rng, ((200, 35, 40), (180, 30, 60), (60, 60, 160), (205, 60, 45))), 15),
        stroke=between(rng, 0.8, 2.0),
        frame=pick(rng, ("single", "single", "thick", "double", "open")),
        body=pick(rng, ("light", "regular", "regular", "bold")),
        label=pick(rng, ("regular", "regular", "bold")),
        title=pick(rng, ("regular", "bold", "bold", "black")),
        text=between(rng, 11.5, 15.0),
        row=between(rng, 25.0, 36.0),
        margin_x=between(rng, 32.0, 78.0),
        margin_y=between(rng, 32.0, 70.0),
    )


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``share`` is its part of the row's width, before the shares are scaled to a sum of 1."""

    text: str = ""
    share: float = 1.0
    head: bool = False
    align: Align = "left"
    top: bool = False


@dataclass(frozen=True)
class FormRow:
    """A row of a table; ``height`` is a multiple of the ordinary height."""

    cells: tuple[Cell, ...]
    height: float = 1.0


def head(text: str, share: float = 0.2) -> Cell:
    """Return a cell that labels the next cells."""
    return Cell(text, share, head=True, align="middle")


def fields(*pairs: tuple[str, str], height: float = 1.0, label_share: float = 0.19) -> FormRow:
    """Return a row of labels and values; all pairs are equally wide."""
    value_share = 1.0 / len(pairs) - label_share
    cells = [cell for name, text in pairs for cell in (head(name, label_share), Cell(text, value_share))]
    return FormRow(tuple(cells), height)


def grid(texts: Sequence[str], shares: Sequence[float], *, is_head: bool = False, align: Align = "middle") -> FormRow:
    """Return a row of a table with columns; either all of its cells are labels, or none is."""
    cells = (Cell(t, s, is_head, "middle" if is_head else align) for t, s in zip(texts, shares, strict=True))
    return FormRow(tuple(cells))


class Form:
    """A form on its canvas. Its cursor ``y`` moves down as parts are added.

    Args:
        rng: Source of randomness.
        longest_px: Longest side of the canvas.
        landscape: Probability that the form is wider than high.
    """

    def __init__(self, rng: Rng, longest_px: int, landscape: float = 0.05) -> None:
        self.rng = rng
        self.style: FormStyle = draw_style(rng)
        short, long = 700.0, 700.0 * between(rng, 1.25, 1.45)
        width, height = (long, short) if chance(rng, landscape) else (short, long)
        self.canvas = Canvas(width, height, longest_px / long, self.style.paper)
        self.left, self.right = self.style.margin_x, width - self.style.margin_x * between(rng, 0.75, 1.25)
        self.y, self.bottom = self.style.margin_y, height - self.style.margin_y
        self._emblem()
        self._codes()

    @property
    def width(self) -> float:
        """Width between the margins, in units."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """Middle between the margins, in units from the left edge of the canvas."""
        return (self.left + self.right) / 2

    def write(
        self,
        x: float,
        y: float,
        text: str,
        anchor: str = "mm",
        scale: float = 1.0,
        fit: float | None = None,
        weight: Weight | None = None,
    ) -> None:
        """Write one line in the ink and the letters of the form; ``scale`` is relative to the size of its text.

        The line is no longer than ``fit``, or the width between the margins. See ``Canvas.text`` for the anchor.
        """
        size, limit = self.style.text * scale, self.width if fit is None else fit
        self.canvas.text(x, y, text, size, self.style.ink, weight or self.style.body, anchor, fit=limit)

    def seal(self, x: float, y: float, size: float, text: str, *, is_round: bool) -> None:
        """Stamp a seal in the form's colour, with its middle at (x, y)."""
        marks.seal(self.rng, self.canvas, x, y, size, text, self.style.stamp, is_round)

    def heading(self, titles: Sequence[str], below: str = "", notes: Sequence[str] = ()) -> None:
        """Write one of the titles in one of five styles, then a line below it, and notes above the table."""
        rng, style, canvas = self.rng, self.style, self.canvas
        title = pick(rng, titles)
        if len(title) <= 6:
            title = (" " * whole(rng, 0, 3)).join(title)
        size = between(rng, 26, 38)
        size = canvas.fitting(title, size, style.title, self.width * 0.8)
        length, middle = canvas.length(title, size, style.title), self.middle
        y, variant, ink = self.y + size * 0.9, whole(rng, 0, 4), style.accent if chance(rng, 0.2) else style.ink
        left, right = middle - length / 2, middle + length / 2
        if variant == 1:
            canvas.box(left - 24, y - size, right + 24, y + size, None, style.rule, style.stroke)
        elif variant == 2:
            for gap in (0.75, 0.9)[: whole(rng, 1, 2)]:
                canvas.line([(left, y + size * gap), (right, y + size * gap)], ink, style.stroke)
        elif variant == 3:
            band = mix(style.accent, style.ink, 0.3)
            canvas.box(self.left, y - size * 0.9, self.right, y + size * 0.9, fill=band)
            ink = style.paper
        x, anchor = (self.left, "lm") if variant == 4 else (middle, "mm")
        canvas.text(x, y, title, size, ink, style.title, anchor)
        self.y = y + size * 1.25
        if below:
            self.write(middle, self.y + 8, below, scale=1.05)
            self.y += 26
        self.y += between(rng, 2, 20)
        if notes:
            self.notes(notes)

    def notes(self, texts: Sequence[str]) -> None:
        """Write up to two short lines, one on the left and one on the right."""
        for text, x, anchor in zip(texts, (self.left, self.right), ("lm", "rm"), strict=False):
            self.write(x, self.y + 6, text, anchor, scale=0.92, fit=self.width * 0.48)
        self.y += 20

    def table(self, rows: Sequence[FormRow], reserve: float = 0.0, across: tuple[float, float] = (0.0, 1.0)) -> None:
        """Draw a table at the cursor, from ``across[0]`` to ``across[1]`` of the width.

        Rows are lowered if there is too little room for their ordinary height; ``reserve`` stays free between the
        table and the lower margin. The cursor moves in any case.
        """
        style, canvas = self.style, self.canvas
        room = self.bottom - reserve - self.y
        row_height = min(style.row, room / sum(row.height for row in rows))
        x0, x1 = self.left + across[0] * self.width, self.left + across[1] * self.width
        top = self.y
        for row in rows:
            self._row(row, x0, x1, row.height * row_height)
        if style.frame == "thick":
            canvas.box(x0, top, x1, self.y, None, style.rule, style.stroke * 2.4)
        elif style.frame == "double":
            canvas.box(x0 - 3, top - 3, x1 + 3, self.y + 3, None, style.rule, style.stroke)
        elif style.frame == "open":
            for x in (x0, x1):
                canvas.line([(x, top), (x, self.y)], style.paper, style.stroke * 1.6)
        self.y += between(self.rng, 6, 16)

    def stack(self, tables: Sequence[Sequence[FormRow]], reserve: float = 0.0) -> None:
        """Draw tables below each other; if there is little room, they share it in proportion to their rows."""
        heights = [sum(row.height for row in rows) for rows in tables]
        for number, rows in enumerate(tables):
            room = self.bottom - self.y - reserve - 16.0 * (len(tables) - number)
            below = sum(heights[number + 1 :]) / sum(heights[number:])
            self.table(rows, reserve + 16.0 * (len(tables) - number) + room * below)

    def _row(self, row: FormRow, x0: float, x1: float, height: float) -> None:
        style, canvas = self.style, self.canvas
        total, x = sum(cell.share for cell in row.cells), x0
        for cell in row.cells:
            right = x + (x1 - x0) * cell.share / total
            canvas.box(x, self.y, right, self.y + height, style.shade if cell.head else None, style.rule, style.stroke)
            size = min(style.text, height * 0.62)
            inset = 3.0 if cell.head or cell.align == "middle" else 7.0
            box = (x + inset, self.y + 2 + 4 * cell.top, right - inset, self.y + height - 2)
            colour, weight = (style.ink, style.label) if cell.head else (style.filled, style.body)
            canvas.text_in(box, cell.text, size, colour, weight, cell.align, cell.top)
            x = right
        self.y += height

    def section(self, text: str) -> None:
        """Write a small heading above the next table."""
        mark = pick(self.rng, ("■ ", "▶ ", "□ ", "○ ", ""))
        self.write(self.left, self.y + 9, mark + text, "lm", scale=1.05, weight="bold")
        self.y += 22

    def paragraph(self, text: str, height: float, indent: float = 0.0, scale: float = 1.0) -> None:
        """Write a text of several lines into a height."""
        box = (self.left + indent, self.y, self.right - indent, self.y + height)
        self.canvas.text_in(box, text, self.style.text * scale, self.style.ink, self.style.body, top=True)
        self.y += height

    def finish(self) -> np.ndarray:
        """Add random traces of use, mark the page as a specimen, and return it as uint8 RGB (H, W, 3)."""
        rng, canvas = self.rng, self.canvas
        if chance(rng, 0.15):
            x, y = canvas.width * between(rng, 0.6, 0.9), canvas.height * between(rng, 0.6, 0.85)
            self.seal(x, y, between(rng, 50, 80), "원본대조필", is_round=chance(rng, 0.5))
        if chance(rng, 0.12):
            for share in (0.42, 0.58):
                y = canvas.height * share
                canvas.ellipse(8, y - 9, 26, y + 9, fill=mix(self.style.paper, (30, 30, 30), between(rng, 0.3, 0.9)))
        if chance(rng, 0.2):
            fold = canvas.height * pick(rng, (0.33, 0.5, 0.66))
            ends = [(0.0, fold), (canvas.width, fold + between(rng, -4, 4))]
            canvas.line(ends, mix(self.style.paper, (0, 0, 0), 0.12), 1.5)
        marks.specimen(rng, canvas)
        return canvas.pixels()

    def _emblem(self) -> None:
        """Draw a faint emblem in the middle of some forms."""
        if not chance(self.rng, 0.2):
            return
        x, y, size = self.canvas.width / 2, self.canvas.height * 0.52, between(self.rng, 90, 160)
        faint = mix(self.style.paper, self.style.accent, between(self.rng, 0.05, 0.12))
        self.canvas.ellipse(x - size, y - size, x + size, y + size, None, faint, size * 0.12)
        arm = size * 0.22
        self.canvas.box(x - arm, y - size * 0.6, x + arm, y + size * 0.6, fill=faint)
        self.canvas.box(x - size * 0.6, y - arm, x + size * 0.6, y + arm, fill=faint)

    def _codes(self) -> None:
        """Draw a form number and a bar code or square code on some forms, above or below everything else."""
        rng, canvas, ink = self.rng, self.canvas, self.style.ink
        if chance(rng, 0.3):
            revised = f"{whole(rng, 2010, 2023)}. {whole(rng, 1, 12)}. {whole(rng, 1, 28)}."
            text = f"[별지 제{whole(rng, 1, 30)}호 서식] <개정 {revised}>"
            canvas.text(self.left, self.y - 10, text, 10, ink)
        if not chance(rng, 0.4):
            return
        above, at_left, square = chance(rng, 0.5), chance(rng, 0.5), chance(rng, 0.4)
        width, height = (46.0, 46.0) if square else (between(rng, 100, 150), 26.0)
        x = self.left if at_left else self.right - width
        y = self.y if above else self.bottom - height - 4
        if square:
            marks.square_code(rng, canvas, x, y, width, ink)
        else:
            marks.barcode(rng, canvas, x, y, width, height, ink)
        text_x = x + width + 10 if at_left else x - 10
        text = f"문서확인번호 0000-{digits(rng, 4)}-{digits(rng, 4)}"
        canvas.text(text_x, y + 12, text, 9.5, ink, anchor="lm" if at_left else "rm", fit=self.width - width - 20)
        if above:
            self.y += height + 16
        else:
            self.bottom -= height + 18
