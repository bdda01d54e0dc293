"""Folds keep groups whole, are even, and are those of single pages where no page has a group."""

import numpy as np
import pytest

from munseo._evaluation.group_folds import deal_groups, deal_groups_by_class
from munseo._randomness import generator

RANDOM = generator(1, "t")


def both(labels, groups, num_folds=5, seed=7):
    return [
        deal_groups(groups, num_folds, seed, "t"),
        deal_groups_by_class(labels, groups, num_folds, seed, "t"),
    ]


def test_pages_without_groups_have_the_folds_that_earlier_versions_dealt_them():
    labels = RANDOM.integers(4, size=101)
    each = np.arange(101)
    plain, by_class = both(labels, each)
    assert (plain == generator(7, "t").permutation(101) % 5).all()
    dealt = np.concatenate([generator(7, "t", k).permutation(np.flatnonzero(labels == k)) for k in range(4)])
    assert (by_class[dealt] == each % 5).all()


@pytest.mark.parametrize("num_groups", [1, 2, 4, 37])
def test_a_group_is_in_one_fold(num_groups):
    groups = RANDOM.integers(num_groups, size=300) * 10
    labels = RANDOM.integers(6, size=300)
    for folds in both(labels, groups):
        assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))
        used = len(np.unique(folds))
        assert used == min(5, len(np.unique(groups)))


def test_folds_are_even_in_every_class_and_depend_on_the_seed_alone():
    labels = np.repeat([0, 1, 2], [50, 23, 3])
    each = np.arange(76)
    folds = deal_groups_by_class(labels, each, 5, 7, "t")
    counts = np.array([np.bincount(folds[labels == k], minlength=5) for k in range(3)])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    assert np.bincount(folds).tolist() == [16, 15, 15, 15, 15]
    assert (deal_groups_by_class(labels, each, 5, 7, "t") == folds).all()
    assert (deal_groups_by_class(labels, each, 5, 8, "t") != folds).any()


def test_a_group_counts_for_the_class_that_most_of_its_pages_have():
    """Thirty groups of three pages, of which one is of another class: each class has its groups in every fold."""
    groups = np.repeat(np.arange(30), 3)
    of_group = np.repeat([0, 1, 2], 10)
    labels = of_group[groups].copy()
    labels[::3] = (labels[::3] + 1) % 3
    folds = deal_groups_by_class(labels, groups, 5, 0, "t")[::3]
    assert all(np.bincount(folds[of_group == k], minlength=5).tolist() == [2] * 5 for k in range(3))


def test_draws_of_a_page_share_its_fold_and_do_not_move_the_others():
    labels = RANDOM.integers(3, size=40)
    once, twice = both(labels, np.arange(40)), both(np.tile(labels, 2), np.tile(np.arange(40), 2))
    for single, double in zip(once, twice, strict=True):
        assert (double == np.tile(single, 2)).all()
