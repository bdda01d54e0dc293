"""Section: what was configured, and what training used."""

from __future__ import annotations

from pathlib import Path

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Bullets, Code, Pairs, Picture, Pictures, SectionBlock, TableBlock, Text
from munseo._report.contact_sheet import shrunk
from munseo._report.content import yaml_blocks
from munseo._report.facts import Facts


def configuration_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return architecture, hyperparameters, preprocessing, augmentation, balance, and what is off."""
    level = texts("augmentation_level", level=facts.config.augmentation_level)
    return (
        SectionBlock("architecture", texts("architecture"), _architecture(facts, texts)),
        SectionBlock("hyperparameters", texts("hyperparameters"), _hyperparameters(facts, texts)),
        SectionBlock("preprocessing", texts("preprocessing"), _preprocessing(facts, texts)),
        SectionBlock("augmentation", level, _augmentation(facts, texts)),
        SectionBlock("imbalance", texts("imbalance"), _imbalance(facts, texts)),
        SectionBlock("off", texts("off"), _off(facts, texts)),
    )


def _architecture(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [Code(yaml_blocks.architecture(facts.config, texts), "yaml")]
    pretrained = facts.get("model", "pretrained")
    items = []
    if pretrained:
        source = texts(f"weights.{pretrained['source']}", location=pretrained.get("location") or "")
        items.append((texts("weights"), source))
        if pretrained.get("sha256"):
            items.append((texts("weights_hash"), f"`{pretrained['sha256']}`"))
        if new := pretrained.get("new"):
            names = ", ".join(f"`{name}`" for name in new[:4]) + (" …" if len(new) > 4 else "")
            items.append((texts("weights_new"), texts("weights_new_value", count=len(new), names=names)))
    if (total := facts.get("model", "num_parameters")) is not None:
        trainable = fm.count(facts.get("model", "num_trainable"))
        items.append((texts("parameters"), texts("parameters_value", total=fm.count(total), trainable=trainable)))
    if items:
        blocks.append(Pairs(tuple(items)))
    return tuple(blocks)


def _hyperparameters(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [Code(yaml_blocks.hyperparameters(facts.config, texts), "yaml")]
    effective = facts.get("effective")
    if effective:
        rates = facts.rates
        used = {key: fm.rate(getattr(rates, key)) for key in ("configured", "first", "highest", "last")}
        workers, threads = (effective.get(key, fm.UNKNOWN) for key in ("num_workers", "num_threads"))
        batch = {"train": effective.get("batch_size"), "val": effective.get("val_batch_size")}
        items = (
            (texts("rate"), texts("rate_value", **used)),
            (texts("batch"), texts("batch_value", **batch)),
            (texts("steps"), fm.count(effective.get("steps_per_epoch"))),
            (texts("precision"), str(effective.get("precision") or fm.UNKNOWN)),
            (texts("workers"), f"{workers}, {threads}"),
        )
        blocks += [Text(texts("effective"), quiet=True), Pairs(items)]
    return tuple(blocks)


def _preprocessing(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    sentences = [texts("resize", image_size=texts("px", value=facts.config.image_size))]
    mean, std = facts.get("model", "norm_mean"), facts.get("model", "norm_std")
    if mean and std:
        sentences.append(texts("normalisation_used", mean=fm.channels(mean), std=fm.channels(std)))
    num_train, num_val, num_test = (facts.get("data", f"num_{part}") for part in ("train", "val", "test"))
    if num_train is not None and num_val is not None:
        rest = texts("split_test", num_test=fm.count(num_test)) if num_test else ""
        if num_held_out := facts.get("data", "num_held_out"):
            rest = texts("split_held_out", num_held_out=fm.count(num_held_out)) + rest
        sentences.append(texts("split_used", num_train=fm.count(num_train), num_val=fm.count(num_val), test=rest))
    return Code(yaml_blocks.preprocessing(facts.config, texts), "yaml"), Bullets(tuple(sentences))


def _augmentation(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [Code(yaml_blocks.augmentation(facts, texts), "yaml")]
    pages, batches = facts.course.augmented_pages, facts.course.mixed_batches
    if pages:
        named = {texts("augmentation.clean") if name == "clean" else f"`{name}`": num for name, num in pages.items()}
        mixed = {texts("augmentation.batches", mix=f"`{name}`"): num for name, num in batches.items()}
        rows = [
            (name, fm.count(num), fm.percent(num / max(sum(part.values()), 1)))
            for part in (named, mixed)
            for name, num in part.items()
        ]
        keys = ("augmentation.policy", "augmentation.pages", "augmentation.share")
        blocks += [Text(texts("augmentation.counts"), quiet=True), TableBlock.titled(texts, keys, rows)]
    else:
        blocks.append(Text(texts("augmentation.uncounted"), quiet=True))
    if facts.run.samples_picture.is_file():
        file = facts.run.samples_picture
        picture = Picture(texts("samples"), texts("samples"), Path(file.name), shrunk(file), min_width_px=720)
        blocks.append(Pictures((picture,), "wide"))
    return tuple(blocks)


def _imbalance(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    config, counts = facts.config, facts.class_counts
    blocks: list[Block] = []
    if config.class_imbalance:
        blocks.append(Code(yaml_blocks.class_imbalance(config), "yaml"))
    filled = [
        texts("imbalance.item", index=index, name=entry.name, before=entry.before, after=entry.after, added=entry.added)
        for index, entry in enumerate(counts)
        if entry.added
    ]
    if filled:
        blocks += [Text(texts("imbalance.of_fold" if facts.folds else "imbalance.result")), Bullets(tuple(filled))]
    elif counts:
        smallest, largest = (fm.count(size(entry.after for entry in counts)) for size in (min, max))
        even = smallest == largest
        blocks.append(Text(texts("imbalance.even" if even else "imbalance.none", smallest=smallest, largest=largest)))
    blocks += [
        Text(key.when_on.of(texts.language))
        for name, key in yaml_blocks.KEYS.items()
        if key.when_on is not None and getattr(config, name)
    ]
    return tuple(blocks)


def _off(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return every optional technique that was not used; keys as YAML, switches of augmentation as a list."""
    off = yaml_blocks.switched_off(facts.config, texts)
    blocks: list[Block] = [Code(off, "yaml")] if off else []
    # Switches of augmentation are a list, since their key is in the block of augmentation already, and a YAML file may
    # have a key only once.
    unused = {name: key.off for name, key in yaml_blocks.SWITCHES.items() if key.off and name not in facts.policies}
    if unused:
        items = (f"`augmentation.{name}: false` – {off.of(texts.language)}" for name, off in unused.items())
        blocks.append(Bullets(tuple(items)))
    return tuple(blocks) or (Text(texts("off.nothing")),)
