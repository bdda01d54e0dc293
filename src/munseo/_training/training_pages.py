"""The augmentation of a run, which may change with the epoch and the class, and the training pages that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from munseo._augment import LEVELS, Augmenter, Policy, Recipe, build_policy, cutout
from munseo._augment.policy import DocumentPolicy
from munseo._config import Augmentation, Config
from munseo._config.augmentation_settings import MIXES, AugmentationSettings
from munseo._data import Page, square
from munseo._errors import UserError
from munseo._prediction.loader import Item, oriented
from munseo._randomness import generator
from munseo._training.sampler import Draw


@dataclass(frozen=True)
class Stage:
    """The names of what is switched on from one epoch on.

    The ``policies`` are those of pages whose class is in no group; ``group_policies`` has those of each class group, in
    the order of ``class_policies``.
    """

    from_epoch: int
    policies: tuple[str, ...]
    mixes: tuple[str, ...]
    group_policies: tuple[tuple[str, ...], ...] = ()


class AugmentationPlan:
    """The stages of a configuration, and the policies of each class group.

    A configuration can change its policies with the epoch (``dynamic_augmentation``) and with the class
    (``class_policies``). A class group follows the switches of each stage, except for those that it sets itself.

    Args:
        config: The switches, parameters and stages.
        recipe: What ``matched`` draws its damage from.
        groups: Class number to its index in ``class_policies``.

    Attributes:
        stages: In the order of their epochs; the first one starts at 0.
        policy_names: Every policy of any stage and group; batches refer to policies by their index here.
        mix_names: Every mix of any stage.
        policies: Name to policy, for pages whose class is in no group.

    Raises:
        UserError: Parameters are wrong, or ``matched`` has no recipe: all of it in one message.
    """

    def __init__(
        self, config: AugmentationSettings, recipe: Recipe | None = None, groups: Mapping[int, int] | None = None
    ) -> None:
        self._config = config
        self._groups = groups or {}
        stages = {0: self._stage(0, config.augmentation_level, config.augmentation)}
        for later in sorted(config.dynamic_augmentation, key=lambda stage: stage.from_epoch):
            # A new level starts anew: the run's own switches no longer count.
            level, switches = later.augmentation_level, later.augmentation
            if level is None:
                level, switches = config.augmentation_level, _over(config.augmentation, switches)
            stages[later.from_epoch] = self._stage(later.from_epoch, level, switches)
        self.stages = tuple(stages.values())
        used = {name for stage in self.stages for names in (stage.policies, *stage.group_policies) for name in names}
        self.policy_names = tuple(name for name in Augmentation.model_fields if name in used)
        self.mix_names = tuple(dict.fromkeys(name for stage in self.stages for name in stage.mixes))
        self.policies, self._group_policies = self._build_all(recipe)

    @property
    def names(self) -> tuple[str, ...]:
        """Policies and mixes, for the run's name."""
        return self.policy_names + self.mix_names

    def at(self, epoch: int) -> Stage:
        """Return the stage of an epoch."""
        return [stage for stage in self.stages if stage.from_epoch <= epoch][-1]

    def augmenters(self, stage: Stage) -> tuple[Augmenter, ...]:
        """Return the online augmentation of a stage: that of each class group, then that of all other classes."""
        probability = self._config.augmentation_probability
        by_group = [*zip(stage.group_policies, self._group_policies, strict=True), (stage.policies, self.policies)]
        return tuple(Augmenter([policies[name] for name in names], probability) for names, policies in by_group)

    def group_of(self, label: int) -> int:
        """Return the index of a class's augmenter among ``augmenters``; classes of no group have the last one."""
        return self._groups.get(label, -1)

    def _stage(self, from_epoch: int, level: str, switches: Augmentation) -> Stage:
        names = _switched_on(level, switches)
        grouped = [_switched_on(level, _over(switches, group.augmentation)) for group in self._config.class_policies]
        policies, *group_policies = (tuple(n for n in on if n not in MIXES) for on in (names, *grouped))
        return Stage(from_epoch, policies, tuple(n for n in names if n in MIXES), tuple(group_policies))

    def _build_all(self, recipe: Recipe | None) -> tuple[dict[str, Policy], list[dict[str, Policy]]]:
        """Build the policies of the run, and those of each class group, with the problems of all of them together."""
        problems: list[str] = []
        built: list[dict[str, Policy]] = []
        for index, group in enumerate([None, *self._config.class_policies], start=-1):
            by_stage = (stage.policies if group is None else stage.group_policies[index] for stage in self.stages)
            used = {name for names in by_stage for name in names}
            built.append({})
            for name in (name for name in self.policy_names if name in used):
                own = group.augmentation_params.get(name, {}) if group else {}
                given = {**self._config.augmentation_params.get(name, {}), **own}
                try:
                    built[-1][name] = _build_policy(name, given, recipe)
                except UserError as error:
                    prefix = f"class_policies.{index}." if group else ""
                    problems += [f"{prefix}{problem}" for problem in error.problems or [error.message]]
        if problems:
            raise UserError(f"Augmentation: {len(problems)} wrong.", problems)
        return built[0], built[1:]


def _build_policy(name: str, parameters: Mapping[str, Any], recipe: Recipe | None) -> Policy:
    if name != "matched":
        return build_policy(name, parameters)
    if recipe is None:
        raise UserError(
            "augmentation.matched: draws its damage from the recipe of the run, and there is none; "
            "set shift: measured, competition, document or a recipe file"
        )
    return DocumentPolicy(recipe.changed(parameters, "augmentation_params.matched"), name)


def _switched_on(level: str, switches: Augmentation) -> tuple[str, ...]:
    active = {**LEVELS[level], **switches.model_dump(exclude_none=True)}
    return tuple(name for name in Augmentation.model_fields if active.get(name))


def _over(base: Augmentation, change: Augmentation) -> Augmentation:
    return base.model_copy(update=change.model_dump(exclude_none=True))


def training_size(config: Config, epoch: int) -> int:
    """Return the side of the training pages of an epoch, px.

    Small pages first make the early epochs cheap (progressive resizing: Howard, fastai, 2018; Tan and Le,
    "EfficientNetV2", 2021). Validation stays at ``image_size``.
    """
    sizes = [stage.image_size for stage in config.progressive_resizing if stage.from_epoch <= epoch]
    return sizes[-1] if sizes else config.image_size


@dataclass(frozen=True, slots=True)
class Sample:
    """One entry of an epoch: a page of the train split, or its copy under one policy (offline augmentation).

    ``copy`` is 0 for the page itself and 1, 2, … for its cutout copies, each of them cut differently. ``policy`` is -1
    but for offline copies.
    """

    page: int
    copy: int = 0
    policy: int = -1


def list_samples(num_pages: int, copies: Sequence[tuple[int, int]], num_offline_policies: int) -> list[Sample]:
    """Return all samples of an epoch: each page, the balancing ``copies`` (page and number of each), offline copies.

    Offline augmentation adds one copy of everything for each of its policies.
    """
    base = [Sample(page) for page in range(num_pages)] + [Sample(page, copy) for page, copy in copies]
    offline = [Sample(s.page, s.copy, policy) for policy in range(num_offline_policies) for s in base]
    return base + offline


class TrainingPages(Dataset[Item]):
    """Augmented training pages; an item is a function of nothing but the seed, its epoch and its index."""

    def __init__(
        self, pages: Sequence[Page], samples: Sequence[Sample], plan: AugmentationPlan, config: Config
    ) -> None:
        self.pages, self.samples, self.plan = pages, samples, plan
        self.config, self.seed = config, config.random_seed
        self._augmenters = {stage.from_epoch: plan.augmenters(stage) for stage in plan.stages}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> Item:
        epoch, index = draw
        sample = self.samples[index]
        page = self.pages[sample.page]
        assert page.label is not None
        # The size is computed from the draw, since workers live through all epochs and do not notice when one begins.
        image = square(page, training_size(self.config, epoch))
        if sample.copy:
            image = cutout(image, generator(self.seed, "cutout", sample.page, sample.copy))
        policy = sample.policy
        if self.config.online_augmentation:
            image, policy = self._augment(image, page.label, epoch, index)
        elif policy >= 0:
            change = self.plan.policies[self.plan.policy_names[policy]]
            image = change(image, generator(self.seed, "augment", 0, index))
        return oriented(image, self.config.orientation), page.label, sample.page, policy

    def _augment(self, image: np.ndarray, label: int, epoch: int, index: int) -> tuple[np.ndarray, int]:
        augmenter = self._augmenters[self.plan.at(epoch).from_epoch][self.plan.group_of(label)]
        image, used = augmenter(image, generator(self.seed, "augment", epoch, index))
        return image, -1 if used < 0 else self.plan.policy_names.index(augmenter.policies[used].name)
