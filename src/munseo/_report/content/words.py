"""Section: what the words of a page add to its image, overall and by class, and the words that speak for each class."""

from __future__ import annotations

from collections.abc import Sequence

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Estimate, Intervals, Note, SectionBlock, TableBlock, Text, without_empty
from munseo._report.facts import Facts
from munseo._run.text_scores import ChangedPage, TextDifference, TextScores

PARTS = ("val", "shifted")
"""The parts of a run's validation, in the order in which they are shown."""
NUM_LISTED = 10
"""Pages that are listed of those that words made right, and of those that they made wrong."""


def word_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the verdict, the scores of image, text and both, each class, changed pages, and words."""
    words = facts.results.text
    if words is None:
        return ()
    return without_empty(
        SectionBlock("words_gain", texts("words.gain"), _gain(words, texts)),
        SectionBlock("words_classes", texts("words.classes"), _classes(words, texts)),
        SectionBlock("words_changed", texts("words.changed"), _changed(words, texts)),
        SectionBlock("words_reading", texts("words.reading"), _reading(words, texts)),
        SectionBlock("words_speaking", texts("words.speaking"), _speaking(words, facts.config.text_keep, texts)),
    )


def _differences(words: TextScores) -> list[tuple[str, TextDifference]]:
    parts = {"val": words.val, "shifted": words.shifted}
    return [(name, parts[name]) for name in PARTS if parts[name] is not None]  # type: ignore[misc]


def _gain(words: TextScores, texts: Texts) -> tuple[Block, ...]:
    measured = _differences(words)
    if not measured:
        return (Text(texts(f"words.refused_{words.refused or 'few_pages'}", pages=fm.count(words.min_pages))),)
    decisive = dict(measured).get(words.decided_on or "val", measured[-1][1])
    verdict = texts(
        "words.used" if words.used else "words.refused_no_gain",
        value=fm.signed(decisive.value),
        interval=fm.signed_span(decisive.interval),
        part=texts(f"words.on_{words.decided_on or 'val'}"),
    )
    rows = tuple(
        (
            texts(f"words.part_{name}"),
            fm.score(one.image),
            fm.score(one.text),
            fm.score(one.fused),
            fm.signed(one.value),
            fm.signed_span(one.interval),
        )
        for name, one in measured
    )
    keys = ("words.part", "words.image", "words.text", "words.fused", "words.adds", "view.interval")
    sides = [(name, what, getattr(one, what)) for name, one in measured for what in ("image", "fused")]
    scale = Intervals(texts("words.scale"), tuple(_estimate(*side, texts) for side in sides))
    blocks: list[Block] = [Text(verdict), scale, TableBlock.titled(texts, keys, rows)]
    if words.shifted is not None and not words.damaged_words:
        blocks.append(Note(texts("words.undamaged_title"), texts("words.undamaged")))
    blocks.append(Text(texts("words.how"), quiet=True))
    return tuple(blocks)


def _estimate(part: str, what: str, value: float, texts: Texts) -> Estimate:
    label = texts("words.row", part=texts(f"words.part_{part}"), what=texts(f"words.{what}"))
    return Estimate(label, value, None, "val" if what == "fused" else "other")


def _classes(words: TextScores, texts: Texts) -> tuple[Block, ...]:
    if not words.per_class:
        return ()
    rows = tuple(
        (one.name, fm.score(one.image), fm.score(one.fused), fm.signed(one.value), fm.signed_span(one.interval))
        for one in sorted(words.per_class, key=lambda one: -one.value)
    )
    keys = ("class", "words.image", "words.fused", "words.adds", "view.interval")
    note = texts("words.classes_note", part=texts(f"words.on_{words.decided_on or 'val'}"))
    return TableBlock.titled(texts, keys, rows, bar=2), Text(note, quiet=True)


def _changed(words: TextScores, texts: Texts) -> tuple[Block, ...]:
    if not words.val:
        return ()
    counts = texts("words.changed_counts", better=fm.count(words.num_better), worse=fm.count(words.num_worse))
    blocks: list[Block] = [Text(counts)]
    for name, pages in (("better", words.better), ("worse", words.worse)):
        if pages:
            blocks += [Text(texts(f"words.{name}")), _pages(pages[:NUM_LISTED], texts)]
    return tuple(blocks)


def _pages(pages: Sequence[ChangedPage], texts: Texts) -> TableBlock:
    rows = tuple((f"`{page.id}`", page.true, page.image, page.fused, fm.count(page.num_words)) for page in pages)
    keys = ("words.page", "words.true", "words.image", "words.fused", "words.count")
    return TableBlock.titled(texts, keys, rows, words=(0, 1, 2, 3))


def _reading(words: TextScores, texts: Texts) -> tuple[Block, ...]:
    rows = tuple(
        (
            texts(f"words.part_{name}"),
            fm.count(read.num_pages),
            fm.count(read.num_without_words),
            fm.percent(read.num_without_words / max(read.num_pages, 1)),
            fm.count(read.median_words),
            "–" if read.mean_confidence is None else fm.percent(read.mean_confidence, 0),
            ", ".join(f"{texts.name('words.source', source)} {count}" for source, count in read.sources.items()),
        )
        for name, read in words.read.items()
        if name in ("train", *PARTS)
    )
    keys = (
        *("words.part", "words.pages", "words.without", "words.share", "words.median", "words.confidence"),
        "words.sources",
    )
    note = texts("words.without_note")
    return TableBlock.titled(texts, keys, rows, words=(0, 6)), Text(note, quiet=True)


def _speaking(words: TextScores, kept: bool, texts: Texts) -> tuple[Block, ...]:
    rows = tuple(
        (one.name, ", ".join(f"{word.word} ({word.evidence:+.2f})" for word in one.words))
        for one in words.class_words
        if one.words
    )
    if not rows:
        return ()
    note = texts("words.speaking_note", pages=fm.count(words.min_pages))
    note += "" if kept else f" {texts('words.not_kept')}"
    return TableBlock.titled(texts, ("class", "words.list"), rows, words=(0, 1)), Text(note, quiet=True)
