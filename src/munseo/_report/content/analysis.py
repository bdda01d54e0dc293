"""Sections: what the figures of a run say, and what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Bullets, CommandLine, Proposal, SectionBlock, Text
from munseo._report.content.reproduction import train_command
from munseo._report.experiments import Experiment, ensemble_members, experiments
from munseo._report.facts import Facts
from munseo._report.findings import ClassDrop, DamageCost, Finding
from munseo._report.rules import RULES, analyse
from munseo._run.scores import ClassScore, ConfusedPair

RATES = ("used", "configured", "rate")
"""Placeholders that take a learning rate."""
TIMES = ("seconds_now", "seconds_then")
"""Placeholders that take a time in seconds."""


def analysis_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the findings as sentences, by topic."""
    if facts.results.val is None:
        return ()
    topics = []
    for topic, rules in RULES.items():
        if sentences := tuple(sentence(finding, texts) for rule in rules if (finding := rule(facts))):
            topics.append(SectionBlock(f"topic-{topic}", texts(f"topic.{topic}"), (Bullets(sentences),)))
    return Text(texts("analysis.note" if topics else "analysis.nothing"), quiet=True), *topics


def next_step_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return commands for using the run and, unless it is an ensemble, for what to try next, each with its reason."""
    uses = SectionBlock("use", texts("next.use"), tuple(_uses(facts, texts)))
    if facts.results.val is None or facts.results.ensemble:
        return (uses,)
    tried = _proposals(facts, experiments(facts, analyse(facts)), texts)
    members = _proposals(facts, ensemble_members(facts), texts)
    return (
        uses,
        SectionBlock("experiments", texts("next.experiments"), (Text(texts("next.note"), quiet=True), *tried)),
        SectionBlock("ensemble", texts("next.ensemble"), (Text(texts("next.ensemble_note"), quiet=True), *members)),
    )


def sentence(finding: Finding, texts: Texts) -> str:
    """Return the sentence of a finding."""
    numbers = {key: _value(key, value, texts) for key, value in finding.numbers.items()}
    return texts(f"finding.{finding.rule}", **numbers)


def _value(key: str, value: Any, texts: Texts) -> Any:
    """Return a value as its sentence takes it.

    Numbers stay numbers, so that the sentence decides on their places; rates, times, classes and pairs become text.
    """
    if isinstance(value, tuple):
        return ", ".join(str(_value(key, inner, texts)) for inner in value)
    if isinstance(value, ClassScore):
        return texts("finding.weakest_class", name=value.name, f1=value.f1, support=value.support)
    if isinstance(value, ConfusedPair):
        return f"{texts('arrow', true=value.true, predicted=value.predicted)} ({value.count})"
    if isinstance(value, ClassDrop):
        return texts("finding.shift_class", name=value.name, clean=value.clean, shifted=value.shifted)
    if isinstance(value, DamageCost):
        cost = fm.signed(-value.drop, 3)
        return texts("finding.damage_cost", damage=texts.name("damage", value.damage), cost=cost)
    if key == "part":
        return texts(f"server_{value}")
    if key in RATES:
        return fm.rate(value)
    if key in TIMES:
        return fm.duration(value, texts)
    return value


def _proposals(facts: Facts, tries: Sequence[Experiment], texts: Texts) -> list[Proposal]:
    """Group experiments by their reason."""
    commands: dict[str, list[CommandLine]] = {}
    for experiment in tries:
        numbers = {key: _value(key, value, texts) for key, value in experiment.numbers.items()}
        reason = texts(f"try.{experiment.reason}", **numbers)
        commands.setdefault(reason, []).append(CommandLine(train_command(facts), experiment.words))
    return [Proposal(reason, tuple(group)) for reason, group in commands.items()]


def _uses(facts: Facts, texts: Texts) -> list[Block]:
    run = facts.quoted_path
    if facts.get("status") != "finished":
        return [Proposal(texts("use.resume"), (CommandLine(f"munseo resume {run}"),))]
    uses: list[Block] = [
        Proposal(texts("use.predict"), (CommandLine(f"munseo predict {run}", "scans/ -o labels.csv"),))
    ]
    if facts.scores.public is None:
        uses.append(Proposal(texts("use.score"), (CommandLine(f"munseo score {run}", "--public 0.8619"),)))
    return uses
