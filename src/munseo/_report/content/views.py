"""Section: what each view of a page adds to its prediction, and a second look at uncertain pages."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from munseo._evaluation.confidence_sequence import OF_VIEW
from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Pictures, SectionBlock, TableBlock, Text, without_empty
from munseo._report.content.confidence import measured_on
from munseo._report.facts import Facts
from munseo._report.plots import Plot, Theme, drawing, png
from munseo._run.results import SecondLookGain, ViewGains

WIDTH_IN, ROW_IN, TOP_IN, BOTTOM_IN, LEFT_IN = 6.6, 0.34, 0.48, 0.5, 1.55


def view_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return what each view adds, and what a second look at uncertain pages adds."""
    gains, second_look = facts.results.views, facts.results.second_look
    return without_empty(
        SectionBlock("view_gains", texts("views.views"), _gains(facts, gains, texts) if gains else ()),
        SectionBlock("second_look", texts("second_look"), _second_look(second_look, texts) if second_look else ()),
    )


def _gains(facts: Facts, gains: ViewGains, texts: Texts) -> tuple[Block, ...]:
    picture = VIEWS_PLOT.picture(facts, texts, texts("views"), texts("views.caption"), 480, 640)
    if any(row.accuracy_interval for row in gains.ranked):
        sentences = Text(f"{_configured(gains, texts)} {_hurting(gains, texts)}")
        return sentences, Pictures((picture,), "wide"), *_judged_quickly(facts, gains, texts)
    rows = tuple(
        (
            f"`{row.view}`",
            fm.score(row.alone),
            fm.score(row.with_identity),
            fm.signed(row.gain),
            fm.signed_span(row.interval),
            texts.name("verdict", row.verdict),
        )
        for row in gains.ranked
    )
    keys = ("view", "view.alone", "view.with", "view.gain", "view.interval", "view.verdict")
    space = texts.name("views", f"space_{gains.space}")
    return (
        Text(f"{_configured(gains, texts)} {_hurting(gains, texts)}"),
        Pictures((picture,), "wide"),
        TableBlock.titled(texts, keys, rows, words=(0, 5)),
        Text(texts("views.note", space=space, part=measured_on(facts, texts)), quiet=True),
    )


def _judged_quickly(facts: Facts, gains: ViewGains, texts: Texts) -> tuple[Block, ...]:
    """Return the table of views that were judged until their effect on accuracy was certain, and how that was done."""
    rows = tuple(
        (
            f"`{row.view}`",
            fm.signed(row.gain),
            fm.signed_span(row.accuracy_interval),
            num_judged(row.num_pages, row.stopped_early, texts),
            texts.name("verdict", row.verdict),
        )
        for row in gains.ranked
    )
    keys = ("view", "view.gain", "quick.view_interval", "quick.pages", "view.verdict")
    space = texts.name("views", f"space_{gains.space}")
    note = texts("quick.views", space=space, part=measured_on(facts, texts), half_width=fm.points(OF_VIEW.half_width))
    return TableBlock.titled(texts, keys, rows, words=(0, 4)), Text(note, quiet=True)


def num_judged(num_pages: int | None, stopped_early: bool, texts: Texts) -> str:
    """Return the number of pages that something was judged on, and whether it was left before all were judged."""
    return texts("quick.stopped" if stopped_early else "quick.all", pages=fm.count(num_pages))


def _configured(gains: ViewGains, texts: Texts) -> str:
    base = fm.score(gains.base)
    if gains.configured_macro_f1 is None or set(gains.configured) <= {"identity"}:
        return texts("views.single", base=base)
    value, gain = gains.configured_macro_f1, fm.signed(gains.configured_macro_f1 - gains.base)
    return texts("views.configured", views=_codes(gains.configured), value=fm.score(value), base=base, gain=gain)


def _hurting(gains: ViewGains, texts: Texts) -> str:
    if not gains.hurting:
        return texts("views.none_hurts")
    views = _codes(gains.hurting)
    if configured := gains.hurting_and_configured:
        return texts("views.hurt_configured", views=views, configured=_codes(configured))
    return texts("views.hurt", views=views)


def _second_look(second_look: SecondLookGain, texts: Texts) -> tuple[Block, ...]:
    text = texts(
        "second_look.text",
        gate=f"{second_look.gate:.2f}",
        share=fm.percent(second_look.share),
        views=_codes(second_look.views),
        blend=fm.percent(second_look.blend, 0),
        before=fm.score(second_look.before),
        after=fm.score(second_look.after),
        gain=fm.signed(second_look.gain),
        interval=fm.bounds(second_look.interval, "second_look.interval", texts, fm.signed),
    )
    return (Text(f"{text} {texts(f'second_look.{_use(second_look)}')}"),)


def _use(second_look: SecondLookGain) -> str:
    """Return whether it is used or, if not, why not, as the end of a key."""
    if second_look.used:
        return "used"
    if second_look.gain <= 0:
        return "unused_worse"
    return "unused_small" if second_look.interval and second_look.interval[0] <= 0 else "unused"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def draw_views(facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw a row for each view with its interval, the largest gain on top, as PNG."""
    assert facts.results.views is not None
    rows = facts.results.views.ranked
    height = TOP_IN + len(rows) * ROW_IN + BOTTOM_IN
    colors = {"helps": theme.val, "hurts": theme.shifted}
    with drawing(theme):
        figure = Figure(figsize=(WIDTH_IN, height))
        box = (LEFT_IN / WIDTH_IN, BOTTOM_IN / height, 1 - (LEFT_IN + 0.85) / WIDTH_IN)
        axes = figure.add_axes((*box, len(rows) * ROW_IN / height))
        axes.set_facecolor(theme.paper)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.grid(axis="x", color=theme.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.axvline(0, color=theme.faint, linewidth=1.0, zorder=1)
        for y, row in enumerate(rows):
            color = colors.get(row.verdict, theme.train)
            if row.interval:
                axes.plot(row.interval, [y, y], color=color, linewidth=4, alpha=0.35, solid_capstyle="round")
            axes.plot(row.gain, y, "o", color=color, markersize=7, zorder=3)
            axes.annotate(fm.signed(row.gain), (1, y), xycoords=("axes fraction", "data"), xytext=(8, 0),
                          textcoords="offset points", va="center", fontsize=9.5, color=color)  # fmt: skip
        axes.set_yticks(range(len(rows)), [row.view for row in rows], color=theme.ink)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(length=0, pad=6)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fm.signed(value, 3) if value else "0"))
        axes.set_xlabel(texts("plot.gain"), labelpad=6)
        title = texts("plot.views")
        figure.text(0.18 / WIDTH_IN, 1 - 0.24 / height, title, fontsize=11.5, fontweight="bold", va="center")
        return png(figure, theme, tight=False)


VIEWS_PLOT = Plot("views.png", draw_views, lambda facts: facts.results.views is not None, ("results.views",))
