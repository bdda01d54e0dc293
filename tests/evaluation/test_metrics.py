"""Metrics against scikit-learn, and an interval that covers what it says."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from munseo._evaluation import bootstrap_interval, macro_f1, summarise
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
    for seed in range(200):
        cells = rng.choice(9, 300, p=truth.ravel())
        low, high = bootstrap_interval(cells // 3, cells % 3, 3, seed)
        inside += low <= true_f1 <= high
    assert 180 <= inside <= 199
