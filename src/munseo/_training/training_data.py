"""From a configuration to pages: read, checked, split, balanced. Everything wrong is said before training starts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from munseo._augment import Recipe
from munseo._config import Config
from munseo._console import say
from munseo._data import (
    Checked,
    DataLayout,
    ImageProblem,
    Page,
    PageSet,
    cache_folder,
    cache_pages,
    check_images,
    fingerprint,
    load_pages,
    plan_balance,
    read_table,
    sampler_weights,
    stratified_folds,
    stratified_split,
)
from munseo._data.classes import Classes
from munseo._errors import UserError
from munseo._shift import measure_recipe
from munseo._shift.recipe_file import BUILT_IN, load_recipe
from munseo._training.split_groups import find_groups, needs_thumbnails
from munseo._training.training_pages import AugmentationPlan, Sample, list_samples


@dataclass(frozen=True)
class Collection:
    """All pages of a data folder that can be used, and what was found out about them.

    Attributes:
        pages: Train, fixed validation and test pages. What could not be read is gone from the first two; test pages
            stay, since a submission needs a row for each of them.
        digests: SHA-256 of every image that can be read, by part and ID.
        skipped: Pages that cannot be read, with the reason.
        notes: What was done without asking.
        groups: Number of the group of each train page; groups are not split. None: every page for itself.
    """

    pages: PageSet
    digests: dict[tuple[str, str], str]
    skipped: tuple[tuple[Page, ImageProblem], ...]
    notes: tuple[str, ...]
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class Parts:
    """One split, ready to train on.

    Attributes:
        train: Pages of the train part.
        val: Pages of the validation part.
        samples: Entries of an epoch: pages, balancing copies, offline copies.
        plan: Augmentation by epoch.
        recipe: Damages of the second validation; None without one.
        class_counts: A row a class: before, added, after, val.
    """

    train: tuple[Page, ...]
    val: tuple[Page, ...]
    samples: tuple[Sample, ...]
    plan: AugmentationPlan
    class_counts: list[dict[str, Any]]
    recipe: Recipe | None = None

    @property
    def sample_labels(self) -> list[int]:
        """Class of every sample."""
        return [_label(self.train[sample.page]) for sample in self.samples]

    @property
    def sample_weights(self) -> np.ndarray:
        """Drawing weights that make every class equally frequent."""
        return sampler_weights(self.sample_labels)


def collect(config: Config) -> Collection:
    """Read the tables, check every image, and see to it that the cache holds what will be decoded often.

    Raises:
        UserError: All problems of the tables, or all images that cannot be read.
    """
    pages = load_pages(config.data_dir, DataLayout.from_config(config))
    parts = {"train": pages.train, "val": pages.val or (), "test": pages.test}
    checked = _check_parts(parts, config.on_bad_image, {"train"} if needs_thumbnails(config, pages) else set())
    groups, group_notes = find_groups(config, pages, checked["train"], checked["val"])
    notes = (*pages.notes, *(note for part in checked.values() for note in part.notes), *group_notes)
    skipped = tuple(entry for part in checked.values() for entry in part.skipped)
    for note in notes:
        say(note)
    for page, problem in skipped:
        say(f"skipped: {page.id}: {problem}")
    digests = {(name, page_id): digest for name, part in checked.items() for page_id, digest in part.digests.items()}
    pages = replace(pages, train=checked["train"].pages, val=checked["val"].pages if pages.val else None)
    return Collection(_cached(config, pages, digests), digests, skipped, notes, groups)


def _cached(config: Config, pages: PageSet, digests: dict[tuple[str, str], str]) -> PageSet:
    """Train and validation pages with their places in the cache; test pages are decoded once."""
    if config.cache is False:
        return pages
    folder = cache_folder() if config.cache in (True, "auto") else Path(str(config.cache)).expanduser()
    sizes = {config.image_size, *(stage.image_size for stage in config.progressive_resizing)}
    val = pages.val or ()
    keys = [digests[part, page.id] for part, members in (("train", pages.train), ("val", val)) for page in members]
    found = tuple(cache_pages([*pages.train, *val], keys, sorted(sizes), folder))
    num_train = len(pages.train)
    return replace(pages, train=found[:num_train], val=found[num_train:] if pages.val else None)


def _check_parts(
    parts: dict[str, tuple[Page, ...]], on_bad_image: Literal["fail", "skip"], with_thumbnails: set[str]
) -> dict[str, Checked]:
    """Check every part, and name the images of all of them that cannot be read in one message."""
    checked: dict[str, Checked] = {}
    problems: list[str] = []
    for name, pages in parts.items():
        try:
            keep = name in with_thumbnails
            checked[name] = check_images(pages, on_bad_image, keep) if pages else Checked((), (), {}, ())
        except UserError as error:
            problems += [f"{name}/{problem}" for problem in error.problems]
    if problems:
        raise UserError(
            f"{len(problems)} images cannot be read; mend or remove them, or go on without them: on_bad_image=skip.",
            problems,
        )
    return checked


def divide(config: Config, collection: Collection, recipe: Recipe | None = None) -> list[Parts]:
    """Split into train and validation parts: one, or one a fold.

    Args:
        config: The configuration.
        collection: All pages.
        recipe: Damages of the second validation and of the ``matched`` policy.
    """
    pages = collection.pages
    named = find_classes(config, pages)
    labels = [_label(page) for page in pages.train]
    if config.n_folds and pages.val:
        say("n_folds: folds are made of the train table; val.csv is left alone")
    if config.n_folds:
        splits = stratified_folds(
            labels, config.n_folds, config.random_seed, class_names=pages.class_names, groups=collection.groups
        )
        chosen = splits if config.fold is None else [splits[config.fold]]
        return [_balance(config, pages, named, _take(pages.train, t), _take(pages.train, v), recipe) for t, v in chosen]
    if pages.val:
        return [_balance(config, pages, named, pages.train, pages.val, recipe)]
    train, val = stratified_split(
        labels,
        config.val_split_ratio,
        config.random_seed,
        stratify=config.stratify,
        class_names=pages.class_names,
        groups=collection.groups,
    )
    return [_balance(config, pages, named, _take(pages.train, train), _take(pages.train, val), recipe)]


def describe(config: Config, collection: Collection, parts: Parts) -> dict[str, Any]:
    """The manifest's ``data`` entry."""
    pages = collection.pages
    digests = {f"{part}/{page_id}": digest for (part, page_id), digest in collection.digests.items()}
    return {
        "dir": str(Path(config.data_dir).resolve()),
        "tables": {path.name: fingerprint_file(path) for path in pages.tables.values()},
        "table_rows": {path.name: len(read_table(path).rows) for path in pages.tables.values()},
        "images_sha256": fingerprint(digests),
        "num_train": len(parts.train),
        "num_val": len(parts.val),
        "num_test": len(pages.test),
        "notes": list(collection.notes),
        "skipped": [{"id": page.id, "reason": str(problem)} for page, problem in collection.skipped],
        "class_counts": parts.class_counts,
    }


def page_table(collection: Collection, parts: Parts) -> pd.DataFrame:
    """Every page with its part, class and hash, as ``pages.parquet`` holds it."""
    fixed_val = "val" if collection.pages.val else "train"  # where the table has the validation pages
    members = (
        ("train", "train", parts.train),
        ("val", fixed_val, parts.val),
        ("test", "test", collection.pages.test),
        ("skipped", "", [page for page, _ in collection.skipped if page.label is not None]),
    )
    rows = [
        (page.id, part, page.label, collection.digests.get((source, page.id)))
        for part, source, pages in members
        for page in pages
    ]
    table = pd.DataFrame(rows, columns=["ID", "part", "target", "sha256"])
    return table.astype({"target": "Int64"})


def fingerprint_file(path: Path) -> str:
    """SHA-256 of a table's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _balance(
    config: Config,
    pages: PageSet,
    named: NamedClasses,
    train: tuple[Page, ...],
    val: tuple[Page, ...],
    recipe: Recipe | None,
) -> Parts:
    labels = [_label(page) for page in train]
    copied: list[tuple[int, int]] = []
    if config.class_imbalance is not None:
        balance = plan_balance(
            labels, named.filled, config.class_imbalance.max_samples, config.random_seed, pages.class_names
        )
        copied = [(sample.index, sample.copy) for sample in balance.copies]
    added = Counter(labels[page] for page, _ in copied)
    before, held_out = Counter(labels), Counter(_label(page) for page in val)
    counts = [
        {"class": name, "before": before[k], "added": added[k], "after": before[k] + added[k], "val": held_out[k]}
        for k, name in enumerate(pages.class_names)
    ]
    plan = AugmentationPlan(config, recipe, named.groups)
    num_offline = 0 if config.online_augmentation else len(plan.policy_names)
    samples = list_samples(len(train), copied, num_offline)
    return Parts(train, val, tuple(samples), plan, counts, recipe)


def _take(pages: Sequence[Page], places: np.ndarray) -> tuple[Page, ...]:
    return tuple(pages[place] for place in places)


def _label(page: Page) -> int:
    assert page.label is not None, "train and validation pages have labels"
    return page.label


def choose_recipe(config: Config, collection: Collection) -> Recipe | None:
    """The recipe that ``shift`` names; None for ``none``.

    Raises:
        UserError: The file is missing or wrong, or ``measured`` has no test pages to measure.
    """
    if config.shift == "none":
        return None
    if config.shift in BUILT_IN:
        return BUILT_IN[config.shift]
    if config.shift == "measured":
        return _measure(config, collection)
    return load_recipe(Path(config.shift))


def _measure(config: Config, collection: Collection) -> Recipe:
    pages = collection.pages
    if not pages.test:
        raise UserError("shift: measured needs test pages, and the data folder has none; try shift: competition.")
    say("shift: measuring how the test pages differ from the train pages")
    return measure_recipe(pages.train, pages.test, config.image_size)


@dataclass(frozen=True)
class NamedClasses:
    """Class numbers.

    Attributes:
        filled: Of ``class_imbalance.aug_class``.
        groups: Class to its place in ``class_policies``; classes of no group are left out.
    """

    filled: tuple[int, ...]
    groups: dict[int, int]


def find_classes(config: Config, pages: PageSet) -> NamedClasses:
    """Look up every class that the configuration names.

    Raises:
        UserError: Classes that there are not, or one in two groups: all of them in one message.
    """
    classes = Classes(pages.class_names, pages.class_targets, "the data")
    problems: list[str] = []
    imbalance = config.class_imbalance
    filled = _numbers(imbalance.aug_class, classes, "class_imbalance.aug_class", problems) if imbalance else ()
    groups: dict[int, int] = {}
    for place, group in enumerate(config.class_policies):
        where = f"class_policies.{place}.classes"
        for number in _numbers(group.classes, classes, where, problems):
            if number in groups:
                problems.append(
                    f"{where}: {classes.names[number]} is in class_policies.{groups[number]} already; name it once"
                )
            groups.setdefault(number, place)
    if problems:
        listed = ", ".join(f"{t} {n}" for t, n in zip(classes.targets, classes.names, strict=True))
        raise UserError(f"Classes in the configuration that cannot be. The classes: {listed}", problems)
    return NamedClasses(filled, groups)


def _numbers(wanted: Sequence[int | str], classes: Classes, where: str, problems: list[str]) -> tuple[int, ...]:
    found = [(str(name), classes.index(str(name))) for name in wanted]
    problems += [f"{where}: {classes.unknown(name)}" for name, number in found if number is None]
    return tuple(number for _, number in found if number is not None)
