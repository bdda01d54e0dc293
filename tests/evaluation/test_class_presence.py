"""Which classes occur on pages without labels: pages are drawn, and the probabilities are exactly right."""

import numpy as np
import pytest

from munseo._evaluation.class_presence import absent_classes

NUM_CLASSES = 6
EVEN = np.full(NUM_CLASSES, 1 / NUM_CLASSES)


def posterior(seed, mix, num_pages, evidence=2.2):
    """Probabilities under equal classes of pages whose classes have other proportions."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(NUM_CLASSES, num_pages, p=mix)
    seen = rng.normal(0, 1, (num_pages, NUM_CLASSES))
    seen[np.arange(num_pages), labels] += evidence
    powers = np.exp(evidence * (seen - seen.max(axis=1, keepdims=True)))
    return labels, powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("present", [1, 2, 5])
def test_classes_without_pages_are_found_though_the_model_predicts_them(present):
    mix = np.r_[np.full(present, 1 / present), np.zeros(NUM_CLASSES - present)]
    for seed in range(10):
        _, rows = posterior(seed, mix, 300)
        assert set(rows.argmax(axis=1)) > set(range(present)), "wrong predictions must not make a class occur"
        assert absent_classes(rows, EVEN, other_mix=True) == tuple(range(present, NUM_CLASSES))


def test_a_class_with_few_pages_occurs():
    mix = np.array([0.25, 0.25, 0.2, 0.2, 0.05, 0.05])
    found = [absent_classes(posterior(seed, mix, 300)[1], EVEN, other_mix=True) for seed in range(30)]
    assert sum(map(bool, found)) <= 1


def test_pages_that_are_too_few_to_tell_leave_every_class():
    found = [absent_classes(posterior(seed, EVEN, 12)[1], EVEN, other_mix=False) for seed in range(30)]
    assert not any(found)


def test_a_class_without_validation_pages_is_not_judged():
    fractions = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0])
    _, rows = posterior(0, np.r_[np.full(5, 0.2), 0], 300)
    assert absent_classes(rows, fractions, other_mix=False) == ()
    assert absent_classes(rows[:, :1] * 0 + EVEN, np.eye(NUM_CLASSES)[0], other_mix=True) == ()
