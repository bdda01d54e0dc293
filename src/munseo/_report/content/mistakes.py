"""Which classes are found and which pages are mistaken, with the pages themselves."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Picture, Pictures, Section, Table, Text
from munseo._report.facts import Facts, Judgement, Mistake
from munseo._report.plots import CONFUSION, DARK, LIGHT, confusion_plot
from munseo._report.plots.contact_sheet import read_picture

NUM_PAIRS, PAGES_PER_PAIR = 5, 6
MAX_OTHERS = 30
"""Pages shown beside those of the most confused pairs; a page takes about 15 kB of the report."""


def errors(facts: Facts, say: Texts) -> Section:
    """Metrics per class, confusion matrix, most confused pairs, other mistakes."""
    judgement = facts.judgement
    if judgement is None:
        return Section("errors", say("errors"), ())
    shown = _pages_of_pairs(facts, judgement)
    parts = (
        Section("per_class", say("per_class"), (_per_class(judgement, say),)),
        Section("confusion", say("confusion"), (_confusion(judgement, say),)),
        Section("pairs", say("pairs"), _pairs(judgement, shown, say)),
        Section("gallery", say("gallery" if any(shown) else "gallery.all"), _others(facts, shown, say)),
    )
    return Section("errors", say("errors"), tuple(part for part in parts if part.blocks))


def _per_class(judgement: Judgement, say: Texts) -> Table:
    rows = tuple(
        (entry.name, fm.score(entry.precision), fm.score(entry.recall), fm.score(entry.f1), fm.count(entry.support))
        for entry in judgement.per_class
    )
    header = tuple(say(key) for key in ("class", "precision_metric", "recall", "f1", "support"))
    return Table(header, rows, numeric=frozenset({1, 2, 3, 4}), bar=3)


def _confusion(judgement: Judgement, say: Texts) -> Pictures:
    light, dark = (confusion_plot(judgement, say, theme) for theme in (LIGHT, DARK))
    num_classes = len(judgement.per_class)
    narrowest, widest = (300, 540) if num_classes <= 8 else (34 * num_classes + 120, 46 * num_classes + 200)
    caption = say("confusion.caption")
    return Pictures((Picture(say("confusion"), caption, Path(CONFUSION), light, dark, narrowest, widest),), "wide")


def _pages_of_pairs(facts: Facts, judgement: Judgement) -> list[list[Mistake]]:
    """The gallery's pages of each of the most confused pairs."""
    return [
        [page for page in facts.gallery if (page.true, page.predicted) == (pair.true, pair.predicted)][:PAGES_PER_PAIR]
        for pair in judgement.confusions[:NUM_PAIRS]
    ]


def _pairs(judgement: Judgement, shown: list[list[Mistake]], say: Texts) -> tuple[Block, ...]:
    if not judgement.confusions:
        return (Text(say("pairs.none")),)
    supports = {entry.name: entry.support for entry in judgement.per_class}
    blocks: list[Block] = [Text(say("pairs.note"), quiet=True)] if any(shown) else []
    for pair, pages in zip(judgement.confusions, shown, strict=False):
        share = fm.percent(pair.share, 0)
        numbers = {"count": pair.count, "support": supports[pair.true], "share": share}
        blocks.append(Text(say("pairs.item", true=pair.true, predicted=pair.predicted, **numbers)))
        if pages:
            blocks.append(Pictures(tuple(_page(page, say, of_pair=True) for page in pages), "pages"))
    if (rarer := len(judgement.confusions) - NUM_PAIRS) > 0:
        blocks.append(Text(say("pairs.more", count=rarer), quiet=True))
    return tuple(blocks)


def _others(facts: Facts, shown: list[list[Mistake]], say: Texts) -> tuple[Block, ...]:
    """Mistakes that are not shown with their pair."""
    if not facts.gallery:
        errors = facts.judgement.num_errors if facts.judgement else 0
        return (Text(say("gallery.none"), quiet=True),) if errors else ()
    seen = {page.file for pages in shown for page in pages}
    others = [page for page in facts.gallery if page.file not in seen]
    if not others:
        return ()
    pictures = Pictures(tuple(_page(page, say) for page in others[:MAX_OTHERS]), "pages")
    blocks: list[Block] = [Text(say("gallery.note"), quiet=True), pictures]
    if len(others) > MAX_OTHERS:
        blocks.append(Text(say("gallery.more", count=len(others) - MAX_OTHERS), quiet=True))
    return tuple(blocks)


def _page(page: Mistake, say: Texts, of_pair: bool = False) -> Picture:
    pair = say("arrow", true=page.true, predicted=page.predicted)
    confidence = fm.percent(page.confidence, 0)
    caption = (
        confidence
        if of_pair
        else say("mistake.caption", true=page.true, predicted=page.predicted, confidence=confidence)
    )
    read_picture(page.file)  # a damaged file is named here, not embedded
    return Picture(f"{page.page}: {pair}", caption, Path("gallery") / page.file.name, page.file.read_bytes())
