"""What follows from the run: analysis, next steps, files, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Bullets, Checklist, Code, Command, Pairs, Proposal, Section, Table, Text
from munseo._report.content.checklist import checks
from munseo._report.content.overview import wandb_run
from munseo._report.experiments import Experiment, ensemble_members, experiments
from munseo._report.facts import ClassScore, Confusion, Facts
from munseo._report.findings import Cost, Fall, Finding
from munseo._report.inventory import inventory

TOPICS = ("generalisation", "shift", "errors", "confidence", "course", "data")
RATES = ("used", "configured", "rate")
TIMES = ("seconds_now", "seconds_then")


def analysis(facts: Facts, findings: Sequence[Finding], say: Texts) -> Section:
    """The findings as sentences, by topic."""
    parts: list[Block] = [Text(say("analysis.note" if findings else "analysis.nothing"), quiet=True)]
    for topic in TOPICS:
        sentences = tuple(sentence(finding, say) for finding in findings if finding.topic == topic)
        if sentences:
            parts.append(Section(f"topic-{topic}", say(f"topic.{topic}"), (Bullets(sentences),)))
    return Section("analysis", say("analysis"), tuple(parts) if facts.judgement else ())


def next_steps(facts: Facts, findings: Sequence[Finding], say: Texts) -> Section:
    """Commands, each with its reason."""
    tried = _proposals(facts, experiments(facts, findings), say)
    members = _proposals(facts, ensemble_members(facts), say)
    parts: tuple[Block, ...] = (
        Section("use", say("next.use"), tuple(_uses(facts, say))),
        Section("experiments", say("next.experiments"), (Text(say("next.note"), quiet=True), *tried)),
        Section("ensemble", say("next.ensemble"), (Text(say("next.ensemble_note"), quiet=True), *members)),
    )
    if facts.judgement is None:
        parts = parts[:1]
    return Section("next", say("next"), parts)


def files(facts: Facts, say: Texts) -> Section:
    """What the run folder holds, and where else the run was tracked."""
    rows = tuple(
        (f"`{entry.name}`", say(f"file.{entry.key}", count=entry.num_files), fm.size(entry.num_bytes))
        for entry in inventory(facts.run)
    )
    header = (say("files.file"), say("files.what"), say("files.size"))
    tracking = Section("tracking", say("tracking"), (Pairs(_tracking(facts, say)),))
    return Section(
        "files",
        say("files"),
        (
            Pairs(((say("files.folder"), f"`{facts.command_path}`"),)),
            Table(header, rows, numeric=frozenset({2})),
            tracking,
        ),
    )


def reproduction(facts: Facts, say: Texts) -> Section:
    """The checklist as checked facts, one command, and notes on the data."""
    blocks: list[Block] = [
        Section(
            "checklist", say("checklist"), (Text(say("checklist.note"), quiet=True), Checklist(checks(facts, say)))
        ),
        Section(
            "reproduce",
            say("reproduce"),
            (Code(_train(facts), "sh"), Text(say("reproduce.note", data_dir=facts.config.data_dir), quiet=True)),
        ),
        Section("data_notes", say("data_notes"), data_notes(facts, say)),
    ]
    return Section("reproduction", say("reproduction"), tuple(blocks))


def sentence(finding: Finding, say: Texts) -> str:
    """A finding in words."""
    numbers = {key: _word(key, value, say) for key, value in finding.numbers.items()}
    return say(f"finding.{finding.rule}", **numbers)


def _word(key: str, value: Any, say: Texts) -> Any:
    """Numbers stay numbers, so that the phrase decides on the places; rates, times, classes and pairs become text."""
    if isinstance(value, tuple):
        return ", ".join(str(_word(key, inner, say)) for inner in value)
    if isinstance(value, ClassScore):
        return say("finding.weakest_class", name=value.name, f1=value.f1, support=value.support)
    if isinstance(value, Confusion):
        return f"{say('arrow', true=value.true, predicted=value.predicted)} ({value.count})"
    if isinstance(value, Fall):
        return say("finding.shift_class", name=value.name, clean=value.clean, shifted=value.shifted)
    if isinstance(value, Cost):
        cost = fm.signed(-value.drop, 3)
        return say("finding.damage_cost", damage=say.name("damage", value.damage), cost=cost)
    if key == "part":
        return say(f"server_{value}")
    if key in RATES:
        return fm.rate(value)
    if key in TIMES:
        return fm.duration(value, say)
    return value


def _proposals(facts: Facts, tries: Sequence[Experiment], say: Texts) -> list[Proposal]:
    """Experiments of one reason stand together."""
    commands: dict[str, list[Command]] = {}
    for experiment in tries:
        numbers = {key: _word(key, value, say) for key, value in experiment.numbers.items()}
        reason = say(f"try.{experiment.reason}", **numbers)
        commands.setdefault(reason, []).append(Command(_train(facts), experiment.words))
    return [Proposal(reason, tuple(found)) for reason, found in commands.items()]


def _train(facts: Facts) -> str:
    return shlex.join(["munseo", "train", f"{facts.command_path}/config.yaml"])


def _uses(facts: Facts, say: Texts) -> list[Block]:
    run = facts.quoted_path
    if facts.get("status") != "finished":
        return [Proposal(say("use.resume"), (Command(f"munseo resume {run}"),))]
    uses: list[Block] = [Proposal(say("use.predict"), (Command(f"munseo predict {run}", "scans/ -o labels.csv"),))]
    if facts.public is None:
        uses.append(Proposal(say("use.score"), (Command(f"munseo score {run}", "--public 0.8619"),)))
    return uses


def _tracking(facts: Facts, say: Texts) -> tuple[tuple[str, str], ...]:
    config, off = facts.config, say("tracking.off")
    wandb = off
    if config.wandb.log:
        run = wandb_run(facts)
        wandb = say("tracking.project", name=config.wandb.project) + (f", `{run}`" if run else "")
    return (
        ("CSV", say("tracking.csv")),
        (say("tracking.wandb"), wandb),
        (say("tracking.mlflow"), say("tracking.project", name=config.mlflow.experiment) if config.mlflow.log else off),
        (say("tracking.tensorboard"), say("yes") if config.tensorboard.log else off),
    )


def data_notes(facts: Facts, say: Texts) -> tuple[Block, ...]:
    """Notes, and pages left out."""
    notes = tuple(str(note) for note in facts.get("data", "notes") or ())
    blocks: list[Block] = [Bullets(notes)] if notes else []
    if facts.skipped:
        header = (say("data_notes.page"), say("data_notes.reason"))
        blocks += [Text(say("data_notes.skipped")), Table(header, facts.skipped)]
    return tuple(blocks) or (Text(say("data_notes.none")),)
