"""Which augmentation holds at which epoch, and the training pages that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from munseo._augment import LEVELS, Augmenter, Policy, Recipe, build_policy, cutout
from munseo._augment.policy import DocumentPolicy
from munseo._config import Augmentation, Config
from munseo._data import Page, square
from munseo._errors import UserError
from munseo._prediction.loader import Item, oriented
from munseo._randomness import generator
from munseo._training.sampler import Draw

MIXES = ("mixup", "cutmix")


@dataclass(frozen=True)
class Stage:
    """What is switched on from an epoch on.

    Attributes:
        from_epoch: Its first epoch.
        policies: Of pages whose class is in no group.
        mixes: Of whole batches.
        group_policies: Of the pages of each class group, in the order of ``class_policies``.
    """

    from_epoch: int
    policies: tuple[str, ...]
    mixes: tuple[str, ...]
    group_policies: tuple[tuple[str, ...], ...] = ()


class AugmentationPlan:
    """The stages of a configuration, for each class group.

    Args:
        config: The run's configuration.
        recipe: What ``matched`` draws its damage from.
        groups: Class number to its place in ``class_policies``.

    Attributes:
        stages: In the order of their epochs; the first starts at 0.
        policy_names: Every policy of any stage and group; batches refer to policies by their place here.
        mix_names: Every mix of any stage.
        policies: Those of pages whose class is in no group.

    Raises:
        UserError: Parameters are wrong, or ``matched`` has no recipe: all of it in one message.
    """

    def __init__(self, config: Config, recipe: Recipe | None = None, groups: Mapping[int, int] | None = None) -> None:
        self._config = config
        self._groups = groups or {}
        stages = {0: self._stage(0, config.augmentation_level, config.augmentation)}
        for later in sorted(config.dynamic_augmentation, key=lambda stage: stage.from_epoch):
            level = later.augmentation_level or config.augmentation_level
            switches = (
                later.augmentation if later.augmentation_level else _over(config.augmentation, later.augmentation)
            )
            stages[later.from_epoch] = self._stage(later.from_epoch, level, switches)
        self.stages = tuple(stages.values())
        every = [names for stage in self.stages for names in (stage.policies, *stage.group_policies)]
        self.policy_names = tuple(name for name in Augmentation.model_fields if any(name in names for names in every))
        self.mix_names = tuple(dict.fromkeys(name for stage in self.stages for name in stage.mixes))
        self.policies, *self._group_policies = self._build(recipe)

    @property
    def names(self) -> tuple[str, ...]:
        """Policies and mixes, for the run's name."""
        return self.policy_names + self.mix_names

    def at(self, epoch: int) -> Stage:
        """The stage that holds at an epoch."""
        return [stage for stage in self.stages if stage.from_epoch <= epoch][-1]

    def augmenters(self, stage: Stage) -> tuple[Augmenter, ...]:
        """Online augmentation of a stage: of each class group, and last of the classes in none."""
        named = [*zip(stage.group_policies, self._group_policies, strict=True), (stage.policies, self.policies)]
        probability = self._config.augmentation_probability
        return tuple(Augmenter([policies[name] for name in names], probability) for names, policies in named)

    def group_of(self, label: int) -> int:
        """The place of a class's augmenter among ``augmenters``."""
        return self._groups.get(label, -1)

    def _stage(self, from_epoch: int, level: str, switches: Augmentation) -> Stage:
        names = _switched_on(level, switches)
        grouped = [_switched_on(level, _over(switches, group.augmentation)) for group in self._config.class_policies]
        policies, *group_policies = (tuple(n for n in on if n not in MIXES) for on in (names, *grouped))
        return Stage(from_epoch, policies, tuple(n for n in names if n in MIXES), tuple(group_policies))

    def _build(self, recipe: Recipe | None) -> list[dict[str, Policy]]:
        """The policies of the run itself, then those of each class group."""
        config, problems = self._config, []
        parameters = [config.augmentation_params, *(group.augmentation_params for group in config.class_policies)]
        built: list[dict[str, Policy]] = []
        for place, own in enumerate(parameters):
            built.append({})
            active = {name for s in self.stages for name in (s.policies, *s.group_policies)[place]}
            for name in (name for name in self.policy_names if name in active):
                given = {**config.augmentation_params.get(name, {}), **own.get(name, {})}
                try:
                    built[-1][name] = _policy(name, given, recipe)
                except UserError as error:
                    prefix = f"class_policies.{place - 1}." if place else ""
                    problems += [f"{prefix}{problem}" for problem in error.problems or [error.message]]
        if problems:
            raise UserError(f"Augmentation: {len(problems)} wrong.", problems)
        return built


def training_size(config: Config, epoch: int) -> int:
    """Side of the training pages of an epoch, px.

    Small pages first make the early epochs cheap (progressive resizing: Howard, fastai, 2018; Tan and Le,
    "EfficientNetV2", 2021). Validation stays at ``image_size``.
    """
    sizes = [stage.image_size for stage in config.progressive_resizing if stage.from_epoch <= epoch]
    return sizes[-1] if sizes else config.image_size


def _policy(name: str, parameters: Mapping[str, Any], recipe: Recipe | None) -> Policy:
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


@dataclass(frozen=True, slots=True)
class Sample:
    """One entry of an epoch: a page, a cutout copy of it, or (offline) its copy under one policy."""

    page: int
    copy: int = 0
    policy: int = -1


def list_samples(num_pages: int, copied: Sequence[tuple[int, int]], num_offline_policies: int) -> list[Sample]:
    """All samples of an epoch.

    Args:
        num_pages: Pages of the train part.
        copied: ``(page, copy number)`` of the balancing copies.
        num_offline_policies: Offline augmentation adds one copy of everything for each of them.
    """
    base = [Sample(page) for page in range(num_pages)] + [Sample(page, copy) for page, copy in copied]
    offline = [Sample(s.page, s.copy, policy) for policy in range(num_offline_policies) for s in base]
    return base + offline


class TrainingPages(Dataset[Item]):
    """Augmented training pages; an item is a function of the seed and its draw alone."""

    def __init__(
        self, pages: Sequence[Page], samples: Sequence[Sample], plan: AugmentationPlan, config: Config
    ) -> None:
        self.pages = pages
        self.samples = samples
        self.plan = plan
        self.config = config
        self.seed = config.random_seed
        self._augmenters = {stage.from_epoch: plan.augmenters(stage) for stage in plan.stages}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> Item:
        epoch, place = draw
        sample = self.samples[place]
        page = self.pages[sample.page]
        assert page.label is not None
        # The size follows from the draw: workers that live through all epochs need not be told that one began.
        image = square(page, training_size(self.config, epoch))
        if sample.copy:
            image = cutout(image, generator(self.seed, "cutout", sample.page, sample.copy))
        if self.config.online_augmentation:
            image, policy = self._augment(image, page.label, epoch, place)
        else:
            image, policy = self._offline_copy(image, sample, place)
        return oriented(image, self.config.orientation), page.label, sample.page, policy

    def _augment(self, image: np.ndarray, label: int, epoch: int, place: int) -> tuple[np.ndarray, int]:
        augmenter = self._augmenters[self.plan.at(epoch).from_epoch][self.plan.group_of(label)]
        image, used = augmenter(image, generator(self.seed, "augment", epoch, place))
        return image, -1 if used < 0 else self.plan.policy_names.index(augmenter.policies[used].name)

    def _offline_copy(self, image: np.ndarray, sample: Sample, place: int) -> tuple[np.ndarray, int]:
        if sample.policy < 0:
            return image, -1
        policy = self.plan.policies[self.plan.policy_names[sample.policy]]
        return policy(image, generator(self.seed, "augment", 0, place)), sample.policy
