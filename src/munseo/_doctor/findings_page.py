"""The doctor's findings as one HTML file for people: pages side by side, in the report's own looks."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2

from munseo import __version__
from munseo._data import decode
from munseo._data.letterbox import resized
from munseo._doctor.examination import Examination
from munseo._doctor.issue import KINDS, Issue, Sheet
from munseo._locale import Texts
from munseo._report.blocks import Bullets, Note, Number, Numbers, Table, Text
from munseo._report.hangul_font import hangul_font
from munseo._report.html import FONT_PLACE, environment

SHOWN = 24
"""Findings of a kind that are shown with their pages, about 20 kB a page."""
PICTURE_PX = 360
_PAIRS = frozenset({"leak", "near_leak", "duplicate", "near_duplicate"})


@dataclass(frozen=True)
class Card:
    """A page with its words; ``image`` is a JPEG, or None where it cannot be read."""

    image: bytes | None
    part: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Cards:
    """Pages, or pairs of pages side by side under their title."""

    kind: ClassVar[str] = "cards"
    layout: Literal["single", "pair"]
    items: tuple[tuple[str, tuple[Card, ...], bool], ...]
    """Title, one or two cards, whether it is to be mended first."""


Content = Bullets | Cards | Note | Numbers | Table | Text


@dataclass(frozen=True)
class Chapter:
    """A titled part of the page."""

    name: str
    title: str
    blocks: tuple[Content, ...]


def render_page(found: Examination, name: str, language: str) -> str:
    """The page as HTML; whatever comes from the data is escaped.

    Args:
        found: The findings.
        name: Of the data folder.
        language: ``en`` or ``ko``.
    """
    say = Texts(language, "doctor")
    counts = {part: sum(sheet.part == part for sheet in found.sheets) for part in ("train", "val", "test")}
    kinds = [kind for kind in KINDS if found.of_kind(kind)]
    chapters = [_summary(found, kinds, say), *(_chapter(found, kind, say) for kind in kinds), _census(found, say)]
    page = (
        environment()
        .get_template("doctor.html.j2")
        .render(
            language=language,
            kicker=say("kicker"),
            title=say("title", name=name),
            subtitle=say("subtitle", **{part: f"{count:,}" for part, count in counts.items()}),
            contents=say("contents"),
            chapters=chapters,
            footer=say("footer", version=__version__),
        )
    )
    font = hangul_font(page)
    return page.replace(FONT_PLACE, _font_face(font) if font else "", 1)


def _summary(found: Examination, kinds: Sequence[str], say: Texts) -> Chapter:
    numbers = [Number(say("pages"), f"{len(found.sheets):,}")]
    for severity in ("high", "medium", "low"):
        count = sum(issue.severity == severity for issue in found.issues)
        numbers.append(Number(say(f"severity.{severity}"), f"{count:,}"))
    blocks: list[Content] = [Numbers(tuple(numbers))]
    if kinds:
        rows = tuple((say(kind), f"{len(found.of_kind(kind)):,}") for kind in kinds)
        blocks += [
            Table((say("finding"), say("count")), rows, numeric=frozenset({1})),
            Note(say("next"), say("next.1")),
            Bullets((say("next.2"), say("next.3"))),
        ]
    else:
        blocks.append(Text(say("none")))
    blocks += [Text(say.remark(note), quiet=True) for note in found.notes]
    return Chapter("summary", say("summary"), tuple(blocks))


def _chapter(found: Examination, kind: str, say: Texts) -> Chapter:
    issues = found.of_kind(kind)
    blocks: list[Content] = [Text(say(f"{kind}.about"))]
    shown = issues[:SHOWN]
    if kind in _PAIRS:
        shown = sorted(issues, key=lambda issue: issue.severity != "high")[:SHOWN]
        blocks.append(Cards("pair", tuple(_pair(issue, found, say) for issue in shown)))
    elif kind in ("suspicious", "unreadable", "truncated", "confused_classes", "changed"):
        rows = tuple((_place(issue.sheet, say) if issue.sheet else "–", say.remark(issue.detail)) for issue in shown)
        if kind == "confused_classes":
            blocks.append(Bullets(tuple(text for _, text in rows)))
        else:
            blocks.append(Table((say("id"), say("what")), rows))
    else:
        items = tuple(("", (_card(issue.sheet, (say.remark(issue.detail),), say),), False)
                      for issue in shown if issue.sheet)  # fmt: skip
        blocks.append(Cards("single", items))
    if len(issues) > len(shown):
        blocks.append(Text(say("more", count=f"{len(issues) - len(shown):,}"), quiet=True))
    return Chapter(kind, say(kind), tuple(blocks))


def _pair(issue: Issue, found: Examination, say: Texts) -> tuple[str, tuple[Card, ...], bool]:
    sheets = [sheet for sheet in (issue.other, issue.sheet) if sheet is not None]
    sheets.sort(key=lambda sheet: sheet.part == "test")
    labels = [sheet.page.label for sheet in sheets]
    cards = tuple(
        _card(sheet, (found.class_names[label],) if label is not None else (), say)
        for sheet, label in zip(sheets, labels, strict=True)
    )
    conflict = None not in labels and len(set(labels)) > 1
    return say.remark(issue.detail), cards, conflict


def _card(sheet: Sheet, lines: tuple[str, ...], say: Texts) -> Card:
    return Card(_picture(sheet), say(f"part.{sheet.part}"), sheet.page.id, lines)


def _place(sheet: Sheet, say: Texts) -> str:
    return f"{say(f'part.{sheet.part}')} · {sheet.page.id}"


def _picture(sheet: Sheet) -> bytes | None:
    if sheet.problem is not None:
        return None
    picture = cv2.cvtColor(resized(decode(sheet.page.path), PICTURE_PX), cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 72])
    return encoded.tobytes()


def _census(found: Examination, say: Texts) -> Chapter:
    keys = ("class", "num_train", "num_val", "size", "brightness", "coloured")
    rows = tuple(
        (row.name, f"{row.num_train:,}", f"{row.num_val:,}", f"{row.width:.0f} × {row.height:.0f}",
         f"{row.brightness:.0f}", f"{row.coloured:.0%}")
        for row in found.census
    )  # fmt: skip
    table = Table(tuple(say(key) for key in keys), rows, numeric=frozenset({1, 2, 3, 4, 5}))
    return Chapter("classes", say("classes"), (table,))


def _font_face(font: bytes) -> str:
    source = f"url(data:font/woff;base64,{base64.b64encode(font).decode()}) format('woff')"
    letters = "U+1100-11FF, U+3130-318F, U+AC00-D7A3"
    return f"@font-face {{ font-family: 'Munseo Hangul'; src: {source}; unicode-range: {letters}; }}"
