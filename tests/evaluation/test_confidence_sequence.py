"""The confidence sequence holds at every look, and answers questions early where the answer is clear."""

import numpy as np
import pytest

from munseo._evaluation.confidence_sequence import (
    OF_DAMAGE,
    OF_VIEW,
    Question,
    accuracy_change,
    group_means,
    interval_of_mean,
    random_order,
)


def test_the_interval_holds_at_all_looks_together():
    """Looked at after each block of 20 pages, it misses at most as often as it says; a fixed-number one does not."""
    rng, truth, level, trials = np.random.default_rng(1), -0.1, 0.9, 300
    missed = naive = 0
    for _ in range(trials):
        values = rng.choice([-1, 0, 1], 100, p=(0.2, 0.7, 0.1))
        intervals = [interval_of_mean(values[:end], level) for end in range(20, 101, 20)]
        missed += any(not low <= truth <= high for low, high in intervals)
        half = [1.645 * values[:end].std(ddof=1) / np.sqrt(end) for end in range(20, 101, 20)]
        naive += any(abs(values[:end].mean() - truth) > h for end, h in zip(range(20, 101, 20), half, strict=True))
    allowed = (1 - level) + 3 * np.sqrt(level * (1 - level) / trials)
    assert missed / trials <= allowed
    assert naive / trials > allowed, "this is what the sequence is for"


def test_it_narrows_around_the_mean():
    values = np.tile([-1, 0, 0, 1, 0, 0], 200)
    widths = [np.diff(interval_of_mean(values[:end], 0.95))[0] for end in (0, 30, 300, 1200)]
    assert widths[0] == 2
    assert widths == sorted(widths, reverse=True)
    low, high = interval_of_mean(values, 0.95)
    assert -0.1 < low < 0 < high < 0.1
    assert interval_of_mean(np.ones(200), 0.95)[1] == 1


def test_a_clear_effect_is_answered_by_few_pages():
    labels = np.zeros(20, dtype=int)
    groups = np.arange(20)
    ruined = accuracy_change(labels, labels, labels + 1, groups, OF_DAMAGE)
    assert ruined[1] < OF_DAMAGE.boundary
    assert OF_DAMAGE.is_answered(ruined)
    alike = accuracy_change(labels, labels, labels, groups, OF_DAMAGE)
    assert not OF_DAMAGE.is_answered(alike), "20 pages alike may still be a loss of 20 points"
    assert not OF_VIEW.is_answered((-0.06, 0.06))
    assert OF_VIEW.is_answered((-0.04, 0.05))
    assert Question(0.0, 0.01, 0.95).is_answered((0.2, 0.9))


def test_pages_of_a_group_are_one_observation_and_come_together():
    groups = np.array([4, 4, 7, 4, 9])
    assert group_means(np.array([1.0, 0, -1, 0.5, 0]), groups).tolist() == [0.5, -1, 0]
    ids = [f"page{number}" for number in range(40)]
    of_two = np.arange(40) // 2
    order = random_order(ids, of_two)
    assert sorted(order.tolist()) == list(range(40))
    assert (of_two[order][::2] == of_two[order][1::2]).all()
    assert order.tolist() != sorted(order.tolist())
    some = np.array([3, 2, 11, 10, 31, 30])
    part = random_order([ids[index] for index in some], of_two[some])
    rank = {int(index): number for number, index in enumerate(order)}
    assert [rank[int(some[index]) // 2 * 2] for index in part[::2]] == sorted(
        rank[int(index) // 2 * 2] for index in some[::2]
    ), "a part of the pages keeps the order of all"


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_copies_of_a_page_do_not_make_it_surer(level):
    labels = np.zeros(60, dtype=int)
    after = np.repeat([0, 1, 0, 0, 0, 1], 10)
    question = Question(0.0, 0.1, level)
    copies = accuracy_change(labels, labels, after, np.repeat(np.arange(6), 10), question)
    single = accuracy_change(labels[:6], labels[:6], after[::10], np.arange(6), question)
    assert copies == single
