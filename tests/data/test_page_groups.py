"""Groups stay on one side of a split, classes keep their fractions, and without groups nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from munseo._data import stratified_folds, stratified_split
from munseo._data.page_groups import join_groups, links_of_keys
from munseo._errors import UserError

LABELS = [0] * 46 + [1] * 100 + [2] * 74


def _sides_of_groups(groups, val):
    inside = np.isin(np.arange(len(groups)), val)
    return [set(inside[groups == group].tolist()) for group in np.unique(groups)]


def test_links_join_through_others():
    assert join_groups(6, [(4, 1), (1, 5), (2, 2)]).tolist() == [0, 1, 2, 3, 1, 1]
    assert links_of_keys(["a", None, "b", "a", None, "a"]) == [(0, 3), (0, 5)]


def test_without_groups_the_splits_are_the_same_as_ever():
    alone = np.arange(len(LABELS))
    for plain, grouped in (
        (stratified_split(LABELS, 0.15, 7), stratified_split(LABELS, 0.15, 7, groups=alone)),
        *zip(stratified_folds(LABELS, 5, 7), stratified_folds(LABELS, 5, 7, groups=alone), strict=True),
    ):
        assert all((a == b).all() for a, b in zip(plain, grouped, strict=True))


def test_a_few_copies_move_few_pages_and_keep_the_shares():
    groups = np.arange(len(LABELS))
    groups[1] = 0
    groups[[60, 61, 62]] = 60
    groups[219] = 218
    plain, val = stratified_split(LABELS, 0.15, 3)[1], stratified_split(LABELS, 0.15, 3, groups=groups)[1]
    assert all(len(sides) == 1 for sides in _sides_of_groups(groups, val))
    assert np.bincount(np.array(LABELS)[val]).tolist() == np.bincount(np.array(LABELS)[plain]).tolist()
    assert len(set(plain.tolist()) ^ set(val.tolist())) <= 2 * 7


def test_folds_of_large_mixed_groups_stay_even():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 4, 600), rng.integers(0, 60, 600)
    folds = stratified_folds(labels.tolist(), 5, 1, groups=groups)
    assert sorted(np.concatenate([val for _, val in folds]).tolist()) == list(range(600))
    for train, val in folds:
        assert not set(groups[train]) & set(groups[val])
        assert np.abs(np.bincount(labels[val], minlength=4) - np.bincount(labels) / 5).max() <= 6
    again = stratified_folds(labels.tolist(), 5, 1, groups=groups)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    other = stratified_folds(labels.tolist(), 5, 2, groups=groups)
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(folds, other, strict=True))


def test_a_small_class_of_two_groups_is_in_both_parts():
    labels = [0] * 100 + [1] * 6
    groups = np.arange(106)
    groups[100:103], groups[103:106] = 100, 103
    train, val = stratified_split(labels, 0.15, 0, groups=groups)
    assert {tuple(part[part >= 100]) for part in (train, val)} == {(100, 101, 102), (103, 104, 105)}


def test_a_class_that_is_one_group_is_named():
    groups = np.array([0] * 5 + list(range(5, 40)))
    with pytest.raises(UserError) as caught:
        stratified_split([0] * 5 + [1] * 35, 0.2, 0, class_names=["여권", "letter"], groups=groups)
    assert caught.value.problems == ["여권: 5 pages in 1 group"]
    assert "group_column" in caught.value.message
    train, val = stratified_split([0] * 5 + [1] * 35, 0.2, 0, stratify=False, groups=groups)
    assert len({index in set(val.tolist()) for index in range(5)}) == 1
    assert len(train) + len(val) == 40


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8)), min_size=30, max_size=80), st.integers(0, 99))
def test_no_group_ever_straddles(pages, seed):
    labels, groups = [label for label, _ in pages], np.array([group for _, group in pages])
    try:
        folds = stratified_folds(labels, 3, seed, groups=groups)
    except UserError:
        return
    for _, val in folds:
        assert all(len(sides) == 1 for sides in _sides_of_groups(groups, val))
    assert sorted(np.concatenate([val for _, val in folds]).tolist()) == list(range(len(labels)))
