"""How far confidence can be trusted, and what more views of a page are worth."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Command, Picture, Pictures, Proposal, Section, Table, Text
from munseo._report.facts import Facts
from munseo._report.facts.confidence import Calibration, Coverage, SecondLook, Views
from munseo._report.plots import CALIBRATION, DARK, LIGHT, VIEWS, calibration_plot, views_plot


def confidence(facts: Facts, say: Texts) -> Section:
    """Calibration, and the share of pages that a wanted precision leaves without a person."""
    found = facts.calibration
    if found is None:
        return Section("confidence", say("confidence"), ())
    parts = (
        Section("calibration", say("calibration"), _calibration(found, say)),
        Section("coverage", say("coverage"), _coverage(found, facts, say)),
    )
    return Section("confidence", say("confidence"), tuple(part for part in parts if part.blocks))


def views(facts: Facts, say: Texts) -> Section:
    """What each view adds, and the second look at uncertain pages."""
    parts = (
        Section("view_gains", say("views.views"), _views(facts.views, facts, say) if facts.views else ()),
        Section("second_look", say("second_look"), _second_look(facts.second_look, say) if facts.second_look else ()),
    )
    return Section("views", say("views"), tuple(part for part in parts if part.blocks))


def _calibration(found: Calibration, say: Texts) -> tuple[Block, ...]:
    sentences = []
    if found.temperature is not None:
        part = say.name("calibration", f"part_{found.fitted_on}")
        sentences.append(say("calibration.temperature", temperature=f"{found.temperature:.3f}", part=part))
    for row in found.reliability:
        if row.ece_before is not None or row.ece_after is not None:
            errors = {"before": fm.score(row.ece_before), "after": fm.score(row.ece_after)}
            sentences.append(say("calibration.ece", part=say(f"calibration.part_{row.part}"), **errors))
    blocks: list[Block] = [Text(" ".join(sentences))] if sentences else []
    if found.drawable:
        light, dark = (calibration_plot(found, say, theme) for theme in (LIGHT, DARK))
        caption = say("calibration.caption" if found.curve else "calibration.caption_short")
        picture = Picture(say("calibration"), caption, Path(CALIBRATION), light, dark, 600, 300 * found.num_panels)
        blocks.append(Pictures((picture,), "wide"))
    return tuple(blocks)


def _coverage(found: Calibration, facts: Facts, say: Texts) -> tuple[Block, ...]:
    if not found.coverage:
        return ()
    rows = tuple(_coverage_row(row, say) for row in found.coverage)
    header = tuple(say(f"coverage.{key}") for key in ("target", "threshold", "share", "reached"))
    note = Text(say("coverage.note", part=_part(facts, say)), quiet=True)
    blocks: list[Block] = [Table(header, rows, numeric=frozenset({1, 2, 3})), note]
    if reached := [row.target for row in found.coverage if row.threshold is not None]:
        words = f"scans/ -o labels.csv --target-precision {max(reached):g}"
        blocks.append(Proposal(say("coverage.use"), (Command(f"munseo predict {facts.quoted_path}", words),)))
    return tuple(blocks)


def _coverage_row(row: Coverage, say: Texts) -> tuple[str, ...]:
    target = f"{100 * row.target:g}%"
    if row.threshold is None:
        return target, say("coverage.never"), fm.percent(0, 1), fm.UNKNOWN
    return target, f"{row.threshold:.4f}", fm.percent(row.coverage), fm.percent(row.precision)


def _views(found: Views, facts: Facts, say: Texts) -> tuple[Block, ...]:
    light, dark = (views_plot(found, say, theme) for theme in (LIGHT, DARK))
    picture = Picture(say("views"), say("views.caption"), Path(VIEWS), light, dark, 480, 640)
    space = say.name("views", f"space_{found.space}")
    rows = tuple(
        (
            f"`{row.name}`",
            fm.score(row.alone),
            fm.score(row.with_identity),
            fm.signed(row.gain),
            fm.signed_span(row.interval),
            say.name("verdict", row.verdict),
        )
        for row in found.rows
    )
    header = tuple(
        say(key) for key in ("view", "view.alone", "view.with", "view.gain", "view.interval", "view.verdict")
    )
    return (
        Text(f"{_configured(found, say)} {_hurting(found, say)}"),
        Pictures((picture,), "wide"),
        Table(header, rows, numeric=frozenset({1, 2, 3, 4})),
        Text(say("views.note", space=space, part=_part(facts, say)), quiet=True),
    )


def _configured(found: Views, say: Texts) -> str:
    base = fm.score(found.base)
    if found.configured_macro_f1 is None or set(found.configured) <= {"identity"}:
        return say("views.single", base=base)
    value, gain = found.configured_macro_f1, fm.signed(found.configured_macro_f1 - found.base)
    return say("views.configured", views=_codes(found.configured), value=fm.score(value), base=base, gain=gain)


def _hurting(found: Views, say: Texts) -> str:
    if not found.hurting:
        return say("views.none_hurts")
    views = _codes(found.hurting)
    if configured := found.hurting_and_configured:
        return say("views.hurt_configured", views=views, configured=_codes(configured))
    return say("views.hurt", views=views)


def _second_look(found: SecondLook, say: Texts) -> tuple[Block, ...]:
    interval = ""
    if found.interval:
        low, high = (fm.signed(bound) for bound in found.interval)
        interval = say("second_look.interval", low=low, high=high)
    text = say(
        "second_look.text",
        gate=f"{found.gate:.2f}",
        share=fm.percent(found.share),
        views=_codes(found.views),
        blend=fm.percent(found.blend, 0),
        before=fm.score(found.before),
        after=fm.score(found.after),
        gain=fm.signed(found.gain),
        interval=interval,
    )
    return (Text(f"{text} {say(f'second_look.{_use(found)}')}"),)


def _use(found: SecondLook) -> str:
    """Used, or why not."""
    if found.used:
        return "used"
    if found.gain <= 0:
        return "unused_worse"
    return "unused_small" if found.interval and found.interval[0] <= 0 else "unused"


def _part(facts: Facts, say: Texts) -> str:
    """Where it was measured: under shift, if the run validates so."""
    return say("calibration.part_shifted" if facts.shifted else "calibration.part_val")


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
