"""The report as GitHub's Markdown, with pictures as links into the run folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from munseo._report import blocks
from munseo._report.blocks import Block, Picture, Pictures, ReportDocument, TableBlock

PAGES_PER_ROW = 6
"""How many small pages are next to each other."""


def render_markdown(document: ReportDocument) -> str:
    """Render a report as Markdown; names that come from the run cannot act as markup."""
    lines = [f"# {inline(document.title)}", f"{inline(document.kicker)}", f"`{document.subtitle}`"]
    for section in document.sections:
        lines += [f"## {inline(section.title)}", *(text for block in section.blocks for text in _block(block))]
    return "\n\n".join([*lines, "---", inline(document.footer)]) + "\n"


def inline(text: str) -> str:
    """Escape a sentence; words in backticks stay code."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(part if index % 2 else _escape(part) for index, part in enumerate(parts))


def _escape(text: str) -> str:
    """Escape only what Markdown would take for markup; an underscore within a word is none."""
    text = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([*|`]|~~)", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
    return re.sub(r"\](?=[(\[:])", r"\\]", text)


def _block(block: Block) -> Iterator[str]:
    match block:
        case blocks.SectionBlock():
            yield f"### {inline(block.title)}"
            for inner in block.blocks:
                yield from _block(inner)
        case blocks.Text():
            yield inline(block.text)
        case blocks.Note():
            yield f"> **⚠ {inline(block.title)}**\n>\n> {inline(block.text)}"
        case blocks.Numbers():
            yield "\n".join(
                f"- **{inline(n.label)}**: **{n.value}**" + (f" ({inline(n.remark)})" if n.remark else "")
                for n in block.items
            )
        case blocks.Interval() | blocks.Intervals():
            pass  # a drawing of numbers that the text next to it has in words
        case blocks.Pairs():
            yield "\n".join(f"- **{inline(name)}**: {inline(value)}" for name, value in block.items)
        case blocks.TableBlock():
            yield _table(block)
        case blocks.Pictures():
            yield from _pictures(block)
        case blocks.Code():
            yield _fenced(block.text, block.language)
        case blocks.Bullets():
            yield "\n".join(f"- {inline(item)}" for item in block.items)
        case blocks.Checklist():
            yield "\n".join(
                f"- [{'x' if item.holds else ' '}] {inline(item.text)}"
                + (f": {inline(item.value)}" if item.value else "")
                for item in block.items
            )
        case blocks.Proposal():
            yield inline(block.reason)
            yield _fenced("\n".join(command.text for command in block.commands), "sh")


def _table(table: TableBlock) -> str:
    rule = ["---:" if column in table.numeric else "---" for column in range(len(table.header))]
    rows = [table.header, *table.rows]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join(rule) + " |", *lines[1:]])


def _cell(text: str) -> str:
    """Escape a cell; a bar would end it even within code."""
    return inline(text).replace("\\|", "|").replace("|", "\\|")


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{'' if language == 'text' else language}\n{text}\n{fence}"


def _pictures(pictures: Pictures) -> Iterator[str]:
    """Render pages in tables, so that they are side by side, and plots one after another."""
    items = [item for item in pictures.items if item.file]
    if pictures.layout != "pages":
        for item in items:
            yield _link(item)
            if item.caption:
                yield f"*{inline(item.caption)}*"
        return
    for start in range(0, len(items), PAGES_PER_ROW):
        row = items[start : start + PAGES_PER_ROW]
        header, captions = (" | ".join(cells) for cells in ([_link(i) for i in row], [_cell(i.caption) for i in row]))
        yield f"| {header} |\n| {' | '.join('---' for _ in row)} |\n| {captions} |"


def _link(picture: Picture) -> str:
    assert picture.file is not None
    alt = re.sub(r"[\[\]\n|]", " ", picture.alt)
    return f"![{_escape(alt)}]({quote(picture.file.as_posix())})"
