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
