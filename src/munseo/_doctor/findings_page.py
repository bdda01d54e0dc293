"""The doctor's findings as one HTML file for people: pages side by side, in the design of the report."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from munseo import __version__
from munseo._data import decode
from munseo._data.pixels import resized
from munseo._doctor.examination import Examination, judge_remark
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import Issue
from munseo._doctor.issue_kinds import KINDS, IssueKind
from munseo._jpeg import encode_jpeg
from munseo._locale import Texts
from munseo._report.blocks import Bullets, Note, Number, Numbers, TableBlock, Text
from munseo._report.fonts import hangul_font
from munseo._report.html import FONT_PLACE, environment

SHOWN = 24  # the issues of a kind that are shown with their pages; a page takes about 20 kB
SHOWN_OF_GROUP = 12  # the pages of a group that are shown
PICTURE_PX = 360  # the longest side of a picture
PICTURE_QUALITY = 72  # the JPEG quality of a picture


@dataclass(frozen=True)
class Card:
    """A page and what is written under it."""

    image: bytes | None  # JPEG; None if the page cannot be read
    part: str  # name of its split
    name: str  # the ID of the page
    lines: tuple[str, ...]  # further lines


@dataclass(frozen=True)
class Cards:
    """Pages, or pairs and groups of pages side by side under their title."""

    kind: ClassVar[str] = "cards"
    layout: Literal["single", "pair", "group"]  # whether an item has one card, two, or any number
    # For each item its title, its cards, and whether it should be fixed first.
    items: tuple[tuple[str, tuple[Card, ...], bool], ...]


Content = Bullets | Cards | Note | Numbers | TableBlock | Text


@dataclass(frozen=True)
class Chapter:
    """A part of the HTML page with a title."""

    name: str  # the anchor
    title: str
    blocks: tuple[Content, ...]


def render_page(examination: Examination, name: str, language: str) -> str:
    """Return the HTML page; whatever comes from the data is escaped.

    Args:
        examination: What the doctor found.
        name: The name of the data folder.
        language: ``en`` or ``ko``.
    """
    texts = Texts(language, "doctor")
    counts = {split: sum(page.split == split for page in examination.pages) for split in ("train", "val", "test")}
    kinds = [kind for kind in KINDS.values() if examination.of_kind(kind.name)]
    chapters = [
        _summary(examination, kinds, texts),
        *(_kind_chapter(examination, kind, texts) for kind in kinds),
        _census(examination, texts),
    ]
    template = environment().get_template("doctor.html.j2")
    html = template.render(
        language=language,
        kicker=texts("kicker"),
        title=texts("title", name=name),
        subtitle=texts("subtitle", **{split: f"{count:,}" for split, count in counts.items()}),
        contents=texts("contents"),
        chapters=chapters,
        footer=texts("footer", version=__version__),
    )
    font = hangul_font(html)
    return html.replace(FONT_PLACE, _font_face(font) if font else "", 1)


def _summary(examination: Examination, kinds: Sequence[IssueKind], texts: Texts) -> Chapter:
    numbers = [Number(texts("pages"), f"{len(examination.pages):,}")]
    for severity in ("high", "medium", "low"):
        count = sum(issue.severity == severity for issue in examination.issues)
        numbers.append(Number(texts(f"severity.{severity}"), f"{count:,}"))
    blocks: list[Content] = [Numbers(tuple(numbers))]
    if kinds:
        rows = tuple((texts(kind.name), f"{len(examination.of_kind(kind.name)):,}") for kind in kinds)
        blocks += [
            TableBlock((texts("finding"), texts("count")), rows, numeric=frozenset({1})),
            Note(texts("next"), texts("next.1")),
            Bullets((texts("next.2"), texts("next.3"))),
        ]
    else:
        blocks.append(Text(texts("none")))
    blocks += [Text(texts.remark(note), quiet=True) for note in examination.notes]
    return Chapter("summary", texts("summary"), tuple(blocks))


def _kind_chapter(examination: Examination, kind: IssueKind, texts: Texts) -> Chapter:
    issues = examination.of_kind(kind.name)
    blocks: list[Content] = [Text(texts(f"{kind.name}.about"))]
    if kind.by_judge and examination.judge is not None:
        blocks.append(Text(texts.remark(judge_remark(examination.judge))))
    shown = issues[:SHOWN]
    match kind.layout:
        case "pairs":
            shown = sorted(issues, key=lambda issue: issue.severity != "high")[:SHOWN]
            blocks.append(Cards("pair", tuple(_pair(issue, examination, texts) for issue in shown)))
        case "groups":
            shown = issues
            blocks.append(Cards("group", tuple(_groups(issues, examination, texts))))
        case "list":
            blocks.append(Bullets(tuple(texts.remark(issue.detail) for issue in shown)))
        case "table":
            rows = tuple((_page_name(issue.page, texts), texts.remark(issue.detail)) for issue in shown)
            blocks.append(TableBlock((texts("id"), texts("what")), rows))
        case "cards":
            cards = (_card(issue.page, (texts.remark(issue.detail),), texts) for issue in shown if issue.page)
            blocks.append(Cards("single", tuple(("", (card,), False) for card in cards)))
    if len(issues) > len(shown):
        blocks.append(Text(texts("more", count=f"{len(issues) - len(shown):,}"), quiet=True))
    return Chapter(kind.name, texts(kind.name), tuple(blocks))


def _pair(issue: Issue, examination: Examination, texts: Texts) -> tuple[str, tuple[Card, ...], bool]:
    pages = [page for page in (issue.other, issue.page) if page is not None]
    pages.sort(key=lambda page: page.split == "test")
    labels = [page.label for page in pages]
    cards = tuple(
        _card(page, (examination.class_names[label],) if label is not None else (), texts)
        for page, label in zip(pages, labels, strict=True)
    )
    in_conflict = None not in labels and len(set(labels)) > 1
    return texts.remark(issue.detail), cards, in_conflict


def _groups(
    issues: Sequence[Issue], examination: Examination, texts: Texts
) -> Iterator[tuple[str, tuple[Card, ...], bool]]:
    """Yield each group with the labels of all its pages and the pictures of the first ones."""
    for number in dict.fromkeys(issue.group for issue in issues):
        members = [issue for issue in issues if issue.group == number and issue.page]
        named = [(issue.page, issue.page.label) for issue in members if issue.page]
        counts = Counter(examination.class_names[label] for _, label in named if label is not None)
        labels = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
        title = texts("missing_class.group", group=texts.remark(members[0].detail), labels=labels)
        if len(members) > SHOWN_OF_GROUP:
            title += " " + texts("missing_class.more", shown=SHOWN_OF_GROUP)
        cards = (
            _card(page, () if label is None else (examination.class_names[label],), texts)
            for page, label in named[:SHOWN_OF_GROUP]
        )
        yield title, tuple(cards), False


def _card(page: InspectedPage, lines: tuple[str, ...], texts: Texts) -> Card:
    picture = None
    if page.problem is None:
        picture = encode_jpeg(resized(decode(page.page.path), PICTURE_PX), PICTURE_QUALITY)
    return Card(picture, texts(f"part.{page.split}"), page.id, lines)


def _page_name(page: InspectedPage | None, texts: Texts) -> str:
    return "–" if page is None else f"{texts(f'part.{page.split}')} · {page.id}"


def _census(examination: Examination, texts: Texts) -> Chapter:
    keys = ("class", "num_train", "num_val", "size", "brightness", "coloured", "predicted")
    rows = tuple(
        (row.name, f"{row.num_train:,}", f"{row.num_val:,}", f"{row.width:.0f} × {row.height:.0f}",
         f"{row.brightness:.0f}", f"{row.coloured:.0%}", "–" if row.predicted is None else f"{row.predicted:.0%}")
        for row in examination.census
    )  # fmt: skip
    table = TableBlock(tuple(texts(key) for key in keys), rows, numeric=frozenset({1, 2, 3, 4, 5, 6}))
    return Chapter("classes", texts("classes"), (table,))


def _font_face(font: bytes) -> str:
    source = f"url(data:font/woff;base64,{base64.b64encode(font).decode()}) format('woff')"
    letters = "U+1100-11FF, U+3130-318F, U+AC00-D7A3"
    return f"@font-face {{ font-family: 'Munseo Hangul'; src: {source}; unicode-range: {letters}; }}"
