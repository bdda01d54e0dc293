"""The beginning: the result at a glance, then who, when and on what machine."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Estimate, Interval, Intervals, Note, Number, Numbers, Pairs, Section, Text
from munseo._report.facts import Facts, Judgement
from munseo._report.rates import disagreement

MAX_NUMBERS = 4
"""Figures of the headline that stand beside each other."""


def summary(facts: Facts, say: Texts) -> Section:
    """The headline, the intervals drawn to scale, and a warning if the learning rate was another than configured."""
    blocks: list[Block] = []
    judgement = facts.judgement
    if judgement is None:
        text = say("summary.unfinished_text", status=_status(facts, say), path=facts.command_path)
        blocks.append(Note(say("summary.unfinished"), text))
    else:
        shown = estimates(facts, say)
        blocks.append(Numbers(_shift_headline(facts, say) if len(shown) > 1 else _headline(facts, say)))
        if len(shown) > 1:
            blocks.append(Intervals(say("estimates.label"), (*shown, *server_estimates(facts, say))))
        elif judgement.interval:
            marks = tuple((say(f"server_{part}"), score) for part, score in _server_scores(facts))
            low, high = judgement.interval
            blocks.append(Interval(low, judgement.macro_f1, high, say("interval.label"), marks))
        blocks += [Text(text) for text in (_sentence(facts, say), *shift_sentences(facts, say))]
    if warning := rate_warning(facts, say):
        blocks.append(warning)
    return Section("summary", say("summary"), tuple(blocks))


def setup(facts: Facts, say: Texts) -> Section:
    """Identity and system environment."""
    seconds = facts.course.seconds
    identity = [
        (say("id"), f"`{facts.get('id') or fm.UNKNOWN}`"),
        (say("run_name"), f"`{facts.get('name') or facts.run.name}`"),
        *_what_it_is(facts, say),
        (say("started"), fm.moment(facts.get("started"), say)),
        (say("ensemble.trained" if facts.ensemble else "run_time"), _run_time(seconds, say)),
        (say("status"), _status(facts, say)),
        (say("command"), f"`{facts.get('command') or fm.UNKNOWN}`"),
        (say("git_commit"), f"`{facts.get('git_commit')}`" if facts.get("git_commit") else say("check.uncontrolled")),
    ]
    if wandb_id := wandb_run(facts):
        identity.append((say("wandb_id"), f"`{wandb_id}`"))
    environment = [
        (say("platform"), facts.get("system", "platform") or fm.UNKNOWN),
        *(() if facts.ensemble else ((say("device"), _device(facts)),)),
        (say("memory"), fm.size(facts.get("system", "memory_bytes"))),
        (say("cpu"), _cpu(facts, say)),
        (say("versions"), ", ".join(f"{name} {version}" for name, version in _versions(facts)) or fm.UNKNOWN),
    ]
    blocks = (
        Section("identity", say("identity"), (Pairs(tuple(identity)),)),
        Section("environment", say("environment"), (Pairs(tuple(environment)),)),
    )
    return Section("setup", say("setup"), blocks)


def estimates(facts: Facts, say: Texts) -> tuple[Estimate, ...]:
    """Clean validation, and beside it what was measured on damaged pages and what is expected."""
    judgement, shifted, expected = facts.judgement, facts.shifted, facts.expected
    rows = []
    if judgement:
        rows.append(Estimate(say("estimates.clean"), judgement.macro_f1, judgement.interval, "val"))
    if shifted:
        own = shifted.judgement
        rows.append(Estimate(say("estimates.shifted"), own.macro_f1, own.interval, "shifted"))
    if expected:
        rows.append(Estimate(say("estimates.expected"), expected.macro_f1, expected.interval, "other"))
    return tuple(rows)


def server_estimates(facts: Facts, say: Texts) -> tuple[Estimate, ...]:
    """The server's scores, as rows beside those."""
    return tuple(
        Estimate(say("estimates.server", part=say(f"server_{part}")), score, None, "server")
        for part, score in _server_scores(facts)
    )


def shift_sentences(facts: Facts, say: Texts) -> list[str]:
    """Shifted beside clean, and the expected score, as far as there are any."""
    judgement, shifted, expected = facts.judgement, facts.shifted, facts.expected
    sentences = []
    if judgement and shifted:
        own = shifted.judgement
        ratio = fm.percent(own.macro_f1 / judgement.macro_f1) if judgement.macro_f1 else fm.UNKNOWN
        scores = {"clean": fm.score(judgement.macro_f1), "shifted": fm.score(own.macro_f1), "ratio": ratio}
        ends = _ends(own.interval, "summary.shifted_interval", say)
        sentences.append(say("summary.shifted", recipe=shifted.recipe, interval=ends, **scores))
    if expected:
        ends = _ends(expected.interval, "summary.expected_interval", say)
        value = fm.score(expected.macro_f1)
        if expected.num_pages is None:
            sentences.append(say("summary.expected_unknown", value=value, interval=ends))
        else:
            sentences.append(say("summary.expected", pages=fm.count(expected.num_pages), value=value, interval=ends))
    return sentences


def rate_warning(facts: Facts, say: Texts) -> Note | None:
    """The used learning rate and the configured one, when they disagree."""
    found = disagreement(facts)
    if found is None:
        return None
    text = say(
        f"rate.{found.kind}",
        configured=fm.rate(found.configured),
        used=fm.rate(found.used),
        factor=f"{found.used / found.configured:.3g}",
        share=fm.percent(found.used / found.configured),
        scheduler=facts.config.scheduler_name,
    )
    return Note(say("rate.title"), text)


def wandb_run(facts: Facts) -> str | None:
    """The ID at the end of W&B's own folder, ``run-20250705_193425-h3t1bpti``, if it lies in the run folder."""
    found = sorted(Path(facts.run.path).glob("wandb/*run-*-*"))
    return found[-1].name.rpartition("-")[2] if found else None


def _headline(facts: Facts, say: Texts) -> tuple[Number, ...]:
    judgement = facts.judgement
    assert judgement is not None
    numbers = [
        Number(say("macro_f1_val"), fm.score(judgement.macro_f1), _interval(judgement, say)),
        _accuracy(judgement, say),
    ]
    best, done = facts.course.best_epoch, facts.course.epochs_done
    if best is not None and not facts.folds:
        numbers.append(Number(say("best_epoch"), str(best + 1), say("best_epoch_of", done=fm.count(done))))
    numbers.append(server_number(facts, say))
    return tuple(numbers)


def _shift_headline(facts: Facts, say: Texts) -> tuple[Number, ...]:
    """The score to expect first: clean validation is not what counts where pages are damaged."""
    judgement, shifted, expected = facts.judgement, facts.shifted, facts.expected
    assert judgement is not None
    numbers = []
    if expected:
        remark = ""
        if expected.interval:
            low, high = (fm.score(bound) for bound in expected.interval)
            remark = say("interval_of_90", low=low, high=high)
        numbers.append(Number(say("macro_f1_expected"), fm.score(expected.macro_f1), remark))
    if shifted:
        own = shifted.judgement
        ratio = say("ratio_of_clean", ratio=fm.percent(own.macro_f1 / judgement.macro_f1)) if judgement.macro_f1 else ""
        numbers.append(Number(say("macro_f1_shifted"), fm.score(own.macro_f1), ratio))
    numbers.append(Number(say("macro_f1_clean"), fm.score(judgement.macro_f1), _interval(judgement, say)))
    if len(numbers) < MAX_NUMBERS - 1:
        numbers.append(_accuracy(judgement, say))
    return (*numbers, server_number(facts, say))


def server_number(facts: Facts, say: Texts) -> Number:
    """The server's score, or that there is none yet."""
    judgement = facts.judgement
    score, part = (facts.public, "public") if facts.public is not None else (facts.private, "private")
    if score is None:
        return Number(say("server_score"), fm.UNKNOWN, say("not_scored"))
    known = judgement is not None and judgement.macro_f1
    ratio = say("ratio_of_val", ratio=fm.percent(score / judgement.macro_f1)) if judgement and known else ""
    return Number(f"{say('server_score')} ({say(f'server_{part}')})", fm.score(score), ratio)


def _accuracy(judgement: Judgement, say: Texts) -> Number:
    right = say("pages_right", num_right=judgement.num_pages - judgement.num_errors, num_val=judgement.num_pages)
    return Number(say("accuracy"), fm.percent(judgement.accuracy, 2), right)


def _interval(judgement: Judgement, say: Texts) -> str:
    if judgement.interval is None:
        return ""
    low, high = judgement.interval
    return say("interval_of", low=fm.score(low), high=fm.score(high))


def _ends(interval: tuple[float, float] | None, key: str, say: Texts) -> str:
    return say(key, low=fm.score(interval[0]), high=fm.score(interval[1])) if interval else ""


def _server_scores(facts: Facts) -> list[tuple[str, float]]:
    scores = (("public", facts.public), ("private", facts.private))
    return [(part, score) for part, score in scores if score is not None]


def _what_it_is(facts: Facts, say: Texts) -> list[tuple[str, str]]:
    if facts.ensemble is None:
        return [(say("model_name"), f"`{facts.config.model_name}`")]
    return [
        (say("ensemble.status"), say("ensemble.kind")),
        (say("ensemble.num_members"), str(len(facts.ensemble.members))),
    ]


def _sentence(facts: Facts, say: Texts) -> str:
    judgement, course = facts.judgement, facts.course
    assert judgement is not None
    common = {
        "model": facts.config.model_name,
        "image_size": say("px", value=facts.config.image_size),
        "duration": fm.duration(course.seconds, say),
        "num_val": fm.count(judgement.num_pages),
        "num_right": fm.count(judgement.num_pages - judgement.num_errors),
        "num_errors": fm.count(judgement.num_errors),
    }
    if facts.folds:
        return say("summary.sentence_folds", num_folds=len(facts.folds), **common)
    epochs = say("summary.epochs", done=fm.count(course.epochs_done), planned=fm.count(course.epochs_planned))
    return say("summary.sentence", epochs=epochs, num_train=fm.count(facts.get("data", "num_train")), **common)


def _run_time(seconds: float | None, say: Texts) -> str:
    if seconds is None or seconds < fm.MINUTE_S:
        return fm.duration(seconds, say)
    return say("run_time_value", duration=fm.duration(seconds, say), seconds=fm.count(seconds))


def _status(facts: Facts, say: Texts) -> str:
    status = facts.get("status")
    return say(f"status.{status}") if status in ("running", "finished", "failed") else status or fm.UNKNOWN


def _device(facts: Facts) -> str:
    kind, name = facts.get("system", "device"), facts.get("system", "device_name")
    return f"{kind.upper()} ({name})" if kind and name else (kind or fm.UNKNOWN).upper()


def _cpu(facts: Facts, say: Texts) -> str:
    processor, cores = facts.get("system", "processor"), facts.get("system", "num_cpus")
    return say("cpu_value", processor=processor, cores=cores) if processor and cores else processor or fm.UNKNOWN


def _versions(facts: Facts) -> list[tuple[str, str]]:
    return [(name, version) for name, version in (facts.get("versions") or {}).items() if version]
