"""Section: how the model does on damaged pages, each kind of damage, and the score to expect on the test split."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from munseo._evaluation.confidence_sequence import OF_DAMAGE
from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import (
    Block,
    Bullets,
    Pairs,
    Picture,
    Pictures,
    SectionBlock,
    TableBlock,
    Text,
    without_empty,
)
from munseo._report.contact_sheet import read_picture
from munseo._report.content.views import num_judged
from munseo._report.facts import Facts
from munseo._report.findings import class_drops
from munseo._report.plots import Plot, Theme, drawing, png
from munseo._run.results import BrokenPage, DamageScores, RobustnessProfile

PAGES_PER_DAMAGE = 2
"""How many broken pages are shown for each kind of damage."""
MAX_PAGES = 12
"""How many broken pages are shown in all."""
COLUMNS, PANEL_WIDTH_IN, PANEL_HEIGHT_IN, FOOT_IN = 4, 2.15, 1.5, 0.6
HARMFUL = 0.05
"""The macro-F1 that a damage must cost for its panel to have the colour of harm."""
ROOM = 0.03
"""The macro-F1 between the lowest and highest values and the ends of the axis."""


def shift_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return comparison, classes, robustness profile and expected score; what was not measured is left out."""
    profile = facts.results.robustness
    return without_empty(
        SectionBlock("shift_compare", texts("shift.compare"), _compare(facts, texts)),
        SectionBlock("shift_classes", texts("shift.classes"), _classes(facts, texts)),
        SectionBlock("robustness", texts("robustness"), _robustness(facts, profile, texts) if profile else ()),
        SectionBlock("expected", texts("expected"), _expected(facts, texts)),
    )


def _compare(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    clean, shifted = facts.results.val, facts.results.shifted
    if clean is None or shifted is None:
        return ()
    rows = [
        (texts(key), write(before), write(after), fm.gap(after, before))
        for key, write in (("macro_f1", fm.score), ("accuracy", partial(fm.percent, places=2)), ("loss", fm.score))
        for before, after in [(getattr(clean, key), getattr(shifted, key))]
    ]
    rows.insert(1, (texts("interval"), fm.span(clean.macro_f1_interval), fm.span(shifted.macro_f1_interval), ""))
    key = "shift.how" if shifted.draws > 1 else "shift.how_once"
    how = texts(key, draws=shifted.draws, recipe=shifted.recipe, pages=fm.count(shifted.num_pages))
    table = TableBlock.titled(texts, ("metric", "part.clean", "part.shifted", "change"), rows)
    return table, Text(how, quiet=True)


def _classes(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return a table of every class, the largest drop first."""
    supports = {entry.name: entry.support for entry in facts.results.val.per_class} if facts.results.val else {}
    rows = tuple(
        (row.name, fm.score(row.clean), fm.score(row.shifted), fm.signed(-row.drop), fm.count(supports[row.name]))
        for row in class_drops(facts)
    )
    return (
        (TableBlock.titled(texts, ("class", "f1_clean", "f1_shifted", "change", "support"), rows, bar=2),)
        if rows
        else ()
    )


def _robustness(facts: Facts, profile: RobustnessProfile, texts: Texts) -> tuple[Block, ...]:
    caption = texts("robustness.caption", pages=profile.num_pages)
    picture = ROBUSTNESS_PLOT.picture(facts, texts, texts("robustness"), caption, 640, 880)
    blocks: list[Block] = [Pictures((picture,), "wide"), *_judged_quickly(profile, texts)]
    pages = [(damage, page) for damage in profile.damages for page in damage.broken[:PAGES_PER_DAMAGE]][:MAX_PAGES]
    if pages:
        strip = tuple(_page(facts, damage, page, texts) for damage, page in pages)
        blocks += [Text(texts("robustness.pages"), quiet=True), Pictures(strip, "pages")]
    if (more := sum(len(damage.broken) for damage in profile.damages) - len(pages)) > 0:
        blocks.append(Text(texts("robustness.more", count=more), quiet=True))
    return tuple(blocks)


def _judged_quickly(profile: RobustnessProfile, texts: Texts) -> tuple[Block, ...]:
    """Return the table of damages that were judged until their effect was certain, and how that was done."""
    if not any(damage.accuracy_changes for damage in profile.damages):
        return ()
    rows = tuple(
        (
            texts.name("damage", damage.damage),
            fm.signed(-profile.drop(damage)),
            fm.signed_span(min(damage.accuracy_changes)),
            num_judged(damage.num_pages, damage.stopped_early, texts),
        )
        for damage in profile.damages
        if damage.accuracy_changes
    )
    keys = ("quick.damage", "change", "quick.damage_interval", "quick.pages")
    note = texts("quick.damages", boundary=fm.points(-OF_DAMAGE.boundary), half_width=fm.points(OF_DAMAGE.half_width))
    return TableBlock.titled(texts, keys, rows, words=(0,)), Text(note, quiet=True)


def _page(facts: Facts, damage: DamageScores, page: BrokenPage, texts: Texts) -> Picture:
    pair = {"true": page.true, "predicted": page.predicted}
    caption = texts(
        "robustness.page" if damage.graded else "robustness.page_ungraded",
        damage=texts.name("damage", damage.damage),
        severity=f"{page.severity:.2g}",
        confidence=fm.percent(page.confidence, 0),
        **pair,
    )
    assert page.file is not None  # gathering the facts leaves out pages without a picture
    file = facts.run.path / page.file
    read_picture(file)  # raises an error that names a damaged file, before it is embedded
    return Picture(f"{page.id}: {texts('arrow', **pair)}", caption, Path(page.file), file.read_bytes())


def _expected(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    expected = facts.results.expected
    if expected is None:
        return ()
    items = [(texts("expected.value"), fm.score(expected.macro_f1))]
    items.append((texts("expected.interval"), fm.span(expected.interval) if expected.interval else texts("not_stated")))
    if expected.num_pages is not None:
        items.append((texts("expected.pages"), fm.count(expected.num_pages)))
    if expected.mean_confidence is not None:
        items.append((texts("expected.confidence"), fm.percent(expected.mean_confidence)))
    if expected.absent:
        items.append((texts("expected.absent"), ", ".join(expected.absent)))
    blocks: list[Block] = [Pairs(tuple(items)), Text(texts("expected.note"), quiet=True)]
    if expected.notes:
        blocks.append(Bullets(tuple(map(texts.remark, expected.notes))))
    if expected.class_mix:
        per_class = facts.results.val.per_class if facts.results.val else ()
        total = sum(entry.support for entry in per_class)
        fractions = {entry.name: entry.support / total for entry in per_class} if total else {}
        rows = []
        for row in expected.class_mix:
            of_val = fractions.get(row.name)
            points = fm.signed(None if of_val is None else 100 * (row.share - of_val), 1)
            rows.append((row.name, fm.percent(row.share), fm.percent(of_val), points))
        keys = ("class", "expected.share", "expected.share_val", "expected.points")
        blocks += [Text(texts("expected.mix"), quiet=True), TableBlock.titled(texts, keys, rows)]
    return tuple(blocks)


def draw_robustness(facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw macro-F1 against severity, a panel for each kind of damage, the most harmful first, as PNG.

    All panels have one scale. Damages without grades are a point instead of a line.
    """
    profile = facts.results.robustness
    assert profile is not None
    num_rows = -(-len(profile.damages) // COLUMNS)
    columns = min(COLUMNS, len(profile.damages))
    width, height = columns * PANEL_WIDTH_IN + 0.35, num_rows * PANEL_HEIGHT_IN + FOOT_IN
    lowest = min(min(damage.macro_f1) for damage in profile.damages)
    highest = max(profile.clean, *(max(damage.macro_f1) for damage in profile.damages))
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        figure.subplots_adjust(0.45 / width, FOOT_IN / height, 1 - 0.1 / width, 1 - 0.34 / height, 0.16, 0.62)
        panels = figure.subplots(num_rows, columns, squeeze=False, sharey=True).ravel()
        panels[0].set_ylim(max(0.0, lowest - ROOM), min(1.0, highest + ROOM))
        for panel, damage in zip(panels, profile.damages, strict=False):
            _draw_damage(panel, profile, damage, texts, theme)
        for panel in panels[len(profile.damages) :]:
            panel.set_axis_off()
        axes_names = texts("plot.severity_axes")
        figure.text(0.45 / width, 0.1 / height, axes_names, fontsize=8.5, color=theme.faint, va="bottom")
        return png(figure, theme, tight=False)


def _draw_damage(axes: Axes, profile: RobustnessProfile, damage: DamageScores, texts: Texts, theme: Theme) -> None:
    drop = profile.drop(damage)
    color = theme.shifted if drop >= HARMFUL else theme.val
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, pad=4, labelsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.grid(axis="y", color=theme.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.06, 1.06)
    axes.axhline(profile.clean, color=theme.faint, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    if damage.graded:
        points = [(0.0, profile.clean), *zip(damage.severities, damage.macro_f1, strict=True)]
        axes.plot(*zip(*points, strict=True), color=color, linewidth=1.8, marker="o", markersize=3.4, zorder=3)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        worst = min(damage.macro_f1)
        axes.plot([0.5, 0.5], [profile.clean, worst], color=color, linewidth=1.8, zorder=2)
        axes.plot(0.5, worst, "o", color=color, markersize=6, zorder=3)
        axes.set_xticks([0.5], [texts("plot.all_or_nothing")])
    name = texts.name("damage", damage.damage)
    axes.set_title(name, loc="left", fontsize=9.5, fontweight="bold", pad=6, color=theme.ink)
    axes.annotate(fm.signed(-drop, 3), (1, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points",
                  ha="right", va="baseline", fontsize=8.8, color=color if drop >= HARMFUL else theme.faint)  # fmt: skip


ROBUSTNESS_PLOT = Plot(
    "robustness.png", draw_robustness, lambda facts: facts.results.robustness is not None, ("results.robustness",)
)
