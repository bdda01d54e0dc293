from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from munseo._data import PageCopy, class_weights, plan_balance, sampler_weights
from munseo._errors import UserError

COUNTS = {0: 85, 1: 39, 13: 63, 14: 42}
LABELS = [label for label, count in COUNTS.items() for _ in range(count)]


def test_the_reference_runs_counts():
    added = Counter(LABELS[copy.page] for copy in plan_balance(LABELS, [1, 13, 14], 78, seed=42))
    assert added == {1: 39, 13: 15, 14: 36}
    assert Counter(LABELS) + added == {0: 85, 1: 78, 13: 78, 14: 78}


def test_copies_go_round_and_are_numbered():
    copies = plan_balance([5, 7, 7, 7], [7], 10, seed=0)
    assert len(copies) == 7
    assert {copy.page for copy in copies[:3]} == {1, 2, 3}
    assert [copy.copy for copy in copies] == [1, 1, 1, 2, 2, 2, 3]
    assert len(set(copies)) == 7, "no copy of a page has the number of another"
    assert [copy.page for copy in copies[:3]] == [copy.page for copy in copies[3:6]]


def test_copies_are_a_function_of_the_seed_and_of_each_class_alone():
    copies = plan_balance(LABELS, [14, 1], 78, seed=1)
    assert copies == plan_balance(LABELS, [1, 14, 1], 78, seed=1)
    assert copies != plan_balance(LABELS, [1, 14], 78, seed=2)
    alone = plan_balance(LABELS, [14], 78, seed=1)
    assert alone == copies[-36:]
    assert isinstance(alone[0], PageCopy)


def test_large_classes_stay():
    assert plan_balance(LABELS, [0], 78, seed=0) == []


def test_a_class_without_a_page_cannot_be_copied():
    with pytest.raises(UserError, match="no page to copy in the train split for letter"):
        plan_balance([0, 0], [0, 1], 5, 0, class_names=["bill", "letter"])


def test_class_weights_are_balanced():
    weights = class_weights([0, 0, 0, 1], 3)
    assert weights == pytest.approx([4 / 9, 4 / 3, 0])
    assert class_weights(LABELS, 15)[[0, 1, 13, 14]] * list(COUNTS.values()) == pytest.approx(229 / 15)


def test_sampler_draws_classes_equally():
    weights = sampler_weights([3, 3, 3, 8])
    assert weights == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert weights.sum() == pytest.approx(1)
    assert np.isfinite(weights).all()
