"""The data of a run: pages are read, checked, split and balanced. All problems are reported before training starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from munseo._augment import BUILT_IN, Recipe
from munseo._config import Config
from munseo._console import say
from munseo._data import (
    Checked,
    CheckedFiles,
    DataLayout,
    ImageProblem,
    Page,
    PageCopy,
    PageSet,
    cache_folder,
    cache_pages,
    check_images,
    fingerprint,
    load_pages,
    plan_balance,
    read_table,
    stratified_folds,
    stratified_split,
)
from munseo._data.classes import Classes
from munseo._data.image_check import refuse_losses
from munseo._errors import UserError
from munseo._shift import measure_recipe
from munseo._shift.recipe_file import load_recipe
from munseo._training.split_groups import find_groups, needs_thumbnails
from munseo._training.training_pages import AugmentationPlan, Sample, list_samples


@dataclass(frozen=True)
class Collection:
    """All usable pages of a data folder, before they are split.

    Train and fixed validation pages that cannot be read are left out; such test pages stay, since a submission needs a
    row for each of them.
    """

    pages: PageSet
    digests: dict[tuple[str, str], str]  # SHA-256 of every image that can be read, by table (train, val, test) and ID
    skipped: tuple[tuple[Page, ImageProblem], ...]  # pages that cannot be read, with what is wrong with them
    notes: tuple[str, ...]  # what was done without asking
    # Number of the group of each train page; groups are not split. None: every page is its own group.
    groups: np.ndarray | None = None
    # The same for fixed validation pages, which are not split.
    val_groups: np.ndarray | None = None


@dataclass(frozen=True)
class Split:
    """Train and validation pages, ready to train on.

    An epoch has the ``samples``: pages, balancing copies, offline copies. ``class_counts`` has a row for each class:
    before, added, after, val. There is no second validation without a ``recipe``. No fold trains or validates on the
    ``held_out`` pages, which are the same in all folds: they judge the mean of the folds.
    """

    train: tuple[Page, ...]
    val: tuple[Page, ...]
    samples: tuple[Sample, ...]
    plan: AugmentationPlan
    class_counts: list[dict[str, Any]]
    recipe: Recipe | None = None
    held_out: tuple[Page, ...] = ()

    @property
    def sample_labels(self) -> list[int]:
        """Class of every sample."""
        return [_label(self.train[sample.page]) for sample in self.samples]


def collect(config: Config) -> Collection:
    """Read the tables, check every image, and put the pages that are decoded in every epoch into the cache.

    Raises:
        UserError: The tables have problems, or images cannot be read: all of them in one message.
    """
    pages = load_pages(config.data_dir, DataLayout.from_config(config))
    known = None if config.cache is False else CheckedFiles(_cache_folder(config))
    try:
        checked = _check_all(pages, config, known)
        groups, group_notes = find_groups(config, pages, checked["train"], checked["val"], known)
    finally:
        if known is not None:
            known.close()
    notes = (*pages.notes, *(note for result in checked.values() for note in result.notes), *group_notes)
    skipped = tuple(entry for result in checked.values() for entry in result.skipped)
    for note in notes:
        say(note)
    for page, problem in skipped:
        say(f"skipped: {page.id}: {problem}")
    digests = {
        (name, page_id): digest for name, result in checked.items() for page_id, digest in result.digests.items()
    }
    pages = replace(pages, train=checked["train"].pages, val=checked["val"].pages if pages.val else None)
    cached = _cached(config, pages, digests)
    return Collection(cached, digests, skipped, notes, groups.get("train"), groups.get("val"))


def _check_all(pages: PageSet, config: Config, known: CheckedFiles | None) -> dict[str, Checked]:
    """Check train, validation and test pages, and name all images that cannot be read in one message."""
    checked: dict[str, Checked] = {}
    problems: list[str] = []
    for name, members in {"train": pages.train, "val": pages.val or (), "test": pages.test}.items():
        with_thumbnails = needs_thumbnails(config, pages, name)
        try:
            checked[name] = (
                check_images(members, config.on_bad_image, with_thumbnails, known)
                if members
                else Checked((), (), {}, ())
            )
        except UserError as error:
            problems += [f"{name}/{problem}" for problem in error.problems]
    if problems:
        raise UserError(
            f"{len(problems)} images cannot be read; fix or remove them, or go on without them: on_bad_image=skip.",
            problems,
        )
    refuse_losses([checked["train"], checked["val"]], pages.class_names)
    return checked


def _cached(config: Config, pages: PageSet, digests: dict[tuple[str, str], str]) -> PageSet:
    """Return train and validation pages with their files in the cache; test pages are decoded only once."""
    if config.cache is False:
        return pages
    folder = _cache_folder(config)
    sizes = {config.image_size, *(stage.image_size for stage in config.progressive_resizing)}
    val = pages.val or ()
    keys = [digests[name, page.id] for name, members in (("train", pages.train), ("val", val)) for page in members]
    cached = tuple(cache_pages([*pages.train, *val], keys, sorted(sizes), folder))
    num_train = len(pages.train)
    return replace(pages, train=cached[:num_train], val=cached[num_train:] if pages.val else None)


def _cache_folder(config: Config) -> Path:
    return cache_folder() if config.cache in (True, "auto") else Path(str(config.cache)).expanduser()


def choose_recipe(config: Config, collection: Collection) -> Recipe | None:
    """Return the recipe of damage that ``shift`` names; None for ``none``.

    Raises:
        UserError: The file is missing or wrong, or ``measured`` has no test pages to measure.
    """
    if config.shift == "none":
        return None
    if config.shift in BUILT_IN:
        return BUILT_IN[config.shift]
    if config.shift != "measured":
        return load_recipe(Path(config.shift))
    pages = collection.pages
    if not pages.test:
        raise UserError("shift: measured needs test pages, and the data folder has none; try shift: competition.")
    say("shift: measuring how the test pages differ from the train pages")
    return measure_recipe(pages.train, pages.test, config.image_size)


def make_splits(config: Config, collection: Collection, recipe: Recipe | None = None) -> list[Split]:
    """Split the pages into train and validation pages: once, or once for each fold.

    The recipe is the damage of the second validation and of the ``matched`` policy.

    Raises:
        UserError: The configuration names classes that do not exist, or too few pages are there to split.
    """
    pages = collection.pages
    named = find_classes(config, pages)
    if config.n_folds:
        return _make_folds(config, collection, named, recipe)
    if pages.val:
        return [_balance(config, pages, named, pages.train, pages.val, recipe)]
    labels = [_label(page) for page in pages.train]
    names, groups = pages.class_names, collection.groups
    ratio, seed = config.val_split_ratio, config.random_seed
    train, val = stratified_split(labels, ratio, seed, stratify=config.stratify, class_names=names, groups=groups)
    return [_balance(config, pages, named, _take(pages.train, train), _take(pages.train, val), recipe)]


def _make_folds(config: Config, collection: Collection, named: NamedClasses, recipe: Recipe | None) -> list[Split]:
    """Split the train pages into folds, and hold some of them out of all folds if no fixed pages can judge the mean."""
    pages = collection.pages
    labels = [_label(page) for page in pages.train]
    indices = stratified_folds(
        labels,
        config.n_folds,
        config.random_seed,
        class_names=pages.class_names,
        groups=collection.groups,
        held_out_ratio=0.0 if pages.val else config.held_out_ratio,
    )
    in_no_fold = np.setdiff1d(np.arange(len(labels)), np.concatenate([val for _, val in indices]))
    held_out = pages.val or _take(pages.train, in_no_fold)
    return [
        _balance(config, pages, named, _take(pages.train, train), _take(pages.train, val), recipe, held_out)
        for number, (train, val) in enumerate(indices)
        if config.fold in (None, number)
    ]


def _balance(
    config: Config,
    pages: PageSet,
    named: NamedClasses,
    train: tuple[Page, ...],
    val: tuple[Page, ...],
    recipe: Recipe | None,
    held_out: tuple[Page, ...] = (),
) -> Split:
    labels = [_label(page) for page in train]
    copies: list[PageCopy] = []
    if config.class_imbalance is not None:
        max_samples, seed = config.class_imbalance.max_samples, config.random_seed
        copies = plan_balance(labels, named.filled, max_samples, seed, pages.class_names)
    added = Counter(labels[copy.page] for copy in copies)
    before, of_val = Counter(labels), Counter(_label(page) for page in val)
    counts = [
        {"class": name, "before": before[k], "added": added[k], "after": before[k] + added[k], "val": of_val[k]}
        for k, name in enumerate(pages.class_names)
    ]
    plan = AugmentationPlan(config, recipe, named.groups)
    num_offline = 0 if config.online_augmentation else len(plan.policy_names)
    samples = list_samples(len(train), copies, num_offline)
    return Split(train, val, tuple(samples), plan, counts, recipe, held_out)


def _take(pages: Sequence[Page], indices: np.ndarray) -> tuple[Page, ...]:
    return tuple(pages[index] for index in indices)


def _label(page: Page) -> int:
    assert page.label is not None, "train and validation pages have labels"
    return page.label


@dataclass(frozen=True)
class NamedClasses:
    """The numbers of the classes that ``class_imbalance.aug_class`` fills up, and of those in ``class_policies``.

    ``groups`` maps a class to the index of its group; classes of no group are left out.
    """

    filled: tuple[int, ...]
    groups: dict[int, int]


def find_classes(config: Config, pages: PageSet) -> NamedClasses:
    """Look up every class that the configuration names.

    Raises:
        UserError: A class does not exist, or is in two groups: all such classes are in one message.
    """
    classes = Classes(pages.class_names, pages.class_targets, "the data")
    problems: list[str] = []
    imbalance = config.class_imbalance
    filled = _numbers(imbalance.aug_class, classes, "class_imbalance.aug_class", problems) if imbalance else ()
    groups: dict[int, int] = {}
    for index, group in enumerate(config.class_policies):
        where = f"class_policies.{index}.classes"
        for number in _numbers(group.classes, classes, where, problems):
            if number in groups:
                problems.append(
                    f"{where}: {classes.names[number]} is in class_policies.{groups[number]} already; name it once"
                )
            groups.setdefault(number, index)
    if problems:
        listed = ", ".join(f"{t} {n}" for t, n in zip(classes.targets, classes.names, strict=True))
        raise UserError(f"Classes in the configuration that cannot be. The classes: {listed}", problems)
    return NamedClasses(filled, groups)


def _numbers(wanted: Sequence[int | str], classes: Classes, where: str, problems: list[str]) -> tuple[int, ...]:
    numbers = [(str(name), classes.index(str(name))) for name in wanted]
    problems += [f"{where}: {classes.unknown(name)}" for name, number in numbers if number is None]
    return tuple(number for _, number in numbers if number is not None)


def describe_data(config: Config, collection: Collection, split: Split) -> dict[str, Any]:
    """Return the manifest's ``data`` entry."""
    pages = collection.pages
    digests = {f"{name}/{page_id}": digest for (name, page_id), digest in collection.digests.items()}
    tables = [read_table(path) for path in pages.tables.values()]
    return {
        "dir": str(Path(config.data_dir).resolve()),
        "tables": {table.path.name: table.sha256() for table in tables},
        "table_rows": {table.path.name: len(table.rows) for table in tables},
        "images_sha256": fingerprint(digests),
        "num_train": len(split.train),
        "num_val": len(split.val),
        "num_held_out": len(split.held_out),
        "num_test": len(pages.test),
        "notes": list(collection.notes),
        "skipped": [{"id": page.id, "reason": str(problem)} for page, problem in collection.skipped],
        "class_counts": split.class_counts,
    }


def page_table(collection: Collection, split: Split) -> pd.DataFrame:
    """Return every page with its part, class, hash and group, as ``pages.parquet`` has them.

    Pages with the same number belong together; a page without a number belongs to no other.
    """
    # Digests are kept by the table that a page comes from: validation pages may come from the train table. Where there
    # are folds, the fixed validation pages are those held out of them.
    fixed = bool(collection.pages.val)
    parts: tuple[tuple[str, str, Sequence[Page]], ...] = (
        ("train", "train", split.train),
        ("val", "val" if fixed and not split.held_out else "train", split.val),
        ("held_out", "val" if fixed else "train", split.held_out),
        ("test", "test", collection.pages.test),
        ("skipped", "", [page for page, _ in collection.skipped if page.label is not None]),
    )
    # Groups are numbered in each table; those of the validation table follow those of the train table.
    first_of_val = 0 if collection.groups is None else int(collection.groups.max()) + 1
    groups = {
        (table, page.id): int(number) + first
        for table, pages, numbers, first in (
            ("train", collection.pages.train, collection.groups, 0),
            ("val", collection.pages.val or (), collection.val_groups, first_of_val),
        )
        if numbers is not None
        for page, number in zip(pages, numbers, strict=True)
    }
    rows = [
        (page.id, part, page.label, collection.digests.get((table, page.id)), groups.get((table, page.id)))
        for part, table, pages in parts
        for page in pages
    ]
    table = pd.DataFrame(rows, columns=["ID", "part", "target", "sha256", "group"])
    return table.astype({"target": "Int64", "group": "Int64"})
