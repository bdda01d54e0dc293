"""Simulated models whose real score is known: the statement must come true as often as it says."""

from dataclasses import dataclass

import numpy as np
import pytest

from munseo._evaluation.expectation import Expectation, expect_macro_f1
from munseo._evaluation.metrics import macro_f1

NUM_CLASSES = 5
NUM_CASES = 40


@dataclass(frozen=True)
class Case:
    labels: np.ndarray
    clean: np.ndarray
    shifted: np.ndarray
    test_labels: np.ndarray
    test: np.ndarray

    @property
    def real(self) -> float:
        return macro_f1(self.test_labels, self.test.argmax(axis=1), NUM_CLASSES)

    def expect(self) -> Expectation:
        return expect_macro_f1(self.labels, self.clean, self.shifted, self.test)


def answers(rng, labels, evidence, damage, vanity):
    """Probabilities of a model that sees the true class through noise; damage, page by page, weakens what it sees.

    Its confidence is honest but for a factor that grows with the damage: the more it misses, the more it overrates.
    """
    harm = damage * rng.gamma(2.0, 0.5, len(labels))
    strength = evidence * np.exp(-harm)
    seen = rng.normal(0, 1, (len(labels), NUM_CLASSES))
    seen[np.arange(len(labels)), labels] += strength
    logits = seen * (strength * 1.4 * (1 + vanity * harm))[:, None]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def simulate(seed, damage, mix=None, num_val=350, num_test=375, draws=2, vanity=0.3):
    """A recipe of damage 0.5, and test pages of the given damage."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(NUM_CLASSES, num_val)
    test_labels = rng.choice(NUM_CLASSES, num_test, p=mix)
    evidence, test_evidence = rng.gamma(8, 0.42, num_val), rng.gamma(8, 0.42, num_test)
    return Case(
        labels,
        answers(rng, labels, evidence, 0.0, vanity),
        np.stack([answers(rng, labels, evidence, 0.5, vanity) for _ in range(draws)]),
        test_labels,
        answers(rng, test_labels, test_evidence, damage, vanity),
    )


def outcome(damage, **changes):
    """Errors of clean validation, shifted validation and the statement; whether it covered; widths; noted."""
    rows = []
    for seed in range(changes.pop("num_cases", NUM_CASES)):
        case = simulate(seed, damage, **changes)
        found, real = case.expect(), case.real
        low, high = found.interval
        errors = (found.clean_val - real, found.shifted_val - real, found.macro_f1 - real)
        rows.append((*np.abs(errors), low <= real <= high, high - low, bool(found.notes)))
    return np.array(rows, dtype=float).T


def test_the_interval_covers_as_often_as_it_says_when_the_recipe_is_right():
    *_, covered, widths, noted = outcome(0.5)
    assert covered.mean() >= 0.85
    assert widths.mean() <= 0.09
    assert noted.mean() <= 0.1


@pytest.mark.parametrize("damage", [0.0, 0.2, 0.8])
def test_it_is_nearer_than_plain_validation_where_the_damage_is_not_the_recipes(damage):
    clean, shifted, stated, covered, _, _ = outcome(damage, num_cases=15)
    assert stated.mean() < shifted.mean()
    assert stated.mean() <= clean.mean() + 0.003
    assert covered.mean() >= 0.7


def test_another_mix_of_classes_widens_the_error_but_little():
    _, _, stated, covered, _, _ = outcome(0.5, num_cases=15, mix=[0.4, 0.25, 0.2, 0.1, 0.05])
    assert stated.mean() < 0.04
    assert covered.mean() >= 0.7


def test_pages_that_the_recipe_cannot_explain_are_noted():
    found = simulate(0, 2.0).expect()
    assert "less_sure" in [note.key for note in found.notes]
    lopsided = simulate(0, 0.5, mix=[0.9, 0.1, 0, 0, 0]).expect()
    assert "other_mix" in [note.key for note in lopsided.notes]


def test_the_order_of_pages_does_not_count():
    case = simulate(1, 0.4)
    rng = np.random.default_rng(0)
    val, test = rng.permutation(len(case.labels)), rng.permutation(len(case.test))
    again = Case(case.labels[val], case.clean[val], case.shifted[:, val], case.test_labels[test], case.test[test])
    one, other = case.expect(), again.expect()
    assert one.macro_f1 == pytest.approx(other.macro_f1, abs=1e-9)
    assert one.interval == pytest.approx(other.interval, abs=1e-9)
    assert one.notes == other.notes


def test_fewer_pages_give_a_wider_interval_and_say_so():
    many, few = simulate(2, 0.5).expect(), simulate(2, 0.5, num_val=60, num_test=50).expect()
    assert few.interval[1] - few.interval[0] > 1.5 * (many.interval[1] - many.interval[0])
    assert not many.notes
    notes = {note.key: str(note) for note in few.notes}
    assert "60 validation pages" in notes["few_validation_pages"]
    assert "50 pages" in notes["few_pages"]


def test_classes_that_do_not_come_are_not_counted_as_missed():
    found = simulate(3, 0.0, mix=[0.5, 0.5, 0, 0, 0])
    probabilities = found.test.copy()
    probabilities[:, 2:] *= 1e-4
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert expect_macro_f1(found.labels, found.clean, found.shifted, probabilities).macro_f1 > 0.85


def test_it_is_written_as_results_hold_it():
    entry = simulate(4, 0.5).expect().to_dict(["a", "b", "c", "d", "e"])
    assert set(entry) == {
        "macro_f1",
        "interval",
        "clean_val",
        "shifted_val",
        "num_pages",
        "mean_confidence",
        "class_mix",
        "notes",
    }
    assert entry["num_pages"] == 375
    assert sum(row["share"] for row in entry["class_mix"]) == pytest.approx(1)
    assert entry["interval"][0] < entry["macro_f1"] < entry["interval"][1]
    assert 0 < entry["mean_confidence"] < 1
