"""How training went and what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Code, Pairs, Picture, Pictures, Section, Table, Text
from munseo._report.facts import Facts
from munseo._report.plots import CURVES, DARK, LIGHT, curve_plot


def course(facts: Facts, say: Texts) -> Section:
    """Course, curves, final metrics, folds, server score."""
    parts = (
        Section("progress", say("progress"), (Pairs(_progress(facts, say)),)),
        Section("curves", say("curves"), _curves(facts, say)),
        Section("final", say("final"), _final(facts, say)),
        Section("folds", say("folds"), _folds(facts, say)),
        Section("server", say("server"), server_score(facts, say)),
    )
    return Section("course", say("course"), tuple(part for part in parts if part.blocks))


def _progress(facts: Facts, say: Texts) -> tuple[tuple[str, str], ...]:
    course = facts.course
    items = []
    if course.epochs_done is not None:
        value = say("epochs_value", done=fm.count(course.epochs_done), planned=fm.count(course.epochs_planned))
        items.append((say("epochs"), value))
    if course.stopped in ("patience", "epochs"):
        reason = say(f"stopped.{course.stopped}", monitor=course.monitor, patience=facts.config.patience)
        items.append((say("stopped"), reason))
    if course.best_epoch is not None and not facts.folds:
        best = say(
            "best_epoch_value", epoch=course.best_epoch + 1, monitor=course.monitor, value=fm.score(course.best_value)
        )
        items.append((say("best_epoch"), best))
    items.append((say("run_time"), fm.duration(course.seconds, say)))
    if facts.epoch_seconds is not None:
        items.append((say("epoch_time"), say("epoch_time_value", duration=fm.duration(facts.epoch_seconds, say))))
    return tuple(items)


def _curves(facts: Facts, say: Texts) -> tuple[Block, ...]:
    if not facts.curves:
        return ()
    captions = [say(f"curves.caption_{name}") for name in ("loss", "accuracy", "f1")]
    pictures = tuple(
        Picture(caption, "", Path(file), curve_plot(facts, file, say, LIGHT), curve_plot(facts, file, say, DARK))
        for file, caption in zip(CURVES, captions, strict=True)
    )
    shifted = any("val_shifted_macro_f1" in table for table in facts.curves)
    note = f"{say('curves.note')} {say('curves.shifted')}" if shifted else say("curves.note")
    return Pictures(pictures, "plots"), Text(note, quiet=True)


def _final(facts: Facts, say: Texts) -> tuple[Block, ...]:
    judgement, train = facts.judgement, facts.train
    if judgement is None:
        return ()
    rows = (
        (
            say("macro_f1"),
            _metric(train.macro_f1),
            _metric(judgement.macro_f1),
            _gap(train.macro_f1, judgement.macro_f1),
        ),
        (
            say("accuracy"),
            fm.percent(train.accuracy, 2),
            fm.percent(judgement.accuracy, 2),
            _gap(train.accuracy, judgement.accuracy),
        ),
        (say("loss"), fm.score(train.loss), fm.score(judgement.loss), _gap(train.loss, judgement.loss)),
    )
    header = (say("metric"), say("part.train"), say("part.val"), say("part.gap"))
    best = facts.course.best_epoch
    key = "final.caption_folds" if facts.folds else "final.caption"
    caption = Text(say(key, epoch=fm.UNKNOWN if best is None else best + 1), quiet=True)
    return Table(header, rows, numeric=frozenset({1, 2, 3})), caption, *_interval_and_rate(facts, say)


def _interval_and_rate(facts: Facts, say: Texts) -> tuple[Block, ...]:
    items = []
    if facts.judgement and facts.judgement.interval:
        low, high = (fm.score(bound) for bound in facts.judgement.interval)
        items.append((say("interval"), say("interval_value", low=low, high=high, pages=facts.judgement.num_pages)))
    rates = facts.rates
    if rates.last is not None and rates.highest:
        share = fm.percent(rates.last / rates.highest)
        used = {"last": fm.rate(rates.last), "highest": fm.rate(rates.highest), "configured": fm.rate(rates.configured)}
        items.append((say("rate_last"), say("rate_last_value", share=share, **used)))
    return (Pairs(tuple(items)),) if items else ()


def _metric(value: float | None) -> str:
    return fm.UNKNOWN if value is None else f"{value:.4f} ({100 * value:.2f}%)"


def _gap(train: float | None, val: float | None) -> str:
    return fm.signed(fm.less(train, val))


def _folds(facts: Facts, say: Texts) -> tuple[Block, ...]:
    if not facts.folds:
        return ()
    header = tuple(say(key) for key in ("fold", "macro_f1", "accuracy", "loss", "best_epoch", "epochs", "run_time"))
    rows = [
        (
            f"`fold{fold.number}`",
            fm.score(fold.macro_f1),
            fm.percent(fold.accuracy, 2),
            fm.score(fold.loss),
            fm.UNKNOWN if fold.best_epoch is None else str(fold.best_epoch + 1),
            fm.count(fold.epochs_done),
            fm.duration(fold.seconds, say),
        )
        for fold in facts.folds
    ]
    if facts.judgement:
        whole = (facts.judgement.macro_f1, facts.judgement.accuracy, facts.judgement.loss)
        total = fm.duration(facts.course.seconds, say)
        rows.append((say("folds.all"), fm.score(whole[0]), fm.percent(whole[1], 2), fm.score(whole[2]), "", "", total))
    blocks: list[Block] = [Table(header, tuple(rows), numeric=frozenset(range(1, 7)))]
    values = [fold.macro_f1 for fold in facts.folds if fold.macro_f1 is not None]
    if len(values) > 1:
        mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
        spread = {"mean": mean, "std": std, "low": min(values), "high": max(values)}
        blocks.append(Text(say("folds.spread", **{key: fm.score(value) for key, value in spread.items()})))
    return tuple(blocks)


def server_score(facts: Facts, say: Texts) -> tuple[Block, ...]:
    """The scores that are recorded, or the command that records one."""
    scores = [
        (part, score) for part, score in (("public", facts.public), ("private", facts.private)) if score is not None
    ]
    if not scores:
        if facts.judgement is None:
            return ()
        return Text(say("server.none")), Code(f"munseo score {facts.quoted_path} --public 0.8619", "sh")
    val = facts.judgement.macro_f1 if facts.judgement else None
    rows = []
    for part, score in scores:
        ratio = fm.UNKNOWN
        if val:
            ratio = say("server.ratio_value", score=fm.score(score), val=fm.score(val), ratio=fm.percent(score / val))
        rows.append((say(f"server_{part}"), fm.score(score), ratio))
    header = (say("server.part"), say("server.score"), say("server.ratio"))
    recorded = Text(say("server.recorded", moment=fm.moment(facts.recorded, say)), quiet=True)
    return Table(header, tuple(rows), numeric=frozenset({1, 2})), recorded
