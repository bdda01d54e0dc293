"""Metrics against scikit-learn, and an interval that covers what it says."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from munseo._evaluation import macro_f1, macro_f1_interval, summarise
from munseo._randomness import generator


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_scikit_learns(seed):
    rng = generator(seed, "t")
    labels, predicted = rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    assert macro_f1(labels, predicted, 7) == pytest.approx(f1_score(labels, predicted, average="macro"))


def test_the_summary():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]], np.float32)
    labels = np.array([0, 1, 1, 2])
    summary = summarise(labels, probabilities, ["가", "나", "다"])
    assert summary["accuracy"] == 0.75
    assert summary["loss"] == pytest.approx(log_loss(labels, probabilities), rel=1e-5)
    assert summary["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert summary["confused_pairs"] == [{"true": "나", "predicted": "가", "count": 1, "share": 0.5}]
    assert summary["per_class"][1] == {
        "class": "나", "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2,
    }  # fmt: skip


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Pages from a known confusion matrix: the true macro-F1 lies inside in about 95 of 100 draws."""
    rng = generator(1, "t")
    truth = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.05, 0.95]]) / 3
    true_pos = np.diag(truth)
    true_f1 = float(np.mean(2 * true_pos / (truth.sum(0) + truth.sum(1))))
    inside = 0
    for _ in range(200):
        cells = rng.choice(9, 300, p=truth.ravel())
        low, high = macro_f1_interval(cells // 3, cells % 3, 3)
        inside += low <= true_f1 <= high
    assert 180 <= inside <= 199


def draw_predictions(rng, labels, right, num_classes):
    """Return the label where the page is right, and otherwise one of the other classes."""
    return np.where(right, labels, (labels + rng.integers(1, num_classes, len(labels))) % num_classes)


@pytest.mark.parametrize(("num_classes", "pages_each"), [(17, 3), (30, 2)])
def test_the_interval_of_few_pages_a_class_covers_the_truth(num_classes, pages_each):
    """Percentiles of a bootstrap over pages covered 0.92 and 0.87 of these draws."""
    inside = 0
    for seed in range(250):
        rng = generator(seed, "few")
        labels = np.repeat(np.arange(num_classes), pages_each)
        predicted = draw_predictions(rng, labels, rng.random(len(labels)) < 0.88, num_classes)
        low, high = macro_f1_interval(labels, predicted, num_classes)
        inside += low <= 0.88 <= high
    assert inside >= 0.93 * 250


def test_pages_of_one_group_are_one_observation():
    """35 customers of ten pages each, whose pages go wrong together (intra-class correlation 0.3)."""
    inside = np.zeros(2)
    for seed in range(250):
        rng = generator(seed, "grouped")
        groups, labels = np.repeat(np.arange(35), 10), rng.integers(0, 5, 350)
        right = rng.random(350) < rng.beta(0.85 * (1 / 0.3 - 1), 0.15 * (1 / 0.3 - 1), 35)[groups]
        predicted = draw_predictions(rng, labels, right, 5)
        for number, known in enumerate((groups, None)):
            low, high = macro_f1_interval(labels, predicted, 5, known)
            inside[number] += low <= 0.85 <= high
    assert inside[0] >= 0.91 * 250
    assert inside[1] <= 0.8 * 250, "this world does tell the two apart"


def test_the_interval_where_nothing_varies():
    labels = np.zeros(45, dtype=np.int64)
    assert macro_f1_interval(labels, labels, 2) == (pytest.approx(0.05 ** (1 / 45)), 1.0)
    assert macro_f1_interval(labels, labels + 1, 2) == (0.0, pytest.approx(1 - 0.05 ** (1 / 45)))
    assert macro_f1_interval(labels, labels, 2, labels) == (0.0, 1.0), "one group says nothing"
