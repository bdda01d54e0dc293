from __future__ import annotations

import numpy as np
import pytest

from munseo._data import stratified_folds, stratified_split
from munseo._errors import UserError

LABELS = [0] * 46 + [1] * 100 + [2] * 74


def test_split_keeps_the_shares():
    train, val = stratified_split(LABELS, 0.15, seed=42)
    assert sorted([*train, *val]) == list(range(220))
    assert len(val) == 33
    assert np.bincount(np.array(LABELS)[val]).tolist() == [7, 15, 11]
    assert (np.diff(train) > 0).all()
    assert (np.diff(val) > 0).all()


def test_split_is_a_function_of_the_seed():
    first, again, other = (stratified_split(LABELS, 0.15, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_a_small_class_is_in_both_parts():
    labels = [0] * 200 + [1] * 2
    for ratio in (0.1, 0.9):
        train, val = stratified_split(labels, ratio, seed=0)
        assert np.bincount(np.array(labels)[train])[1] == np.bincount(np.array(labels)[val])[1] == 1
        assert len(train) + len(val) == 202


def test_classes_too_small_to_split_are_named():
    with pytest.raises(UserError) as caught:
        stratified_split([0, 0, 0, 1, 2, 2], 0.5, 0, class_names=["여권", "영수증", "letter"])
    assert "at least 2 pages of each class" in caught.value.message
    assert "stratify=false" in caught.value.message
    assert caught.value.problems == ["영수증: 1 page"]
    train, val = stratified_split([0, 0, 0, 1, 2, 2], 0.5, 0, stratify=False)
    assert sorted([*train, *val]) == list(range(6))


def test_parts_too_small_for_the_classes():
    with pytest.raises(
        UserError, match="makes 7 train and 1 validation pages; each part needs one page of each of the 4"
    ):
        stratified_split([0, 0, 1, 1, 2, 2, 3, 3], 0.1, 0)
    with pytest.raises(UserError, match="leaves nothing of 2 pages to train on"):
        stratified_split([0, 1], 0.9, 0)


def test_folds_cover_every_page_once():
    folds = stratified_folds(LABELS, 5, seed=3)
    assert sorted(np.concatenate([val for _, val in folds])) == list(range(220))
    for train, val in folds:
        assert not set(train) & set(val)
        assert len(train) + len(val) == 220
        counts = np.bincount(np.array(LABELS)[val])
        assert np.abs(counts - np.array([46, 100, 74]) / 5).max() <= 1
    assert all((a[1] == b[1]).all() for a, b in zip(folds, stratified_folds(LABELS, 5, seed=3), strict=True))


def test_classes_too_small_for_the_folds_are_named():
    with pytest.raises(UserError) as caught:
        stratified_folds([0] * 5 + [1] * 3 + [2], 4, 0)
    assert caught.value.problems == ["class 1: 3 pages", "class 2: 1 page"]
    assert "fewer n_folds" in caught.value.message


def test_pages_are_held_out_of_all_folds_in_proportion():
    folds = stratified_folds(LABELS, 5, seed=3, held_out_ratio=0.1)
    used = np.concatenate([val for _, val in folds])
    assert len(set(used)) == len(used) == 198
    held_out = np.setdiff1d(np.arange(220), used)
    assert np.bincount(np.array(LABELS)[held_out]).tolist() == [5, 10, 7]
    for train, val in folds:
        assert sorted([*train, *val]) == sorted(used), "a page that is held out is in no fold"
    again, other = (stratified_folds(LABELS, 5, seed, held_out_ratio=0.1) for seed in (3, 4))
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    assert set(np.concatenate([val for _, val in other])) != set(used)


def test_a_small_class_keeps_a_page_for_every_fold_and_one_held_out():
    labels = np.array([0] * 60 + [1] * 4)
    for ratio in (0.01, 0.5):
        folds = stratified_folds(labels, 3, 0, held_out_ratio=ratio)
        used = np.concatenate([val for _, val in folds])
        assert (labels[used] == 1).sum() == 3
        assert all((labels[val] == 1).any() for _, val in folds)
    with pytest.raises(UserError) as caught:
        stratified_folds(labels, 4, 0, class_names=["letter", "passport"], held_out_ratio=0.1)
    assert "4 folds and the pages held out of them need at least 5 pages of each class" in caught.value.message
    assert "held_out_ratio=0" in caught.value.message
    assert caught.value.problems == ["passport: 4 pages"]
    assert len(stratified_folds(labels, 4, 0)) == 4


def test_groups_stay_in_one_fold_or_out_of_all():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 300), rng.integers(0, 120, 300)
    for seed in range(5):
        part = np.full(300, 4)
        for number, (_, val) in enumerate(stratified_folds(labels, 4, seed, groups=groups, held_out_ratio=0.15)):
            part[val] = number
        assert (part == 4).sum() in range(35, 56)
        assert all(len(set(part[groups == group])) == 1 for group in set(groups))
