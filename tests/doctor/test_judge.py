"""How good the judge of the labels is, what it may state, and when it may call a label wrong."""

import numpy as np
import pytest

from munseo._doctor.issue import PageEvidence
from munseo._doctor.judge import TRUSTED, are_probably_wrong, assess, calibrated
from munseo._doctor.label_errors import find_label_errors
from munseo._randomness import generator

NUM_CLASSES = 5


def predictions(num_pages, accuracy, seed=0, sharpness=6.0):
    """Return labels, and the probabilities of a judge that is right on a fraction of them and always equally sure."""
    rng = generator(seed, "judge-test")
    labels = rng.integers(0, NUM_CLASSES, num_pages)
    is_right = np.arange(num_pages) < round(accuracy * num_pages)
    shift = rng.integers(1, NUM_CLASSES, num_pages)
    best = np.where(is_right, labels, (labels + shift) % NUM_CLASSES)
    logits = sharpness * np.eye(NUM_CLASSES)[best] + rng.normal(0, 0.3, (num_pages, NUM_CLASSES))
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_agreement_and_its_exact_interval():
    labels, probabilities = predictions(63, 45 / 63)
    judge = assess(labels, probabilities, np.arange(63))
    assert (judge.num_agreeing, judge.num_pages) == (45, 63)
    # Clopper and Pearson for 45 of 63, as in R's binom.test.
    assert (judge.low, judge.high) == pytest.approx((0.586, 0.821), abs=0.001)
    assert not judge.is_trusted
    for label, rate in enumerate(judge.by_class):
        assert rate == np.mean(probabilities[labels == label].argmax(axis=1) == label)


def test_a_judge_without_a_mistake_on_few_pages_is_not_trusted():
    labels, probabilities = predictions(20, 1.0)
    assert assess(labels, probabilities, np.arange(20)).low < TRUSTED
    labels, probabilities = predictions(100, 1.0)
    judge = assess(labels, probabilities, np.arange(100))
    assert judge.is_trusted
    assert judge.high == 1
    assert not assess(labels, probabilities, np.arange(100) % 20).is_trusted, "a hundred copies of twenty pages"


def test_a_class_without_pages_has_no_accuracy():
    labels, probabilities = predictions(40, 0.9)
    labels = np.where(labels == 3, 2, labels)
    assert assess(labels, probabilities, np.arange(40)).by_class[3] is None


def test_a_judge_that_never_agrees():
    labels, probabilities = predictions(40, 0.0)
    judge = assess(labels, probabilities, np.arange(40))
    assert (judge.accuracy, judge.low) == (0, 0)


def test_on_a_small_table_no_label_is_called_wrong_and_nothing_is_stated_as_certain(unread):
    """63 pages, on 18 of which the judge is sure and mistaken: it said 99.9% of pages whose labels were right."""
    labels, raw = predictions(63, 45 / 63)
    assert raw.max() > 0.98, "this is what the classifiers claim"
    probabilities = calibrated(labels, raw, np.arange(63), seed=0)
    assert probabilities.max() < 0.9
    pages = unread(labels)
    issues = find_label_errors(PageEvidence(pages, "abcde", labelled=pages, probabilities=probabilities))
    assert issues, "they are shown, in order"
    assert {issue.kind for issue in issues} == {"label_candidate"}
    assert not any("%" in str(issue.detail) for issue in issues)
    scores = [issue.score for issue in issues]
    assert scores == sorted(scores)


def test_what_is_stated_is_what_happens():
    labels, raw = predictions(2000, 0.8)
    stated = calibrated(labels, raw, np.arange(2000), seed=0)
    assert raw.max(axis=1).mean() > 0.95
    assert stated.max(axis=1).mean() == pytest.approx(0.8, abs=0.02)
    assert np.allclose(stated.sum(axis=1), 1)


def test_a_page_does_not_set_its_own_temperature():
    labels, raw = predictions(60, 0.9)
    changed = labels.copy()
    changed[5] = (labels[5] + 1) % NUM_CLASSES
    before, after = (calibrated(given, raw, np.arange(60), seed=3) for given in (labels, changed))
    assert np.array_equal(before[5], after[5])
    assert not np.array_equal(before, after)


def calibrated_judge(num_pages):
    """Return the probabilities of a judge that is sure of most pages and knows of which, and labels drawn from them."""
    rng = generator(4, "calibrated-judge")
    sharpness = np.where(rng.random(num_pages) < 0.9, 9.0, 1.5)
    logits = sharpness[:, None] * np.eye(NUM_CLASSES)[rng.integers(0, NUM_CLASSES, num_pages)]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (probabilities.cumsum(axis=1) > rng.random((num_pages, 1))).argmax(axis=1), probabilities, sharpness


def test_a_good_judge_calls_planted_errors_wrong_and_leaves_a_clean_table_alone(unread):
    labels, probabilities, sharpness = calibrated_judge(600)
    assert not are_probably_wrong(labels, probabilities).any()
    planted = np.flatnonzero(sharpness > 5)[:12]
    given = labels.copy()
    given[planted] = (given[planted] + 1) % NUM_CLASSES
    pages = unread(given)
    issues = find_label_errors(PageEvidence(pages, "abcde", labelled=pages, probabilities=probabilities))
    errors = [issue for issue in issues if issue.kind == "label_error"]
    assert {issue.page.id for issue in errors} == {f"{number}.jpg" for number in planted}
    assert all("%" in str(issue.detail) for issue in errors)
