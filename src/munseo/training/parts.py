"""From a configuration to pages: read, checked, split, balanced. Everything wrong is said before training starts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from munseo.config import Config
from munseo.console import say
from munseo.data import (
    Checked,
    Page,
    PageSet,
    check_images,
    fingerprint,
    load_pages,
    plan_balance,
    sampler_weights,
    stratified_folds,
    stratified_split,
)
from munseo.errors import UserError
from munseo.training.augmenting import AugmentationPlan, Sample, list_samples


@dataclass(frozen=True)
class Collection:
    """All pages of a data folder that can be used, and what was found out about them.

    Attributes:
        pages: Train, fixed validation and test pages; what could not be read is gone.
        checked: Hashes, notes, skipped pages.
    """

    pages: PageSet
    checked: Checked


@dataclass(frozen=True)
class Parts:
    """One split, ready to train on.

    Attributes:
        train: Pages of the train part.
        val: Pages of the validation part.
        samples: Entries of an epoch: pages, balancing copies, offline copies.
        plan: Augmentation by epoch.
        class_counts: A row a class: before, added, after, val.
    """

    train: tuple[Page, ...]
    val: tuple[Page, ...]
    samples: tuple[Sample, ...]
    plan: AugmentationPlan
    class_counts: list[dict[str, Any]]

    @property
    def sample_labels(self) -> list[int]:
        """Class of every sample."""
        return [_label(self.train[sample.page]) for sample in self.samples]

    @property
    def sample_weights(self) -> np.ndarray:
        """Drawing weights that make every class equally frequent."""
        return sampler_weights(self.sample_labels)


def collect(config: Config) -> Collection:
    """Read the tables and check every image.

    Raises:
        UserError: All problems of the tables, or all images that cannot be read.
    """
    pages = load_pages(
        config.data_dir,
        train_table=config.train_table,
        val_table=config.val_table,
        image_dir=config.image_dir,
        test_dir=config.test_dir,
        id_column=config.id_column,
        target_column=config.target_column,
    )
    checked = check_images([*pages.train, *(pages.val or ()), *pages.test], config.on_bad_image)
    bad = {page.path for page, _ in checked.skipped}

    def good(part: Sequence[Page]) -> tuple[Page, ...]:
        return tuple(page for page in part if page.path not in bad)

    # Test pages stay: a submission needs a row for each of them.
    pages = replace(pages, train=good(pages.train), val=None if pages.val is None else good(pages.val), test=pages.test)
    for note in (*pages.notes, *checked.notes):
        say(note)
    for page, reason in checked.skipped:
        say(f"skipped: {page.id}: {reason}")
    return Collection(pages, checked)


def divide(config: Config, collection: Collection) -> list[Parts]:
    """Split into train and validation parts: one, or one a fold."""
    pages = collection.pages
    labels = [_label(page) for page in pages.train]
    if config.n_folds and pages.val:
        say("n_folds: the fixed validation part is not used; folds are made of the train table")
    if config.n_folds:
        splits = stratified_folds(labels, config.n_folds, config.random_seed, class_names=pages.class_names)
        chosen = splits if config.fold is None else [splits[config.fold]]
        return [_balance(config, pages, _take(pages.train, t), _take(pages.train, v)) for t, v in chosen]
    if pages.val:
        return [_balance(config, pages, pages.train, pages.val)]
    train, val = stratified_split(
        labels, config.val_split_ratio, config.random_seed, stratify=config.stratify, class_names=pages.class_names
    )
    return [_balance(config, pages, _take(pages.train, train), _take(pages.train, val))]


def describe(config: Config, collection: Collection, parts: Parts) -> dict[str, Any]:
    """The manifest's ``data`` entry."""
    checked, pages = collection.checked, collection.pages
    return {
        "dir": str(Path(config.data_dir).resolve()),
        "tables": {name: fingerprint_file(path) for name, path in pages.tables.items()},
        "images_sha256": fingerprint(checked.sha256),
        "num_train": len(parts.train),
        "num_val": len(parts.val),
        "num_test": len(pages.test),
        "notes": [*pages.notes, *checked.notes],
        "skipped": [{"id": page.id, "reason": reason} for page, reason in checked.skipped],
        "class_counts": parts.class_counts,
    }


def page_table(collection: Collection, parts: Parts) -> pd.DataFrame:
    """Every page with its part, class and hash, as ``pages.parquet`` holds it."""
    skipped = [page for page, _ in collection.checked.skipped]
    rows = [
        (page.id, part, page.label, collection.checked.sha256.get(str(page.path)))
        for part, members in (
            ("train", parts.train),
            ("val", parts.val),
            ("test", collection.pages.test),
            ("skipped", skipped),
        )
        for page in members
    ]
    table = pd.DataFrame(rows, columns=["ID", "part", "target", "sha256"])
    return table.astype({"target": "Int64"})


def fingerprint_file(path: Path) -> str:
    """SHA-256 of a table's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _balance(config: Config, pages: PageSet, train: tuple[Page, ...], val: tuple[Page, ...]) -> Parts:
    labels = [_label(page) for page in train]
    copied: list[tuple[int, int]] = []
    if config.class_imbalance is not None:
        classes = _classes(config.class_imbalance.aug_class, pages)
        balance = plan_balance(labels, classes, config.class_imbalance.max_samples, config.random_seed)
        copied = list(balance.copies)
    added = Counter(labels[page] for page, _ in copied)
    before, held_out = Counter(labels), Counter(_label(page) for page in val)
    counts = [
        {"class": name, "before": before[k], "added": added[k], "after": before[k] + added[k], "val": held_out[k]}
        for k, name in enumerate(pages.class_names)
    ]
    plan = AugmentationPlan(config)
    num_offline = 0 if config.online_augmentation else len(plan.policy_names)
    samples = list_samples(len(train), copied, num_offline)
    return Parts(train, val, tuple(samples), plan, counts)


def _classes(wanted: Sequence[int | str], pages: PageSet) -> list[int]:
    """Class numbers of ``class_imbalance.aug_class``, which may be written as targets or as names."""
    unknown = [str(name) for name in wanted if str(name) not in (*pages.class_targets, *pages.class_names)]
    if unknown:
        raise UserError(
            f"class_imbalance.aug_class: no such class: {', '.join(unknown)}. The classes: "
            + ", ".join(f"{t} {n}" for t, n in zip(pages.class_targets, pages.class_names, strict=True))
        )
    targets = {target: number for number, target in enumerate(pages.class_targets)}
    names = {name: number for number, name in enumerate(pages.class_names)}
    return [targets.get(str(name), names.get(str(name), -1)) for name in wanted]


def _take(pages: Sequence[Page], places: Sequence[int]) -> tuple[Page, ...]:
    return tuple(pages[place] for place in places)


def _label(page: Page) -> int:
    assert page.label is not None, "train and validation pages have labels"
    return page.label
