"""The blocks of a report: a tree that is independent of HTML and Markdown.

In every text that a person reads, words in backticks are code; nothing else is markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Text:
    """A paragraph; a quiet one is fine print that explains how the numbers next to it were computed."""

    kind: ClassVar[str] = "text"
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Note:
    """A paragraph that must not be missed."""

    kind: ClassVar[str] = "note"
    title: str
    text: str


@dataclass(frozen=True)
class Number:
    """One number of the headline."""

    label: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Numbers:
    """The headline: the first number is the one that counts."""

    kind: ClassVar[str] = "numbers"
    items: tuple[Number, ...]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval on a scale, and the scores of a server; all are in [0, 1]."""

    kind: ClassVar[str] = "interval"
    low: float
    value: float
    high: float
    label: str
    marks: tuple[tuple[str, float], ...] = ()


Tone = Literal["val", "shifted", "other", "server"]


@dataclass(frozen=True)
class Estimate:
    """A row of ``Intervals``: a score and, where it is an estimate, its interval; all are in [0, 1]."""

    label: str
    value: float
    interval: tuple[float, float] | None = None
    tone: Tone = "val"


@dataclass(frozen=True)
class Intervals:
    """Scores below one another on one scale, with their intervals."""

    kind: ClassVar[str] = "intervals"
    label: str
    rows: tuple[Estimate, ...]


@dataclass(frozen=True)
class Pairs:
    """A list of names with their values."""

    kind: ClassVar[str] = "pairs"
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TableBlock:
    """Rows below a header; ``numeric`` columns are aligned right; ``bar`` is a column of values in [0, 1]."""

    kind: ClassVar[str] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    bar: int | None = None

    @classmethod
    def titled(
        cls,
        title: Callable[[str], str],
        keys: Sequence[str],
        rows: Iterable[tuple[str, ...]],
        words: Iterable[int] = (0,),
        bar: int | None = None,
    ) -> TableBlock:
        """Return a table whose header has the texts of ``keys``; all columns but those of ``words`` are numeric."""
        return cls(tuple(map(title, keys)), tuple(rows), frozenset(range(len(keys))) - {*words}, bar)


@dataclass(frozen=True)
class Picture:
    """A picture of the run folder.

    Attributes:
        file: Its path relative to the run folder; Markdown links to it.
        image: PNG or JPEG bytes for HTML; without them only Markdown shows the picture. ``dark`` is for dark pages.
        min_width_px: The width below which its letters cannot be read; narrower screens scroll.
        max_width_px: The width above which its letters are larger than those of the text; 0 for no limit.
    """

    alt: str
    caption: str = ""
    file: Path | None = None
    image: bytes | None = None
    dark: bytes | None = None
    min_width_px: int = 0
    max_width_px: int = 0


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side: small pages, plots (the first next to the others), or each as wide as the text."""

    kind: ClassVar[str] = "pictures"
    items: tuple[Picture, ...]
    layout: Literal["pages", "plots", "wide"]


@dataclass(frozen=True)
class Code:
    """Text to copy unchanged."""

    kind: ClassVar[str] = "code"
    text: str
    language: Literal["yaml", "sh", "text"] = "text"


@dataclass(frozen=True)
class Bullets:
    """An unordered list."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One fact that is needed to repeat a run, and whether the run's files agree on it."""

    holds: bool
    text: str
    value: str = ""


@dataclass(frozen=True)
class Checklist:
    """A list of checked facts."""

    kind: ClassVar[str] = "checklist"
    items: tuple[Check, ...]


@dataclass(frozen=True)
class CommandLine:
    """A shell command in two parts: what stays the same, and the words that distinguish it from its neighbours."""

    base: str
    words: str = ""

    @property
    def text(self) -> str:
        """The command as it is typed, with the words on a separate line."""
        return f"{self.base} \\\n  {self.words}" if self.words else self.base


@dataclass(frozen=True)
class Proposal:
    """Commands and the reason to run them."""

    kind: ClassVar[str] = "proposal"
    reason: str
    commands: tuple[CommandLine, ...]


@dataclass(frozen=True)
class SectionBlock:
    """A titled section; a section inside a section is a smaller one."""

    kind: ClassVar[str] = "section"
    name: str
    title: str
    blocks: tuple[Block, ...]


def without_empty(*sections: SectionBlock) -> tuple[SectionBlock, ...]:
    """Return the sections that have content."""
    return tuple(section for section in sections if section.blocks)


Block = (
    Text
    | Note
    | Numbers
    | Interval
    | Intervals
    | Pairs
    | TableBlock
    | Pictures
    | Code
    | Bullets
    | Checklist
    | Proposal
    | SectionBlock
)


@dataclass(frozen=True)
class ReportDocument:
    """A whole report in one language."""

    language: str
    kicker: str
    title: str
    subtitle: str
    contents: str
    sections: tuple[SectionBlock, ...]
    footer: str
    is_preliminary: bool = False
