import json

import numpy as np
import pytest

from munseo._evaluation.calibration import (
    apply_temperature,
    coverage_at,
    coverage_curve,
    cross_fitted_temperatures,
    fit_temperature,
    reliability,
)


def drawn(rng: np.random.Generator, num_pages: int, temperature: float = 1.0, spread: float = 3.0):
    """Labels that follow the probabilities exactly, and the probabilities at another temperature."""
    logits = rng.normal(0, spread, (num_pages, 5))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (honest.cumsum(axis=1) < rng.random((num_pages, 1))).sum(axis=1).clip(0, 4)
    return labels, apply_temperature(honest, temperature)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_of_overconfident_and_timid_models_is_found(temperature):
    labels, probabilities = drawn(np.random.default_rng(1), 4000, 1 / temperature)
    assert fit_temperature(labels, probabilities) == pytest.approx(temperature, rel=0.08)


def test_a_temperature_lowers_the_calibration_error_and_changes_no_answer():
    labels, probabilities = drawn(np.random.default_rng(2), 4000, 1 / 3)
    scaled = apply_temperature(probabilities, fit_temperature(labels, probabilities))
    assert scaled.dtype == np.float32
    assert scaled.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    before, after = reliability(labels, probabilities)[1], reliability(labels, scaled)[1]
    assert before > 0.1
    assert after < 0.03


def test_argmax_stays_where_two_classes_are_a_last_digit_apart():
    almost = np.float32(0.5)
    row = np.array([[np.nextafter(almost, np.float32(0)), almost, 0]], dtype=np.float32)
    assert apply_temperature(row, 20.0).argmax() == 1


def test_few_flawless_or_hopeless_pages_keep_the_temperature_in_bounds():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    assert fit_temperature(np.array([0, 1]), sure) == pytest.approx(1, abs=0.01)
    assert 1 < fit_temperature(np.array([1, 0]), sure) <= 20
    assert fit_temperature(np.array([], dtype=int), np.empty((0, 2))) == pytest.approx(1)
    soft = np.tile(np.float32([0.6, 0.4]), (10, 1))
    assert fit_temperature(np.zeros(10, dtype=int), soft) > 0.1


def test_bins_hold_every_page_once():
    labels, probabilities = drawn(np.random.default_rng(3), 500)
    bins, error = reliability(labels, probabilities, num_bins=10)
    assert sum(entry["count"] for entry in bins) == 500
    assert all(entry["low"] < entry["confidence"] <= entry["high"] for entry in bins)
    assert sum(e["count"] * abs(e["confidence"] - e["accuracy"]) for e in bins) / 500 == pytest.approx(error)
    assert json.dumps(bins)


def test_reliability_of_a_hand_counted_set():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [1.0, 0.0]])
    bins, error = reliability(np.array([0, 1, 1, 0]), probabilities, num_bins=2)
    assert bins == [{"low": 0.5, "high": 1.0, "count": 4, "confidence": pytest.approx(0.85), "accuracy": 0.75}]
    assert error == pytest.approx(0.1)


def test_the_curve_ends_with_every_page_answered():
    labels, probabilities = drawn(np.random.default_rng(4), 700)
    curve = coverage_curve(labels, probabilities)
    assert len(curve) == 40
    coverages = [row["coverage"] for row in curve]
    assert coverages == sorted(coverages)
    assert coverages[-1] == 1
    assert curve[-1]["precision"] == pytest.approx((probabilities.argmax(axis=1) == labels).mean())
    assert curve[0]["precision"] > curve[-1]["precision"]
    assert coverage_curve(labels[:0], probabilities[:0]) == []
    assert coverage_at(labels, probabilities, 1.1) == {"threshold": 1.1, "coverage": 0.0, "precision": None}


def test_a_page_does_not_decide_the_temperature_that_it_is_judged_with():
    """Two draws of each page share a fold: neither its own label nor that of its other draw may count."""
    labels, probabilities = drawn(np.random.default_rng(2), 60, 0.5)
    groups = np.tile(np.arange(30), 2)
    before = cross_fitted_temperatures(labels, probabilities, groups)
    assert len(np.unique(before)) == 5
    assert (before[:30] == before[30:]).all()
    for page in (0, 7, 29):
        changed = labels.copy()
        changed[[page, page + 30]] = probabilities[[page, page + 30]].argmin(axis=1)
        after = cross_fitted_temperatures(changed, probabilities, groups)
        assert after[page] == after[page + 30] == before[page]
        assert (after != before).sum() > 30, "it counts for the pages of other folds"
    assert cross_fitted_temperatures(labels[:1], probabilities[:1], groups[:1]) == pytest.approx([1.0]), (
        "no other page says anything"
    )


def test_rows_may_have_temperatures_of_their_own():
    _, probabilities = drawn(np.random.default_rng(3), 8)
    temperatures = np.linspace(0.5, 3, 8)
    one_by_one = [apply_temperature(row[None], t)[0] for row, t in zip(probabilities, temperatures, strict=True)]
    assert (apply_temperature(probabilities, temperatures) == one_by_one).all()
