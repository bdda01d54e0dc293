"""What was configured, and what became of it."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Bullets, Code, Pairs, Picture, Pictures, Section, Table, Text
from munseo._report.content import yaml_blocks
from munseo._report.facts import Facts
from munseo._report.plots.contact_sheet import shrunk


def configuration(facts: Facts, say: Texts) -> Section:
    """Architecture, hyperparameters, preprocessing, augmentation, balance, and what is off."""
    level = say("augmentation_level", level=facts.config.augmentation_level)
    blocks = (
        Section("architecture", say("architecture"), _architecture(facts, say)),
        Section("hyperparameters", say("hyperparameters"), _hyperparameters(facts, say)),
        Section("preprocessing", say("preprocessing"), _preprocessing(facts, say)),
        Section("augmentation", level, _augmentation(facts, say)),
        Section("imbalance", say("imbalance"), _imbalance(facts, say)),
        Section("off", say("off"), _off(facts, say)),
    )
    return Section("configuration", say("configuration"), blocks)


def _architecture(facts: Facts, say: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [Code(yaml_blocks.architecture(facts.config, say), "yaml")]
    pretrained = facts.get("model", "pretrained")
    items = []
    if pretrained:
        items.append(
            (say("weights"), say(f"weights.{pretrained['source']}", location=pretrained.get("location") or ""))
        )
        if pretrained.get("sha256"):
            items.append((say("weights_hash"), f"`{pretrained['sha256']}`"))
        if new := pretrained.get("new"):
            names = ", ".join(f"`{name}`" for name in new[:4]) + (" …" if len(new) > 4 else "")
            items.append((say("weights_new"), say("weights_new_value", count=len(new), names=names)))
    if (total := facts.get("model", "num_parameters")) is not None:
        trainable = fm.count(facts.get("model", "num_trainable"))
        items.append((say("parameters"), say("parameters_value", total=fm.count(total), trainable=trainable)))
    if items:
        blocks.append(Pairs(tuple(items)))
    return tuple(blocks)


def _hyperparameters(facts: Facts, say: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [Code(yaml_blocks.hyperparameters(facts.config, say), "yaml")]
    effective = facts.get("effective")
    if effective:
        rates = facts.rates
        used = {key: fm.rate(getattr(rates, key)) for key in ("configured", "first", "highest", "last")}
        batch = {"train": effective.get("batch_size"), "val": effective.get("val_batch_size")}
        items = (
            (say("rate"), say("rate_value", **used)),
            (say("batch"), say("batch_value", **batch)),
            (say("steps"), fm.count(effective.get("steps_per_epoch"))),
            (say("precision"), str(effective.get("precision") or fm.UNKNOWN)),
            (say("workers"), f"{effective.get('num_workers', fm.UNKNOWN)}, {effective.get('num_threads', fm.UNKNOWN)}"),
        )
        blocks += [Text(say("effective"), quiet=True), Pairs(items)]
    return tuple(blocks)


def _preprocessing(facts: Facts, say: Texts) -> tuple[Block, ...]:
    sentences = [say("resize", image_size=say("px", value=facts.config.image_size))]
    mean, std = facts.get("model", "norm_mean"), facts.get("model", "norm_std")
    if mean and std:
        sentences.append(say("normalisation_used", mean=_channels(mean), std=_channels(std)))
    num_train, num_val, num_test = (facts.get("data", f"num_{part}") for part in ("train", "val", "test"))
    if num_train is not None and num_val is not None:
        test = say("split_test", num_test=fm.count(num_test)) if num_test else ""
        sentences.append(say("split_used", num_train=fm.count(num_train), num_val=fm.count(num_val), test=test))
    return Code(yaml_blocks.preprocessing(facts.config, say), "yaml"), Bullets(tuple(sentences))


def _channels(values: list[float]) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in values)}]"


def _augmentation(facts: Facts, say: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [Code(yaml_blocks.augmentation(facts, say), "yaml")]
    pages, batches = facts.course.augmented_pages, facts.course.mixed_batches
    if pages:
        total = max(sum(pages.values()), 1)
        rows = [
            (
                say("augmentation.clean") if name == "clean" else f"`{name}`",
                fm.count(number),
                fm.percent(number / total),
            )
            for name, number in pages.items()
        ]
        rows += [
            (
                say("augmentation.batches", mix=f"`{name}`"),
                fm.count(number),
                fm.percent(number / max(sum(batches.values()), 1)),
            )
            for name, number in batches.items()
        ]
        header = (say("augmentation.policy"), say("augmentation.pages"), say("augmentation.share"))
        blocks += [Text(say("augmentation.counts"), quiet=True), Table(header, tuple(rows), numeric=frozenset({1, 2}))]
    else:
        blocks.append(Text(say("augmentation.uncounted"), quiet=True))
    if facts.run.samples_picture.is_file():
        file = facts.run.samples_picture
        picture = Picture(say("samples"), say("samples"), Path(file.name), shrunk(file), min_width_px=720)
        blocks.append(Pictures((picture,), "wide"))
    return tuple(blocks)


def _imbalance(facts: Facts, say: Texts) -> tuple[Block, ...]:
    config, counts = facts.config, facts.class_counts
    blocks: list[Block] = []
    if config.class_imbalance:
        blocks.append(Code(yaml_blocks.class_imbalance(config), "yaml"))
    filled = [
        say("imbalance.item", index=index, name=entry.name, before=entry.before, after=entry.after, added=entry.added)
        for index, entry in enumerate(counts)
        if entry.added
    ]
    if filled:
        blocks += [Text(say("imbalance.of_fold" if facts.folds else "imbalance.result")), Bullets(tuple(filled))]
    elif counts:
        smallest, largest = (fm.count(size(entry.after for entry in counts)) for size in (min, max))
        even = smallest == largest
        blocks.append(Text(say("imbalance.even" if even else "imbalance.none", smallest=smallest, largest=largest)))
    blocks += [Text(say(key)) for key, on in (("imbalance.sampler", config.weighted_sampler),
                                              ("imbalance.weighting", config.class_weighting)) if on]  # fmt: skip
    return tuple(blocks)


def _off(facts: Facts, say: Texts) -> tuple[Block, ...]:
    """Keys as YAML; switches of augmentation stand in its own block already, and a file may hold a key only once."""
    off = yaml_blocks.switched_off(facts.config, say)
    blocks: list[Block] = [Code(off, "yaml")] if off else []
    mixes = [key for key in ("mixup", "cutmix") if key not in facts.policies]
    if mixes:
        blocks.append(Bullets(tuple(f"`augmentation.{key}: false` – {say(f'off.{key}')}" for key in mixes)))
    return tuple(blocks) or (Text(say("off.nothing")),)
