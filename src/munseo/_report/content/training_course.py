"""Section: how training went, and its result."""

from __future__ import annotations

from functools import partial

import numpy as np

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Code, Pairs, Pictures, SectionBlock, TableBlock, Text, without_empty
from munseo._report.content import yaml_blocks
from munseo._report.content.curves import CURVE_PLOTS
from munseo._report.facts import Facts
from munseo._run.results import TrainScores


def course_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the course of training, wishes for more epochs, curves, final metrics, folds, and scores of a server."""
    return without_empty(
        SectionBlock("progress", texts("progress"), (Pairs(_progress(facts, texts)),)),
        SectionBlock("continuations", texts("continuations"), _continuations(facts, texts)),
        SectionBlock("curves", texts("curves"), _curves(facts, texts)),
        SectionBlock("final", texts("final"), _final(facts, texts)),
        SectionBlock("folds", texts("folds"), _folds(facts, texts)),
        SectionBlock("server", texts("server"), _server_score(facts, texts)),
    )


def _progress(facts: Facts, texts: Texts) -> tuple[tuple[str, str], ...]:
    course = facts.course
    items = []
    if course.epochs_done is not None:
        value = texts("epochs_value", done=fm.count(course.epochs_done), planned=fm.count(facts.epochs_planned))
        items.append((texts("epochs"), value))
    ended_by = yaml_blocks.KEYS.get(course.stopped or "")
    if ended_by is not None and ended_by.ends is not None:
        values = {**facts.config.to_dict(), "monitor": facts.monitor}
        items.append((texts("stopped"), ended_by.ends.of(texts.language, **values)))
    if course.best_epoch is not None and not facts.folds:
        best = {"epoch": course.best_epoch + 1, "monitor": facts.monitor, "value": fm.score(course.best_value)}
        items.append((texts("best_epoch"), texts("best_epoch_value", **best)))
    items.append((texts("run_time"), fm.duration(course.seconds, texts)))
    if facts.epoch_seconds is not None:
        items.append((texts("epoch_time"), texts("epoch_time_value", duration=fm.duration(facts.epoch_seconds, texts))))
    return tuple(items)


def _continuations(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the history of a run that was asked for more epochs than it had planned."""
    if not facts.continuations:
        return ()
    rows = [
        (
            fm.moment(entry.asked, texts),
            texts("epochs_value", done=fm.count(entry.epochs_done), planned=fm.count(entry.planned)),
            fm.count(entry.epochs),
            fm.score(entry.macro_f1),
            fm.score(entry.public),
        )
        for entry in facts.continuations
    ]
    keys = [f"continuations.{name}" for name in ("asked", "after", "epochs", "macro_f1", "public")]
    return TableBlock.titled(texts, keys, rows), Text(texts("continuations.note"), quiet=True)


def _curves(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    if not facts.curves:
        return ()
    pictures = tuple(plot.picture(facts, texts, texts(f"curves.caption_{name}")) for name, plot in CURVE_PLOTS.items())
    shifted = any("val_shifted_macro_f1" in table for table in facts.curves)
    note = f"{texts('curves.note')} {texts('curves.shifted')}" if shifted else texts("curves.note")
    return Pictures(pictures, "plots"), Text(note, quiet=True)


def _final(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    judgement, train = facts.results.val, facts.results.train or TrainScores()
    if judgement is None:
        return ()
    rows = [
        (texts(key), write(then), write(now), fm.gap(then, now))
        for key, write in (("macro_f1", _metric), ("accuracy", partial(fm.percent, places=2)), ("loss", fm.score))
        for then, now in [(getattr(train, key), getattr(judgement, key))]
    ]
    best = facts.course.best_epoch
    key = "final.caption_folds" if facts.folds else "final.caption"
    caption = Text(texts(key, epoch=fm.UNKNOWN if best is None else best + 1), quiet=True)
    table = TableBlock.titled(texts, ("metric", "part.train", "part.val", "part.gap"), rows)
    return table, caption, *_interval_and_rate(facts, texts)


def _interval_and_rate(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    items = []
    if (val := facts.results.val) and val.macro_f1_interval:
        value = fm.bounds(val.macro_f1_interval, "interval_value", texts, pages=val.num_pages)
        items.append((texts("interval"), value))
    rates = facts.rates
    if rates.last is not None and rates.highest:
        share = fm.percent(rates.last / rates.highest)
        used = {"last": fm.rate(rates.last), "highest": fm.rate(rates.highest), "configured": fm.rate(rates.configured)}
        items.append((texts("rate_last"), texts("rate_last_value", share=share, **used)))
    return (Pairs(tuple(items)),) if items else ()


def _metric(value: float | None) -> str:
    return fm.UNKNOWN if value is None else f"{value:.4f} ({100 * value:.2f}%)"


def _folds(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    if not facts.folds:
        return ()
    rows = [
        (
            f"`fold{fold.scores.fold}`",
            fm.score(fold.scores.macro_f1),
            fm.percent(fold.scores.accuracy, 2),
            fm.score(fold.scores.loss),
            fm.UNKNOWN if fold.scores.best_epoch is None else str(fold.scores.best_epoch + 1),
            fm.count(fold.course.epochs_done),
            fm.duration(fold.course.seconds, texts),
        )
        for fold in facts.folds
    ]
    if val := facts.results.val:
        total = fm.duration(facts.course.seconds, texts)
        scores = (fm.score(val.macro_f1), fm.percent(val.accuracy, 2), fm.score(val.loss))
        rows.append((texts("folds.all"), *scores, "", "", total))
    keys = ("fold", "macro_f1", "accuracy", "loss", "best_epoch", "epochs", "run_time")
    blocks: list[Block] = [TableBlock.titled(texts, keys, rows)]
    values = [fold.scores.macro_f1 for fold in facts.folds if fold.scores.macro_f1 is not None]
    if len(values) > 1:
        mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
        spread = {"mean": mean, "std": std, "low": min(values), "high": max(values)}
        blocks.append(Text(texts("folds.spread", **{key: fm.score(value) for key, value in spread.items()})))
    return *blocks, *_fold_mean(facts, texts)


def _fold_mean(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the scores of the mean of the folds, with the calibration error of its confidence."""
    mean, calibration = facts.results.fold_mean, facts.results.calibration
    if mean is None:
        return (Text(texts("summary.no_fold_mean")),)
    errors = calibration.reliability if calibration else {}
    rows = [
        (
            texts(f"part.{part}"),
            fm.score(scores.macro_f1),
            fm.span(scores.macro_f1_interval),
            fm.percent(scores.accuracy, 2),
            fm.score(scores.loss),
            fm.score(errors[name].ece_before if name in errors else None),
            fm.score(errors[name].ece_after if name in errors else None),
        )
        for part, name, scores in (("clean", "val", mean.val), ("shifted", "shifted", mean.shifted))
        if scores is not None
    ]
    keys = ("folds.pages", "macro_f1", "interval", "accuracy", "loss", "folds.ece_before", "folds.ece_after")
    return Text(texts("folds.mean", pages=fm.count(mean.val.num_pages))), TableBlock.titled(texts, keys, rows)


def _server_score(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the recorded scores, or the command that records one."""
    scores = facts.scores.given
    if not scores:
        if facts.results.val is None:
            return ()
        return Text(texts("server.none")), Code(f"munseo score {facts.quoted_path} --public 0.8619", "sh")
    val = facts.results.val.macro_f1 if facts.results.val else None
    rows = []
    for part, score in scores.items():
        ratio = fm.UNKNOWN
        if val:
            ratio = texts("server.ratio_value", score=fm.score(score), val=fm.score(val), ratio=fm.percent(score / val))
        rows.append((texts(f"server_{part}"), fm.score(score), ratio))
    recorded = Text(texts("server.recorded", moment=fm.moment(facts.scores.recorded, texts)), quiet=True)
    return TableBlock.titled(texts, ("server.part", "server.score", "server.ratio"), rows), recorded
