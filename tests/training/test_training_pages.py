"""Which augmentation holds when, and what an epoch is made of."""

import numpy as np
import pytest

from munseo._augment import COMPETITION, apply_recipe
from munseo._config import Config
from munseo._data import decode, letterbox, load_pages
from munseo._errors import UserError
from munseo._randomness import generator
from munseo._training.training_data import find_classes
from munseo._training.training_pages import AugmentationPlan, Sample, TrainingPages, list_samples


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


def pages_of(documents, recipe=None, **values):
    config = Config.model_validate({"image_size": 64, **values})
    found = load_pages(documents)
    plan = AugmentationPlan(config, recipe, find_classes(config, found).groups)
    num_offline = 0 if config.online_augmentation else len(plan.policy_names)
    return TrainingPages(found.train, list_samples(len(found.train), [(0, 1), (0, 2)], num_offline), plan, config)


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


def test_matched_draws_from_the_recipe(documents):
    values = {"augmentation_level": "none", "augmentation_probability": 1.0, "augmentation": {"matched": True}}
    dataset = pages_of(documents, COMPETITION, **values)
    image, _, _, policy = dataset[(2, 7)]
    assert dataset.plan.policy_names[policy] == "matched"
    page, rng = letterbox(decode(dataset.pages[7].path), 64), generator(dataset.seed, "augment", 2, 7)
    rng.random(), rng.integers(1)  # whether it is augmented, and by which policy
    assert np.array_equal(image, apply_recipe(page, COMPETITION, rng))
    changed = {**values, "augmentation_params": {"matched": {"mirror": {"probability": 0.0}}}}
    rows = {row[0]: row for row in pages_of(documents, COMPETITION, **changed).plan.policies["matched"].recipe.damages}
    assert rows["mirror"][1] == 0
    assert rows["rotation"] == next(row for row in COMPETITION.damages if row[0] == "rotation")


def test_matched_without_a_recipe_says_what_to_set():
    config = Config.model_validate({"augmentation": {"matched": True}, "augmentation_params": {"eda": {"blur": 1}}})
    with pytest.raises(UserError, match="set shift: measured, competition") as caught:
        AugmentationPlan(config)
    assert any("augmentation_params.eda.blur" in problem for problem in caught.value.problems), "and the rest"


GROUPS = [
    {"classes": [3, "passport"], "augmentation": {"eda": False, "dilation": True}},
    {"classes": [0], "augmentation_params": {"eda": {"noise_p": 0.0}}},
]


def test_classes_have_policies_of_their_own(documents):
    values = {"augmentation_probability": 1.0, "augmentation_params": {"eda": {"blur_p": 0.0}}}
    plain, grouped = pages_of(documents, **values), pages_of(documents, **values, class_policies=GROUPS)
    names, classes = grouped.plan.policy_names, load_pages(documents).class_names
    assert names == ("eda", "dilation")
    used = {}
    for place in range(len(grouped)):
        (image, label, _, policy), before = grouped[(1, place)], plain[(1, place)]
        used.setdefault(classes[label], set()).add(names[policy])
        if label == 3 or classes[label] == "passport":
            assert not np.array_equal(image, before[0])
        elif label != 0:  # whose noise is off, where there was some
            assert np.array_equal(image, before[0]), "pages of no group are what they were"
    assert used.pop(classes[3]) == used.pop("passport") == {"dilation"}
    assert set.union(*used.values()) == {"eda"}
    own = grouped.plan.augmenters(grouped.plan.at(0))[grouped.plan.group_of(0)].policies[0].parameters
    assert (own.noise_p, own.blur_p) == (0.0, 0.0), "over the run's own parameters"


def test_groups_follow_the_stages_of_the_run():
    stages = [{"from_epoch": 4, "augmentation": {"erosion": True, "dilation": False}}]
    plan = AugmentationPlan(Config.model_validate({"class_policies": GROUPS, "dynamic_augmentation": stages}))
    assert plan.at(0).group_policies == (("dilation",), ("eda",))
    assert plan.at(4).policies == ("eda", "erosion")
    assert plan.at(4).group_policies == (("dilation", "erosion"), ("eda", "erosion"))
    assert plan.names == ("eda", "dilation", "erosion")


def test_wrong_classes_and_parameters_of_groups_are_told_together(documents):
    values = {
        "class_imbalance": {"aug_class": [99], "max_samples": 5},
        "class_policies": [{"classes": [3, "pasport"]}, {"classes": [0, "3"]}],
    }
    with pytest.raises(UserError) as caught:
        find_classes(Config.model_validate(values), load_pages(documents))
    told = "\n".join(caught.value.problems)
    assert "class_imbalance.aug_class: label '99'" in told
    assert "class_policies.0.classes: label 'pasport' is not in the data; did you mean 'passport'?" in told
    assert "class_policies.1.classes" in told
    assert "is in class_policies.0 already" in told
    assert len(caught.value.problems) == 3
    wrong = [{"classes": [1], "augmentation_params": {"eda": {"blur": 1}}}] * 2
    with pytest.raises(UserError) as caught:
        AugmentationPlan(Config.model_validate({"class_policies": wrong}))
    assert [problem[:40] for problem in caught.value.problems] == [
        f"class_policies.{place}.augmentation_params.eda" for place in range(2)
    ]


def test_training_pages_grow_with_the_epochs(documents):
    stages = [{"from_epoch": 1, "image_size": 32}, {"from_epoch": 3, "image_size": 48}]
    dataset = pages_of(documents, progressive_resizing=stages)
    sides = [dataset[(epoch, 5)][0].shape[0] for epoch in (0, 1, 2, 3, 9)]
    assert sides == [64, 32, 32, 48, 48], "image_size before the first stage"
    still = pages_of(documents, progressive_resizing=stages, augmentation_level="none")
    assert np.array_equal(still[(1, 5)][0], letterbox(decode(still.pages[5].path), 32)), "the whole page, not a crop"
