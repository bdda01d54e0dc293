"""Section: how to repeat a run, with what a repetition needs, each point checked against the files of the run."""

from __future__ import annotations

import shlex

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Bullets, Check, Checklist, Code, SectionBlock, TableBlock, Text
from munseo._report.content.yaml_blocks import scalar
from munseo._report.facts import Facts
from munseo._report.findings import find_rate_disagreement


def reproduction_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return the checklist, the commands, and notes on the data."""
    checklist = (Text(texts("checklist.note"), quiet=True), Checklist(_checks(facts, texts)))
    notes = [texts("reproduce.note", data_dir=facts.config.data_dir)]
    notes += [texts("reproduce.continued")] if facts.continuations else []
    note = Text(" ".join(notes), quiet=True)
    return (
        SectionBlock("checklist", texts("checklist"), checklist),
        SectionBlock("reproduce", texts("reproduce"), (Code(_commands(facts), "sh"), note)),
        SectionBlock("data_notes", texts("data_notes"), data_notes(facts, texts)),
    )


def train_command(facts: Facts) -> str:
    """Return the command that trains the run's configuration."""
    return shlex.join(["munseo", "train", f"{facts.command_path}/config.yaml"])


def _commands(facts: Facts) -> str:
    """Return the commands that make the run again: one, and one more for each time that it was continued."""
    if not facts.continuations:
        return train_command(facts)
    longer = [f"munseo resume RUN epochs={entry.epochs}" for entry in facts.continuations]
    return "\n".join([f"{train_command(facts)} epochs={facts.continuations[0].planned}", *longer])


def data_notes(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return notes on the data, and the pages that were left out."""
    notes = tuple(texts.translate(str(note)) for note in facts.get("data", "notes") or ())
    blocks: list[Block] = [Bullets(notes)] if notes else []
    if facts.skipped:
        header = (texts("data_notes.page"), texts("data_notes.reason"))
        rows = tuple((page_id, texts.translate(reason)) for page_id, reason in facts.skipped)
        blocks += [Text(texts("data_notes.skipped")), TableBlock(header, rows)]
    return tuple(blocks) or (Text(texts("data_notes.none")),)


def _checks(facts: Facts, texts: Texts) -> tuple[Check, ...]:
    """Check every point of the reference report's checklist, in its order, then seed, data and code."""
    config, used, tables = facts.config, facts.get("effective", "batch_size"), facts.get("data", "tables") or {}
    table_hashes = ", ".join(f"`{name}` `{fm.short_hash(digest)}`" for name, digest in tables.items())
    return (
        Check(True, texts("check.model"), f"`{config.model_name}`, `fine_tuning: {config.fine_tuning}`"),
        _weights(facts, texts),
        Check(True, texts("check.image_size"), texts("px", value=config.image_size)),
        _normalisation(facts, texts),
        _imbalance(facts, texts),
        _augmentation(facts, texts),
        Check(True, texts("check.tta"), f"`TTA: {scalar(config.TTA)}`"),
        Check(True, texts("check.optimiser"), f"`{config.optimizer_name}`, `{config.scheduler_name}`"),
        Check(
            used is not None and config.batch_size in ("auto", used),
            texts("check.batch"),
            str(used or config.batch_size),
        ),
        _rate(facts, texts),
        Check(bool(tables), texts("check.tables"), table_hashes or texts("check.unknown")),
        _hash(facts.get("data", "images_sha256"), texts("check.images"), texts),
        Check(True, texts("check.seed"), str(config.random_seed)),
        _code(facts, texts),
    )


def _weights(facts: Facts, texts: Texts) -> Check:
    pretrained = facts.get("model", "pretrained")
    if pretrained and pretrained.get("source") == "none":
        return Check(True, texts("weights"), texts("weights.none"))
    return _hash((pretrained or {}).get("sha256"), texts("check.weights"), texts)


def _hash(value: str | None, text: str, texts: Texts) -> Check:
    return Check(bool(value), text, f"`{fm.short_hash(value)}`" if value else texts("check.unknown"))


def _normalisation(facts: Facts, texts: Texts) -> Check:
    config, mean, std = facts.config, facts.get("model", "norm_mean"), facts.get("model", "norm_std")
    if mean is None or std is None:
        return Check(False, texts("check.normalisation"), texts("check.unknown"))
    same = config.norm_mean == "model" or (config.norm_mean == mean and config.norm_std == std)
    value = texts("check.normalisation_value", mean=fm.channels(mean), std=fm.channels(std))
    return Check(same, texts("check.normalisation"), value)


def _imbalance(facts: Facts, texts: Texts) -> Check:
    wanted = facts.config.class_imbalance
    filled = {index: entry for index, entry in enumerate(facts.class_counts) if entry.added}
    if wanted is None:
        return Check(not filled, texts("check.no_imbalance"))
    classes = ", ".join(str(name) for name in wanted.aug_class)
    asked = [e for i, e in enumerate(facts.class_counts) if i in wanted.aug_class or e.name in wanted.aug_class]
    reached = bool(asked) and all(entry.after == max(wanted.max_samples, entry.before) for entry in asked)
    value = texts("check.imbalance_value", classes=classes, target=fm.count(wanted.max_samples))
    return Check(reached, texts("check.imbalance"), value)


def _augmentation(facts: Facts, texts: Texts) -> Check:
    """Check that the policies that were counted are those that were active."""
    active, counted = set(facts.policies), facts.course.augmented_pages
    counts = {**counted, **facts.course.mixed_batches}
    happened = {name for name, number in counts.items() if number and name != "clean"}
    named = ", ".join(f"`{name}`" for name in sorted(active | happened)) or texts("none")
    return Check(bool(counted) and active == happened, texts("check.augmentation"), named)


def _rate(facts: Facts, texts: Texts) -> Check:
    rates = facts.rates
    agrees = rates.highest is not None and find_rate_disagreement(facts) is None
    value = texts("check.rate_value", configured=fm.rate(rates.configured), used=fm.rate(rates.highest))
    return Check(agrees, texts("check.rate"), value)


def _code(facts: Facts, texts: Texts) -> Check:
    commit = facts.get("git_commit")
    if not commit:
        return Check(False, texts("check.code"), texts("check.uncontrolled"))
    clean, _, changes = commit.partition("+")
    short = f"`{clean[:12]}`"
    return Check(not changes, texts("check.code"), texts("check.code_changed", commit=short) if changes else short)
