"""A paper form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from munseo._synth import marks
from munseo._synth.canvas import Align, Sheet, Weight
from munseo._synth.random_draws import RGB, between, chance, digits, mix, near, pick, whole

Frame = Literal["single", "thick", "double", "open"]


@dataclass(frozen=True)
class Look:
    """How a form looks; lengths in units of the sheet."""

    paper: RGB
    ink: RGB
    filled: RGB
    """Colour of what is filled in; printed in another colour than the form on some papers."""
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


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a look."""
    paper = near(rng, pick(rng, _PAPERS), 4)
    ink = near(rng, pick(rng, ((25, 25, 28), (45, 45, 50), (30, 35, 70), (60, 50, 50))), 10)
    accent = near(rng, pick(rng, _ACCENTS), 12)
    shaded = chance(rng, 0.55)
    tinted = accent if chance(rng, 0.35) else ink
    return Look(
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


_PAPERS: tuple[RGB, ...] = (
    (242, 242, 240), (228, 228, 228), (214, 213, 210), (238, 233, 220), (226, 218, 200), (222, 228, 234),
    (232, 222, 224), (220, 230, 220), (202, 200, 196), (235, 236, 238), (244, 244, 244), (236, 236, 232),
)  # fmt: skip
_ACCENTS: tuple[RGB, ...] = (
    (30, 70, 140), (20, 110, 90), (150, 40, 50), (90, 60, 130), (60, 60, 60), (190, 110, 30), (20, 120, 160),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One cell of a table; ``share`` is its part of the row's width, before the shares are made to sum up to 1."""

    text: str = ""
    share: float = 1.0
    head: bool = False
    align: Align = "left"
    top: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a table; ``height`` in rows of ordinary height."""

    cells: tuple[Cell, ...]
    height: float = 1.0


def head(text: str, share: float = 0.2) -> Cell:
    """A cell that names what stands in the next ones."""
    return Cell(text, share, head=True, align="middle")


def fields(*pairs: tuple[str, str], height: float = 1.0, label_share: float = 0.19) -> Row:
    """A row of labels and values, all pairs equally wide."""
    value_share = 1.0 / len(pairs) - label_share
    cells = [cell for name, text in pairs for cell in (head(name, label_share), Cell(text, value_share))]
    return Row(tuple(cells), height)


def grid(texts: Sequence[str], shares: Sequence[float], *, is_head: bool = False, align: Align = "middle") -> Row:
    """A row of a table with columns: all its cells are heads, or none is."""
    cells = (Cell(t, s, is_head, "middle" if is_head else align) for t, s in zip(texts, shares, strict=True))
    return Row(tuple(cells))


class Form:
    """A form on its sheet, with a cursor ``y`` that moves down as parts are added.

    Args:
        rng: Where all chance comes from.
        longest_px: The longest side of the sheet.
        landscape: Probability that the sheet lies on its side.
    """

    def __init__(self, rng: np.random.Generator, longest_px: int, landscape: float = 0.05) -> None:
        self.rng = rng
        self.look: Look = draw_look(rng)
        short, long = 700.0, 700.0 * between(rng, 1.25, 1.45)
        width, height = (long, short) if chance(rng, landscape) else (short, long)
        self.sheet = Sheet(width, height, longest_px / long, self.look.paper)
        self.left, self.right = self.look.margin_x, width - self.look.margin_x * between(rng, 0.75, 1.25)
        self.y, self.bottom = self.look.margin_y, height - self.look.margin_y
        self._emblem()
        self._codes()

    @property
    def width(self) -> float:
        """Between the margins, in units."""
        return self.right - self.left

    def heading(self, titles: Sequence[str], below: str = "", notes: Sequence[str] = ()) -> None:
        """Write one of the titles, in one of five manners; then a line below it, and notes at the table's corners."""
        rng, look, sheet = self.rng, self.look, self.sheet
        title = pick(rng, titles)
        if len(title) <= 6:
            title = (" " * whole(rng, 0, 3)).join(title)
        size = between(rng, 26, 38)
        size = sheet.fitting(title, size, look.title, self.width * 0.8)
        length, middle = sheet.length(title, size, look.title), (self.left + self.right) / 2
        y, manner, colour = self.y + size * 0.9, whole(rng, 0, 4), look.accent if chance(rng, 0.2) else look.ink
        if manner == 1:
            sheet.box(
                middle - length / 2 - 24, y - size, middle + length / 2 + 24, y + size, None, look.rule, look.stroke
            )
        elif manner == 2:
            for gap in (0.75, 0.9)[: whole(rng, 1, 2)]:
                sheet.line(
                    [(middle - length / 2, y + size * gap), (middle + length / 2, y + size * gap)], colour, look.stroke
                )
        elif manner == 3:
            band = mix(look.accent, look.ink, 0.3)
            sheet.box(self.left, y - size * 0.9, self.right, y + size * 0.9, fill=band)
            colour = look.paper
        if manner == 4:
            sheet.text(self.left, y, title, size, colour, look.title, "lm")
        else:
            sheet.text(middle, y, title, size, colour, look.title, "mm")
        self.y = y + size * 1.25
        if below:
            sheet.text(middle, self.y + 8, below, look.text * 1.05, look.ink, look.body, "mm", fit=self.width)
            self.y += 26
        self.y += between(rng, 2, 20)
        if notes:
            self.notes(notes)

    def notes(self, texts: Sequence[str]) -> None:
        """Write one short line at the left, and a second one, if there is one, at the right."""
        size, y = self.look.text * 0.92, self.y + 6
        self.sheet.text(self.left, y, texts[0], size, self.look.ink, self.look.body, "lm", fit=self.width * 0.48)
        if len(texts) > 1:
            self.sheet.text(self.right, y, texts[1], size, self.look.ink, self.look.body, "rm", fit=self.width * 0.48)
        self.y += 20

    def table(self, rows: Sequence[Row], reserve: float = 0.0, across: tuple[float, float] = (0.0, 1.0)) -> None:
        """Draw a table at the cursor.

        Args:
            rows: From top to bottom. They are flattened when there is too little room for their ordinary height.
            reserve: Units to keep free between the table and the lower margin.
            across: Which part of the width it takes; the cursor moves all the same.
        """
        look, sheet = self.look, self.sheet
        room = self.bottom - reserve - self.y
        row_height = min(look.row, room / sum(row.height for row in rows))
        x0, x1 = self.left + across[0] * self.width, self.left + across[1] * self.width
        top = self.y
        for row in rows:
            self._row(row, x0, x1, row.height * row_height)
        if look.frame == "thick":
            sheet.box(x0, top, x1, self.y, None, look.rule, look.stroke * 2.4)
        elif look.frame == "double":
            sheet.box(x0 - 3, top - 3, x1 + 3, self.y + 3, None, look.rule, look.stroke)
        elif look.frame == "open":
            for x in (x0, x1):
                sheet.line([(x, top), (x, self.y)], look.paper, look.stroke * 1.6)
        self.y += between(self.rng, 6, 16)

    def stack(self, tables: Sequence[Sequence[Row]], reserve: float = 0.0) -> None:
        """Draw tables one beneath another; where the room is short, they share it in proportion to their rows."""
        heights = [sum(row.height for row in rows) for rows in tables]
        for number, rows in enumerate(tables):
            room = self.bottom - self.y - reserve - 16.0 * (len(tables) - number)
            below = sum(heights[number + 1 :]) / sum(heights[number:])
            self.table(rows, reserve + 16.0 * (len(tables) - number) + room * below)

    def _row(self, row: Row, x0: float, x1: float, height: float) -> None:
        look, sheet = self.look, self.sheet
        total, x = sum(cell.share for cell in row.cells), x0
        for cell in row.cells:
            right = x + (x1 - x0) * cell.share / total
            sheet.box(x, self.y, right, self.y + height, look.shade if cell.head else None, look.rule, look.stroke)
            size = min(look.text, height * 0.62)
            inset = 3.0 if cell.head or cell.align == "middle" else 7.0
            box = (x + inset, self.y + 2 + 4 * cell.top, right - inset, self.y + height - 2)
            colour, weight = (look.ink, look.label) if cell.head else (look.filled, look.body)
            sheet.text_in(box, cell.text, size, colour, weight, cell.align, cell.top)
            x = right
        self.y += height

    def section(self, text: str) -> None:
        """Write a small heading over the next table."""
        mark = pick(self.rng, ("■ ", "▶ ", "□ ", "○ ", ""))
        self.sheet.text(
            self.left, self.y + 9, mark + text, self.look.text * 1.05, self.look.ink, "bold", fit=self.width
        )
        self.y += 22

    def paragraph(self, text: str, height: float, indent: float = 0.0, scale: float = 1.0) -> None:
        """Write a text of several lines into the height given."""
        box = (self.left + indent, self.y, self.right - indent, self.y + height)
        self.sheet.text_in(box, text, self.look.text * scale, self.look.ink, self.look.body, top=True)
        self.y += height

    def finish(self) -> np.ndarray:
        """Leave chance's traces, mark the page as a specimen, and return it as uint8 RGB (H, W, 3)."""
        rng, sheet = self.rng, self.sheet
        if chance(rng, 0.15):
            place = sheet.width * between(rng, 0.6, 0.9), sheet.height * between(rng, 0.6, 0.85)
            marks.seal(rng, sheet, *place, between(rng, 50, 80), "원본대조필", self.look.stamp, chance(rng, 0.5))
        if chance(rng, 0.12):
            for share in (0.42, 0.58):
                y = sheet.height * share
                sheet.ellipse(8, y - 9, 26, y + 9, fill=mix(self.look.paper, (30, 30, 30), between(rng, 0.3, 0.9)))
        if chance(rng, 0.2):
            fold = sheet.height * pick(rng, (0.33, 0.5, 0.66))
            sheet.line(
                [(0, fold), (sheet.width, fold + between(rng, -4, 4))], mix(self.look.paper, (0, 0, 0), 0.12), 1.5
            )
        marks.specimen(rng, sheet)
        return sheet.pixels()

    def _emblem(self) -> None:
        """Some papers carry a faint emblem in their middle."""
        if not chance(self.rng, 0.2):
            return
        x, y, size = self.sheet.width / 2, self.sheet.height * 0.52, between(self.rng, 90, 160)
        faint = mix(self.look.paper, self.look.accent, between(self.rng, 0.05, 0.12))
        self.sheet.ellipse(x - size, y - size, x + size, y + size, None, faint, size * 0.12)
        arm = size * 0.22
        self.sheet.box(x - arm, y - size * 0.6, x + arm, y + size * 0.6, fill=faint)
        self.sheet.box(x - size * 0.6, y - arm, x + size * 0.6, y + arm, fill=faint)

    def _codes(self) -> None:
        """Some papers carry a form number and a bar code or square code, above or below all else."""
        rng, sheet, ink = self.rng, self.sheet, self.look.ink
        if chance(rng, 0.3):
            revised = f"{whole(rng, 2010, 2023)}. {whole(rng, 1, 12)}. {whole(rng, 1, 28)}."
            text = f"[별지 제{whole(rng, 1, 30)}호 서식] <개정 {revised}>"
            sheet.text(self.left, self.y - 10, text, 10, ink)
        if not chance(rng, 0.4):
            return
        above, at_left, square = chance(rng, 0.5), chance(rng, 0.5), chance(rng, 0.4)
        width, height = (46.0, 46.0) if square else (between(rng, 100, 150), 26.0)
        x = self.left if at_left else self.right - width
        y = self.y if above else self.bottom - height - 4
        if square:
            marks.square_code(rng, sheet, x, y, width, ink)
        else:
            marks.barcode(rng, sheet, x, y, width, height, ink)
        beside = x + width + 10 if at_left else x - 10
        text = f"문서확인번호 0000-{digits(rng, 4)}-{digits(rng, 4)}"
        sheet.text(beside, y + 12, text, 9.5, ink, anchor="lm" if at_left else "rm", fit=self.width - width - 20)
        if above:
            self.y += height + 16
        else:
            self.bottom -= height + 18
