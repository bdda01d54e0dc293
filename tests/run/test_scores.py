"""Few groups are named beside the interval, and only where pages share them."""

import numpy as np
import pytest

from munseo._evaluation.metrics import summarise
from munseo._run.scores import FEW_GROUPS, Scores


def scores(groups):
    labels = np.arange(len(groups)) % 3
    rows = np.eye(3, dtype=np.float32)[(labels + (np.arange(len(groups)) % 7 == 0)) % 3] * 0.8 + 0.2 / 3
    return Scores.model_validate(summarise(labels, rows, ("a", "b", "c"), groups))


def test_equal_groups_count_as_many_as_they_are():
    few = scores(np.arange(120) // 10)
    assert (few.num_groups, few.effective_groups) == (12, 12)
    assert str(few.few_groups) == "12 groups of pages, worth 12 of equal size: the interval may be too narrow"
    assert scores(np.arange(10 * FEW_GROUPS) // 10).few_groups is None


def test_one_large_group_makes_many_small_ones_few():
    """A hundred pages of one sender beside a hundred of others: (100 + 100)² / (100² + 100)."""
    found = scores(np.concatenate([np.zeros(100, int), 1 + np.arange(100)]))
    assert found.num_groups == 101
    assert found.effective_groups == pytest.approx(40_000 / 10_100)
    assert "101 groups of pages, worth 4 of" in str(found.few_groups)


def test_many_groups_of_which_a_few_hold_most_pages_are_named():
    sizes = np.concatenate([np.full(50, 40), np.ones(250, int)])
    found = scores(np.repeat(np.arange(300), sizes))
    assert FEW_GROUPS < found.effective_groups < 150
    assert found.few_groups is not None
    assert scores(np.repeat(np.arange(300), 1 + np.arange(300) % 5)).few_groups is None


def test_draws_of_a_page_change_nothing():
    groups = np.arange(120) // 10
    assert scores(np.tile(groups, 2)).effective_groups == scores(groups).effective_groups


@pytest.mark.parametrize("groups", [np.arange(12), np.concatenate([[0], np.arange(29)])])
def test_few_pages_that_share_hardly_any_group_are_no_few_groups(groups):
    assert scores(groups).few_groups is None, "the interval is wide by itself"


def test_scores_of_earlier_versions_know_no_groups():
    stored = scores(np.arange(120) // 10).model_dump(by_alias=True, exclude={"num_groups", "effective_groups"})
    assert Scores.model_validate(stored).few_groups is None
