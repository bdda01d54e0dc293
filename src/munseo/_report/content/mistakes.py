"""Section: which classes are found and which pages are mistaken, with pictures of the pages."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Picture, Pictures, SectionBlock, TableBlock, Text, without_empty
from munseo._report.contact_sheet import read_picture
from munseo._report.content.confusion_matrix import CONFUSION_PLOT, matrix_widths_px
from munseo._report.facts import Facts, Mistake
from munseo._run.scores import Scores

NUM_PAIRS = 5
"""How many of the most confused pairs are listed."""
PAGES_PER_PAIR = 6
"""How many pages of each pair are shown."""
MAX_OTHERS = 30
"""How many pages are shown besides those of the most confused pairs; a page takes about 15 kB of the report."""


def error_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return metrics of each class, confusion matrix, most confused pairs and other mistakes."""
    val = facts.results.val
    if val is None:
        return ()
    shown = _pages_of_pairs(facts, val)
    gallery = texts("gallery" if any(shown) else "gallery.all")
    return without_empty(
        SectionBlock("per_class", texts("per_class"), (per_class_table(val, texts),)),
        SectionBlock("confusion", texts("confusion"), (_confusion(facts, val, texts),)),
        SectionBlock("pairs", texts("pairs"), _pairs(val, shown, texts)),
        SectionBlock("gallery", gallery, _others(facts, val, shown, texts)),
    )


def per_class_table(scores: Scores, texts: Texts) -> TableBlock:
    """Return precision, recall, F1 and number of pages of each class."""
    rows = tuple(
        (entry.name, fm.score(entry.precision), fm.score(entry.recall), fm.score(entry.f1), fm.count(entry.support))
        for entry in scores.per_class
    )
    return TableBlock.titled(texts, ("class", "precision_metric", "recall", "f1", "support"), rows, bar=3)


def _confusion(facts: Facts, val: Scores, texts: Texts) -> Pictures:
    narrowest, widest = matrix_widths_px(len(val.per_class))
    caption = texts("confusion.caption")
    return Pictures((CONFUSION_PLOT.picture(facts, texts, texts("confusion"), caption, narrowest, widest),), "wide")


def _pages_of_pairs(facts: Facts, val: Scores) -> list[list[Mistake]]:
    """Return the gallery's pages of each of the most confused pairs."""
    return [
        [page for page in facts.gallery if (page.true, page.predicted) == (pair.true, pair.predicted)][:PAGES_PER_PAIR]
        for pair in val.confusions[:NUM_PAIRS]
    ]


def _pairs(val: Scores, shown: list[list[Mistake]], texts: Texts) -> tuple[Block, ...]:
    if not val.confusions:
        return (Text(texts("pairs.none")),)
    supports = {entry.name: entry.support for entry in val.per_class}
    blocks: list[Block] = [Text(texts("pairs.note"), quiet=True)] if any(shown) else []
    for pair, pages in zip(val.confusions, shown, strict=False):
        share = fm.percent(pair.share, 0)
        numbers = {"count": pair.count, "support": supports[pair.true], "share": share}
        blocks.append(Text(texts("pairs.item", true=pair.true, predicted=pair.predicted, **numbers)))
        if pages:
            blocks.append(Pictures(tuple(_page(page, texts, of_pair=True) for page in pages), "pages"))
    if (rarer := len(val.confusions) - NUM_PAIRS) > 0:
        blocks.append(Text(texts("pairs.more", count=rarer), quiet=True))
    return tuple(blocks)


def _others(facts: Facts, val: Scores, shown: list[list[Mistake]], texts: Texts) -> tuple[Block, ...]:
    """Return mistakes that are not shown with their pair."""
    if not facts.gallery:
        return (Text(texts("gallery.none"), quiet=True),) if val.num_errors else ()
    seen = {page.file for pages in shown for page in pages}
    others = [page for page in facts.gallery if page.file not in seen]
    if not others:
        return ()
    pictures = Pictures(tuple(_page(page, texts) for page in others[:MAX_OTHERS]), "pages")
    blocks: list[Block] = [Text(texts("gallery.note"), quiet=True), pictures]
    if len(others) > MAX_OTHERS:
        blocks.append(Text(texts("gallery.more", count=len(others) - MAX_OTHERS), quiet=True))
    return tuple(blocks)


def _page(page: Mistake, texts: Texts, of_pair: bool = False) -> Picture:
    pair = texts("arrow", true=page.true, predicted=page.predicted)
    caption = confidence = fm.percent(page.confidence, 0)
    if not of_pair:
        caption = texts("mistake.caption", true=page.true, predicted=page.predicted, confidence=confidence)
    read_picture(page.file)  # raises an error that names a damaged file, before it is embedded
    return Picture(f"{page.page}: {pair}", caption, Path("gallery") / page.file.name, page.file.read_bytes())
