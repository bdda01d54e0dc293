"""How the model does on damaged pages: shifted beside clean, each damage alone, the expected score of the test part."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Bullets, Pairs, Picture, Pictures, Section, Table, Text
from munseo._report.facts import Facts
from munseo._report.facts.shift import BrokenPage, DamageProfile, Robustness
from munseo._report.plots import DARK, LIGHT, ROBUSTNESS, robustness_plot
from munseo._report.plots.contact_sheet import read_picture
from munseo._report.shift_rules import falls

PAGES_PER_DAMAGE, MAX_PAGES = 2, 12


def shift(facts: Facts, say: Texts) -> Section:
    """Comparison, classes, robustness profile, expected score; what was not measured is left out."""
    parts = (
        Section("shift_compare", say("shift.compare"), _compare(facts, say)),
        Section("shift_classes", say("shift.classes"), _classes(facts, say)),
        Section("robustness", say("robustness"), _robustness(facts, facts.robustness, say) if facts.robustness else ()),
        Section("expected", say("expected"), _expected(facts, say)),
    )
    return Section("shift", say("shift"), tuple(part for part in parts if part.blocks))


def _compare(facts: Facts, say: Texts) -> tuple[Block, ...]:
    clean, shifted = facts.judgement, facts.shifted
    if clean is None or shifted is None:
        return ()
    own = shifted.judgement
    rows = (
        (say("macro_f1"), fm.score(clean.macro_f1), fm.score(own.macro_f1), fm.signed(own.macro_f1 - clean.macro_f1)),
        (say("interval"), fm.span(clean.interval), fm.span(own.interval), ""),
        (say("accuracy"), fm.percent(clean.accuracy, 2), fm.percent(own.accuracy, 2),
         fm.signed(fm.less(own.accuracy, clean.accuracy))),
        (say("loss"), fm.score(clean.loss), fm.score(own.loss), fm.signed(fm.less(own.loss, clean.loss))),
    )  # fmt: skip
    header = (say("metric"), say("part.clean"), say("part.shifted"), say("change"))
    key = "shift.how" if shifted.draws > 1 else "shift.how_once"
    how = say(key, draws=shifted.draws, recipe=shifted.recipe, pages=fm.count(own.num_pages))
    return Table(header, rows, numeric=frozenset({1, 2, 3})), Text(how, quiet=True)


def _classes(facts: Facts, say: Texts) -> tuple[Block, ...]:
    """Every class, the largest fall first."""
    supports = {entry.name: entry.support for entry in facts.judgement.per_class} if facts.judgement else {}
    rows = tuple(
        (fall.name, fm.score(fall.clean), fm.score(fall.shifted), fm.signed(-fall.drop), fm.count(supports[fall.name]))
        for fall in falls(facts)
    )
    header = tuple(say(key) for key in ("class", "f1_clean", "f1_shifted", "change", "support"))
    return (Table(header, rows, numeric=frozenset({1, 2, 3, 4}), bar=2),) if rows else ()


def _robustness(facts: Facts, profile: Robustness, say: Texts) -> tuple[Block, ...]:
    light, dark = (robustness_plot(profile, say, theme) for theme in (LIGHT, DARK))
    caption = say("robustness.caption", pages=profile.num_pages)
    picture = Picture(say("robustness"), caption, Path(ROBUSTNESS), light, dark, 640, 880)
    blocks: list[Block] = [Pictures((picture,), "wide")]
    pages = [(damage, page) for damage in profile.damages for page in damage.broken[:PAGES_PER_DAMAGE]][:MAX_PAGES]
    if pages:
        strip = tuple(_page(facts, damage, page, say) for damage, page in pages)
        blocks += [Text(say("robustness.pages"), quiet=True), Pictures(strip, "pages")]
    if (more := sum(len(damage.broken) for damage in profile.damages) - len(pages)) > 0:
        blocks.append(Text(say("robustness.more", count=more), quiet=True))
    return tuple(blocks)


def _page(facts: Facts, damage: DamageProfile, page: BrokenPage, say: Texts) -> Picture:
    name, confidence = say.name("damage", damage.name), fm.percent(page.confidence, 0)
    key = "robustness.page" if damage.graded else "robustness.page_ungraded"
    words = {"damage": name, "severity": f"{page.severity:.2g}", "true": page.true, "predicted": page.predicted}
    read_picture(page.file)  # a damaged file is named here, not embedded
    place = page.file.relative_to(facts.run.path)
    pair = say("arrow", true=page.true, predicted=page.predicted)
    return Picture(f"{page.page}: {pair}", say(key, **words, confidence=confidence), place, page.file.read_bytes())


def _expected(facts: Facts, say: Texts) -> tuple[Block, ...]:
    expected = facts.expected
    if expected is None:
        return ()
    items = [(say("expected.value"), fm.score(expected.macro_f1))]
    if expected.interval:
        items.append((say("expected.interval"), fm.span(expected.interval)))
    if expected.num_pages is not None:
        items.append((say("expected.pages"), fm.count(expected.num_pages)))
    if expected.mean_confidence is not None:
        items.append((say("expected.confidence"), fm.percent(expected.mean_confidence)))
    blocks: list[Block] = [Pairs(tuple(items)), Text(say("expected.note"), quiet=True)]
    if expected.notes:
        blocks.append(Bullets(tuple(map(say.remark, expected.notes))))
    if expected.class_mix:
        per_class = facts.judgement.per_class if facts.judgement else ()
        total = sum(entry.support for entry in per_class)
        shares = {entry.name: entry.support / total for entry in per_class} if total else {}
        rows = tuple(
            (name, fm.percent(share), fm.percent(shares.get(name)), fm.signed(_points(share, shares.get(name)), 1))
            for name, share in expected.class_mix
        )
        header = tuple(say(key) for key in ("class", "expected.share", "expected.share_val", "expected.points"))
        blocks += [Text(say("expected.mix"), quiet=True), Table(header, rows, numeric=frozenset({1, 2, 3}))]
    return tuple(blocks)


def _points(share: float, of_val: float | None) -> float | None:
    return None if of_val is None else 100 * (share - of_val)
