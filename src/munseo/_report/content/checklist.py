"""The reproduction checklist: what a repetition needs, each point checked against the files of the run."""

from __future__ import annotations

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Check
from munseo._report.content.yaml_blocks import scalar
from munseo._report.facts import Facts
from munseo._report.rates import disagreement


def checks(facts: Facts, say: Texts) -> tuple[Check, ...]:
    """Every point of the reference's checklist, in its order, then seed, data and code."""
    config = facts.config
    return (
        Check(True, say("check.model"), f"`{config.model_name}`, `fine_tuning: {config.fine_tuning}`"),
        _weights(facts, say),
        Check(True, say("check.image_size"), say("px", value=config.image_size)),
        _normalisation(facts, say),
        _imbalance(facts, say),
        _augmentation(facts, say),
        Check(True, say("check.tta"), f"`TTA: {scalar(config.TTA)}`"),
        Check(True, say("check.optimiser"), f"`{config.optimizer_name}`, `{config.scheduler_name}`"),
        _batch(facts, say),
        _rate(facts, say),
        *_tables(facts, say),
        _hash(facts.get("data", "images_sha256"), say("check.images"), say),
        Check(True, say("check.seed"), str(config.random_seed)),
        _code(facts, say),
    )


def _weights(facts: Facts, say: Texts) -> Check:
    pretrained = facts.get("model", "pretrained")
    if pretrained and pretrained.get("source") == "none":
        return Check(True, say("weights"), say("weights.none"))
    return _hash((pretrained or {}).get("sha256"), say("check.weights"), say)


def _hash(value: str | None, text: str, say: Texts) -> Check:
    return Check(bool(value), text, f"`{fm.short_hash(value)}`" if value else say("check.unknown"))


def _normalisation(facts: Facts, say: Texts) -> Check:
    config, mean, std = facts.config, facts.get("model", "norm_mean"), facts.get("model", "norm_std")
    if mean is None or std is None:
        return Check(False, say("check.normalisation"), say("check.unknown"))
    same = config.norm_mean == "model" or (config.norm_mean == mean and config.norm_std == std)
    return Check(same, say("check.normalisation"), f"mean={_short(mean)}, std={_short(std)}")


def _short(values: list[float]) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in values)}]"


def _imbalance(facts: Facts, say: Texts) -> Check:
    wanted = facts.config.class_imbalance
    filled = {index: entry for index, entry in enumerate(facts.class_counts) if entry.added}
    if wanted is None:
        return Check(not filled, say("check.no_imbalance"))
    classes = ", ".join(str(name) for name in wanted.aug_class)
    asked = [e for i, e in enumerate(facts.class_counts) if i in wanted.aug_class or e.name in wanted.aug_class]
    reached = bool(asked) and all(entry.after == max(wanted.max_samples, entry.before) for entry in asked)
    value = say("check.imbalance_value", classes=classes, target=fm.count(wanted.max_samples))
    return Check(reached, say("check.imbalance"), value)


def _augmentation(facts: Facts, say: Texts) -> Check:
    """Whether the policies that were counted are those that were active."""
    active, counted = set(facts.policies), facts.course.augmented_pages
    happened = {
        name for name, number in {**counted, **facts.course.mixed_batches}.items() if number and name != "clean"
    }
    named = ", ".join(f"`{name}`" for name in sorted(active | happened)) or say("none")
    return Check(bool(counted) and active == happened, say("check.augmentation"), named)


def _batch(facts: Facts, say: Texts) -> Check:
    configured, used = facts.config.batch_size, facts.get("effective", "batch_size")
    return Check(used is not None and configured in ("auto", used), say("check.batch"), str(used or configured))


def _rate(facts: Facts, say: Texts) -> Check:
    rates = facts.rates
    agrees = rates.highest is not None and disagreement(facts) is None
    configured = fm.rate(rates.configured)
    return Check(agrees, say("check.rate"), say("check.rate_value", configured=configured, used=fm.rate(rates.highest)))


def _tables(facts: Facts, say: Texts) -> tuple[Check, ...]:
    tables = facts.get("data", "tables") or {}
    value = ", ".join(f"`{name}` `{fm.short_hash(digest)}`" for name, digest in tables.items())
    return (Check(bool(tables), say("check.tables"), value or say("check.unknown")),)


def _code(facts: Facts, say: Texts) -> Check:
    commit = facts.get("git_commit")
    if not commit:
        return Check(False, say("check.code"), say("check.uncontrolled"))
    clean, _, changes = commit.partition("+")
    short = f"`{clean[:12]}`"
    return Check(not changes, say("check.code"), say("check.code_changed", commit=short) if changes else short)
