"""What words add to a run: the entry ``text`` of ``results.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from munseo._run.records import RunRecord
from munseo._run.scores import Interval


class TextDifference(RunRecord):
    """What the fusion adds to the image on the same pages, paired, with its 90% interval.

    Attributes:
        image: Macro-F1 (of a class: F1) of the image alone; ``text`` and ``fused`` likewise. Text alone counts only
            pages with words, and is None where there are none.
        value: ``fused`` minus ``image``.
    """

    image: float
    text: float | None = None
    fused: float
    value: float
    interval: Interval | None = None


class ClassTextDifference(TextDifference):
    """The same for one class."""

    name: str = Field(alias="class")


class ReadingCounts(RunRecord):
    """How pages were read.

    Attributes:
        num_pages: Pages; damaged ones count once for each draw.
        num_without_words: Those of them without a readable word, which are predicted by the image alone.
        sources: Number of pages by the source of their words (``column``, ``sidecar``, ``pdf``, ``ocr``, ``none``).
        median_words: Median of the numbers of words, of pages with words.
        mean_confidence: Mean confidence of the reading, of pages with words whose source has one.
    """

    num_pages: int
    num_without_words: int
    sources: dict[str, int] = Field(default_factory=dict)
    median_words: float | None = None
    mean_confidence: float | None = None


class ChangedPage(RunRecord):
    """A clean validation page whose class the words changed."""

    id: str
    true: str
    image: str
    fused: str
    num_words: int


class SpeakingWord(RunRecord):
    """A word that speaks for a class: what it adds to the class's logit on its pages, and on how many pages it is."""

    word: str
    evidence: float
    num_pages: int


class ClassWords(RunRecord):
    """The words that speak for one class."""

    name: str = Field(alias="class")
    words: tuple[SpeakingWord, ...] = ()


class TextScores(RunRecord):
    """The words of a run: whether they are used, and what they add.

    Attributes:
        used: Whether predictions fuse image and words.
        refused: Why not: ``few_pages`` (too few validation pages have words), ``no_gain`` (the interval of what they
            add reaches 0 or below), ``no_words`` (too few training pages have words); None where they are used.
        decided_on: ``shifted`` or ``val``: the pages whose interval decided.
        damaged_words: Whether the words of damaged pages were read from the damaged pages themselves. If not, they are
            those of the undamaged pages, as if the words came beside each page.
        read: How the pages were read: ``train``, ``val`` and ``shifted``.
        val: What the fusion adds on clean pages; ``shifted`` likewise on damaged pages.
        per_class: The same for each class, on the pages that decided.
        num_better: Clean pages that the words made right; ``num_worse``: those that they made wrong.
        better: Some of them; ``worse`` likewise.
        min_pages: Words on fewer training pages are not in the model.
        class_words: The words that speak for each class.
    """

    used: bool = False
    refused: Literal["few_pages", "no_gain", "no_words"] | None = None
    decided_on: str | None = None
    damaged_words: bool = False
    read: dict[str, ReadingCounts] = Field(default_factory=dict)
    val: TextDifference | None = None
    shifted: TextDifference | None = None
    per_class: tuple[ClassTextDifference, ...] = ()
    num_better: int = 0
    num_worse: int = 0
    better: tuple[ChangedPage, ...] = ()
    worse: tuple[ChangedPage, ...] = ()
    min_pages: int | None = None
    class_words: tuple[ClassWords, ...] = ()
