"""A promised precision is kept as often as it is stated, in worlds where confidence says much, little or nothing."""

import numpy as np
import pytest

from munseo._evaluation.calibration import coverage_at
from munseo._evaluation.precision_threshold import FAILURE_RATE, threshold_for_precision
from munseo._randomness import generator

NUM_TRIALS = 250


def two_classes(confidence, right):
    """Labels (N,) and probabilities (N, 2) with these confidences, at least 0.5, and these outcomes."""
    return np.where(right, 0, 1), np.column_stack([confidence, 1 - confidence])


def promises(world, target, num_groups, rows_each=1, grouped=True):
    """Return the fraction of broken promises, and the mean coverage, of trials with groups of equally many pages."""
    broken, covered = 0, []
    population = world(generator(0, "population"), 50_000, 1)
    for trial in range(NUM_TRIALS):
        rng = generator(trial, "trial")
        confidence, chance = (values.ravel() for values in world(rng, num_groups, rows_each))
        # Pages of one group share their luck: all of those are wrong whose chance is below one number.
        right = np.repeat(rng.random(num_groups), rows_each) < chance
        groups = np.repeat(np.arange(num_groups), rows_each) if grouped else None
        found = threshold_for_precision(*two_classes(confidence, right), target, groups)
        if found["threshold"] is not None:
            above = population[0] >= found["threshold"]
            broken += population[1][above].mean() < target
        covered.append(found["coverage"])
    return broken / NUM_TRIALS, float(np.mean(covered))


def most(num_trials=NUM_TRIALS):
    """Largest fraction of failures that a true rate of 10 % explains (three standard errors)."""
    return FAILURE_RATE + 3 * (FAILURE_RATE * (1 - FAILURE_RATE) / num_trials) ** 0.5


def confidences(rng, num_groups, rows_each):
    return np.clip(np.repeat(rng.beta(6, 1.2, (num_groups, 1)), rows_each, axis=1), 0.5, None)


def plateau(target):
    """Confidence says nothing: everywhere a little less is right than wanted."""

    def world(rng, num_groups, rows_each):
        confidence = confidences(rng, num_groups, rows_each)
        return confidence, np.full(confidence.shape, target - 0.0005)

    return world


def calibrated(rng, num_groups, rows_each):
    confidence = confidences(rng, num_groups, rows_each)
    return confidence, confidence


@pytest.mark.parametrize(("target", "num_pages"), [(0.9, 350), (0.9, 1000), (0.95, 350)])
def test_the_search_does_not_break_the_promise_where_confidence_says_nothing(target, num_pages):
    """The lowest threshold whose own bound passes broke 27 to 40 % of these promises."""
    broken, _ = promises(plateau(target), target, num_pages)
    assert broken <= most()


def test_pages_of_one_group_are_one_observation():
    """Ten pages that go wrong together, counted as ten observations, broke 32 % of these promises."""
    broken, _ = promises(plateau(0.9), 0.9, 100, rows_each=10)
    assert broken <= most()
    broken, _ = promises(plateau(0.9), 0.9, 100, rows_each=10, grouped=False)
    assert broken > most(), "this world does tell the two apart"


def test_a_calibrated_confidence_covers_what_it_can():
    broken, coverage = promises(calibrated, 0.9, 1000)
    assert broken <= most()
    assert coverage > 0.55, "0.67 of the pages could be covered if the truth were known"


def test_pages_of_one_confidence_are_answered_together():
    labels = np.repeat([0, 1], [50, 50])
    assert threshold_for_precision(labels, np.tile([0.8, 0.2], (100, 1)), 0.9)["threshold"] is None


def test_ten_right_pages_promise_nothing_and_230_promise_99_percent():
    few = np.tile([0.99, 0.01], (10, 1))
    assert threshold_for_precision(np.zeros(10, dtype=int), few, 0.99) == {
        "target_precision": 0.99,
        "threshold": None,
        "coverage": 0.0,
        "precision": None,
    }
    labels, many = np.zeros(230, dtype=int), np.tile([0.99, 0.01], (230, 1))
    promised = threshold_for_precision(labels, many, 0.99)
    assert promised["threshold"] == pytest.approx(0.99, abs=0.001)
    assert promised["threshold"] <= 0.99
    assert (promised["coverage"], promised["precision"]) == (1.0, 1.0)
    assert threshold_for_precision(labels, many, 0.99, np.arange(230) // 2)["threshold"] is None, (
        "115 pages, each twice"
    )
    assert threshold_for_precision(labels[:229], many[:229], 0.99)["threshold"] is None


def test_the_threshold_is_no_lower_than_what_was_seen():
    """All 300 pages are right: the promise is not carried on to confidences that no validation page has."""
    confidence = np.linspace(0.8, 0.99, 300)
    promised = threshold_for_precision(*two_classes(confidence, np.ones(300, bool)), 0.9)
    assert 0.78 < promised["threshold"] <= 0.8


def test_the_order_of_the_rows_does_not_matter():
    rng = generator(0, "t")
    confidence, groups = rng.beta(8, 1, 600).clip(0.5), np.arange(600) // 3
    labels, probabilities = two_classes(confidence, rng.random(600) < confidence)
    first = threshold_for_precision(labels, probabilities, 0.9, groups)
    assert first["threshold"] is not None
    for _ in range(5):
        order = rng.permutation(600)
        renamed = rng.permutation(200)[groups]
        assert threshold_for_precision(labels[order], probabilities[order], 0.9, renamed[order]) == first


def test_no_pages_promise_nothing():
    none = threshold_for_precision(np.zeros(0, int), np.zeros((0, 2)), 0.9, np.zeros(0, int))
    assert none["threshold"] is None


def test_coverage_and_precision_are_those_of_all_rows():
    rng = generator(1, "t")
    confidence, groups = rng.beta(8, 1, 600).clip(0.5), np.arange(600) // 2
    labels, probabilities = two_classes(confidence, rng.random(600) < confidence)
    found = threshold_for_precision(labels, probabilities, 0.9, groups)
    again = coverage_at(labels, probabilities, found["threshold"])
    assert (found["coverage"], found["precision"]) == (again["coverage"], again["precision"])


def test_a_smaller_failure_rate_needs_more_pages():
    """Without a mistake, 0.95 needs 45 pages at 10 % (0.95^45 = 0.0994), and 135 at 0.1 % (0.95^135 = 0.00098)."""
    for rate, enough in ((0.1, 45), (0.001, 135)):
        labels, sure = np.zeros(enough, int), np.tile([0.99, 0.01], (enough, 1))
        assert threshold_for_precision(labels, sure, 0.95, failure_rate=rate)["threshold"] is not None
        assert threshold_for_precision(labels[1:], sure[1:], 0.95, failure_rate=rate)["threshold"] is None
