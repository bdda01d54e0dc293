"""The beginning: the result at a glance, then who, when and on what machine."""

from __future__ import annotations

from pathlib import Path

from munseo.reports import formats as fm
from munseo.reports.blocks import Block, Interval, Note, Number, Numbers, Pairs, Section, Text
from munseo.reports.facts import Facts
from munseo.reports.phrases import Phrases
from munseo.reports.rates import disagreement


def summary(facts: Facts, say: Phrases) -> Section:
    """The headline, the interval drawn to scale, and a warning if the learning rate was another than configured."""
    blocks: list[Block] = []
    judgement = facts.judgement
    if judgement is None:
        text = say("summary.unfinished_text", status=_status(facts, say), path=facts.command_path)
        blocks.append(Note(say("summary.unfinished"), text))
    else:
        blocks += [Numbers(_headline(facts, say)), Text(_sentence(facts, say))]
        if judgement.interval:
            scores = (("server_public", facts.public), ("server_private", facts.private))
            marks = tuple((say(key), score) for key, score in scores if score is not None)
            low, high = judgement.interval
            blocks.insert(1, Interval(low, judgement.macro_f1, high, say("interval.label"), marks))
    if warning := rate_warning(facts, say):
        blocks.append(warning)
    return Section("summary", say("summary"), tuple(blocks))


def setup(facts: Facts, say: Phrases) -> Section:
    """Identity and system environment."""
    seconds = facts.course.seconds
    identity = [
        (say("id"), f"`{facts.get('id') or fm.UNKNOWN}`"),
        (say("run_name"), f"`{facts.get('name') or facts.run.name}`"),
        (say("model_name"), f"`{facts.config.model_name}`"),
        (say("started"), fm.moment(facts.get("started"), say)),
        (say("run_time"), _run_time(seconds, say)),
        (say("status"), _status(facts, say)),
        (say("command"), f"`{facts.get('command') or fm.UNKNOWN}`"),
        (say("git_commit"), f"`{facts.get('git_commit')}`" if facts.get("git_commit") else say("check.uncontrolled")),
    ]
    if wandb_id := wandb_run(facts):
        identity.append((say("wandb_id"), f"`{wandb_id}`"))
    environment = [
        (say("platform"), facts.get("system", "platform") or fm.UNKNOWN),
        (say("device"), _device(facts)),
        (say("memory"), fm.size(facts.get("system", "memory_bytes"))),
        (say("cpu"), _cpu(facts, say)),
        (say("versions"), ", ".join(f"{name} {version}" for name, version in _versions(facts)) or fm.UNKNOWN),
    ]
    blocks = (
        Section("identity", say("identity"), (Pairs(tuple(identity)),)),
        Section("environment", say("environment"), (Pairs(tuple(environment)),)),
    )
    return Section("setup", say("setup"), blocks)


def rate_warning(facts: Facts, say: Phrases) -> Note | None:
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


def _headline(facts: Facts, say: Phrases) -> tuple[Number, ...]:
    judgement = facts.judgement
    assert judgement is not None
    low, high = judgement.interval or (None, None)
    interval = say("interval_of", low=fm.score(low), high=fm.score(high)) if low is not None else ""
    right = say("pages_right", num_right=judgement.num_pages - judgement.num_errors, num_val=judgement.num_pages)
    numbers = [
        Number(say("macro_f1_val"), fm.score(judgement.macro_f1), interval),
        Number(say("accuracy"), fm.percent(judgement.accuracy, 2), right),
    ]
    best, done = facts.course.best_epoch, facts.course.epochs_done
    if best is not None and not facts.folds:
        numbers.append(Number(say("best_epoch"), str(best + 1), say("best_epoch_of", done=fm.count(done))))
    score, part = (facts.public, "public") if facts.public is not None else (facts.private, "private")
    if score is None:
        numbers.append(Number(say("server_score"), fm.UNKNOWN, say("not_scored")))
    else:
        ratio = say("ratio_of_val", ratio=fm.percent(score / judgement.macro_f1)) if judgement.macro_f1 else ""
        numbers.append(Number(f"{say('server_score')} ({say(f'server_{part}')})", fm.score(score), ratio))
    return tuple(numbers)


def _sentence(facts: Facts, say: Phrases) -> str:
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


def _run_time(seconds: float | None, say: Phrases) -> str:
    if seconds is None or seconds < fm.MINUTE_S:
        return fm.duration(seconds, say)
    return say("run_time_value", duration=fm.duration(seconds, say), seconds=fm.count(seconds))


def _status(facts: Facts, say: Phrases) -> str:
    status = facts.get("status")
    return say(f"status.{status}") if status in ("running", "finished", "failed") else status or fm.UNKNOWN


def _device(facts: Facts) -> str:
    kind, name = facts.get("system", "device"), facts.get("system", "device_name")
    return f"{kind.upper()} ({name})" if kind and name else (kind or fm.UNKNOWN).upper()


def _cpu(facts: Facts, say: Phrases) -> str:
    processor, cores = facts.get("system", "processor"), facts.get("system", "num_cpus")
    return say("cpu_value", processor=processor, cores=cores) if processor and cores else processor or fm.UNKNOWN


def _versions(facts: Facts) -> list[tuple[str, str]]:
    return [(name, version) for name, version in (facts.get("versions") or {}).items() if version]
