"""Which augmentation holds when, and what an epoch is made of."""

import numpy as np
import pytest

from munseo.config import Config
from munseo.data import load_pages
from munseo.errors import UserError
from munseo.training.augmenting import AugmentationPlan, Sample, TrainingPages, list_samples


@pytest.mark.parametrize(
    ("level", "policies", "mixes"),
    [
        ("none", (), ()),
        ("minimal", ("eda",), ()),
        ("moderate", ("eda", "dilation", "erosion"), ()),
        ("strong", ("eda", "dilation", "erosion", "document"), ("mixup", "cutmix")),
    ],
)
def test_levels(level, policies, mixes):
    stage = AugmentationPlan(Config(augmentation_level=level)).at(0)
    assert (stage.policies, stage.mixes) == (policies, mixes)


def test_a_switch_overrides_its_level():
    config = Config.model_validate({"augmentation_level": "moderate", "augmentation": {"eda": False, "cutmix": True}})
    assert AugmentationPlan(config).names == ("dilation", "erosion", "cutmix")


def test_policies_change_at_given_epochs():
    config = Config.model_validate(
        {
            "augmentation_level": "strong",
            "dynamic_augmentation": [
                {"from_epoch": 5, "augmentation": {"mixup": False, "cutmix": False}},
                {"from_epoch": 8, "augmentation_level": "none"},
            ],
        }
    )
    plan = AugmentationPlan(config)
    assert plan.at(4).mixes == ("mixup", "cutmix")
    assert (plan.at(5).policies, plan.at(7).mixes) == (("eda", "dilation", "erosion", "document"), ())
    assert plan.at(8).policies == plan.at(99).policies == ()


def test_wrong_parameters_reach_the_user():
    with pytest.raises(UserError, match=r"augmentation_params\.eda\.blur"):
        AugmentationPlan(Config(augmentation_params={"eda": {"blur": 1}}))


def test_offline_adds_one_copy_of_everything_per_policy():
    samples = list_samples(3, [(1, 1)], num_offline_policies=2)
    assert len(samples) == 4 * 3
    assert samples[:4] == [Sample(0), Sample(1), Sample(2), Sample(1, 1)]
    assert [sample.policy for sample in samples] == [-1] * 4 + [0] * 4 + [1] * 4
    assert samples[7] == Sample(1, 1, 0)


def pages_of(documents, **values):
    config = Config.model_validate({"image_size": 64, **values})
    pages = load_pages(documents).train
    plan = AugmentationPlan(config)
    num_offline = 0 if config.online_augmentation else len(plan.policy_names)
    return TrainingPages(pages, list_samples(len(pages), [(0, 1), (0, 2)], num_offline), plan, config)


def test_a_page_is_a_function_of_seed_epoch_and_place(documents):
    dataset, again = pages_of(documents), pages_of(documents)
    later = again[(3, 5)]  # another draw in between changes nothing
    first = dataset[(0, 5)]
    assert np.array_equal(first[0], again[(0, 5)][0])
    assert np.array_equal(later[0], dataset[(3, 5)][0])
    assert not np.array_equal(first[0], later[0])


def test_cutout_copies_are_fixed_and_differ(documents):
    dataset = pages_of(documents, augmentation_level="none")
    original, first, second = dataset[(0, 0)][0], dataset[(0, len(dataset) - 2)][0], dataset[(7, len(dataset) - 1)][0]
    assert not np.array_equal(original, first)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, dataset[(0, len(dataset) - 1)][0]), "a copy stays the same in every epoch"


def test_offline_copies_never_change(documents):
    dataset = pages_of(documents, online_augmentation=False)
    assert len(dataset) == 2 * (72 + 2)
    assert np.array_equal(dataset[(0, 80)][0], dataset[(9, 80)][0])
    assert dataset[(0, 80)][3] == 0
    assert dataset[(0, 5)][3] == -1
