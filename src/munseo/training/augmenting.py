"""Which augmentation holds at which epoch, and the training pages that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from munseo.augment import LEVELS, Augmenter, Policy, build_policy, cutout
from munseo.config import Augmentation, Config
from munseo.data import Page, decode, letterbox
from munseo.evaluation.inputs import Item
from munseo.randomness import generator
from munseo.training.order import Draw

MIXES = ("mixup", "cutmix")


@dataclass(frozen=True)
class Stage:
    """What is switched on from an epoch on."""

    from_epoch: int
    policies: tuple[str, ...]
    mixes: tuple[str, ...]


class AugmentationPlan:
    """The stages of a configuration.

    Attributes:
        stages: In the order of their epochs; the first starts at 0.
        policy_names: Every policy of any stage; batches refer to policies by their place here.
        mix_names: Every mix of any stage.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        stages = {0: _stage(0, config.augmentation_level, config.augmentation)}
        for later in sorted(config.dynamic_augmentation, key=lambda stage: stage.from_epoch):
            level = later.augmentation_level or config.augmentation_level
            switches = (
                later.augmentation if later.augmentation_level else _over(config.augmentation, later.augmentation)
            )
            stages[later.from_epoch] = _stage(later.from_epoch, level, switches)
        self.stages = tuple(stages.values())
        self.policy_names = tuple(dict.fromkeys(name for stage in self.stages for name in stage.policies))
        self.mix_names = tuple(dict.fromkeys(name for stage in self.stages for name in stage.mixes))
        self.policies: dict[str, Policy] = {
            name: build_policy(name, config.augmentation_params.get(name)) for name in self.policy_names
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Policies and mixes, for the run's name."""
        return self.policy_names + self.mix_names

    def at(self, epoch: int) -> Stage:
        """The stage that holds at an epoch."""
        return [stage for stage in self.stages if stage.from_epoch <= epoch][-1]

    def augmenter(self, stage: Stage) -> Augmenter:
        """Online augmentation of a stage."""
        return Augmenter([self.policies[name] for name in stage.policies], self._config.augmentation_probability)


def _stage(from_epoch: int, level: str, switches: Augmentation) -> Stage:
    active = {**LEVELS[level], **switches.model_dump(exclude_none=True)}
    names = [name for name in Augmentation.model_fields if active.get(name)]
    return Stage(from_epoch, tuple(n for n in names if n not in MIXES), tuple(n for n in names if n in MIXES))


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
        self.image_size = config.image_size
        self.seed = config.random_seed
        self.online = config.online_augmentation
        self._augmenters = {stage.from_epoch: plan.augmenter(stage) for stage in plan.stages}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> Item:
        epoch, place = draw
        sample = self.samples[place]
        page = self.pages[sample.page]
        image = letterbox(decode(page.path), self.image_size)
        if sample.copy:
            image = cutout(image, generator(self.seed, "cutout", sample.page, sample.copy))
        image, policy = self._augment(image, sample, epoch, place)
        assert page.label is not None
        return image, page.label, sample.page, policy

    def _augment(self, image: np.ndarray, sample: Sample, epoch: int, place: int) -> tuple[np.ndarray, int]:
        if not self.online:
            if sample.policy < 0:
                return image, -1
            policy = self.plan.policies[self.plan.policy_names[sample.policy]]
            return policy(image, generator(self.seed, "augment", 0, place)), sample.policy
        stage = self.plan.at(epoch)
        image, used = self._augmenters[stage.from_epoch](image, generator(self.seed, "augment", epoch, place))
        return image, -1 if used < 0 else self.plan.policy_names.index(stage.policies[used])
