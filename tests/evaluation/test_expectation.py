"""Simulated models whose real score is known: the statement must come true as often as it says."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.metrics import f1_score

from munseo._evaluation.expectation import Expectation, expect_macro_f1
from munseo._evaluation.metrics import macro_f1
from munseo._run.results import ExpectedScore

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
    """Errors of clean validation, shifted validation and the estimate; whether it covered; widths; noted.

    Where no interval is stated, covered and width are NaN.
    """
    rows = []
    for seed in range(changes.pop("num_cases", NUM_CASES)):
        case = simulate(seed, damage, **changes)
        found, real = case.expect(), case.real
        low, high = found.interval or (np.nan, np.nan)
        covered = low <= real <= high if found.interval else np.nan
        errors = (found.clean_val - real, found.shifted_val - real, found.macro_f1 - real)
        rows.append((*np.abs(errors), covered, high - low, bool(found.notes)))
    return np.array(rows, dtype=float).T


def test_the_interval_covers_as_often_as_it_says_when_the_recipe_is_right():
    *_, covered, widths, noted = outcome(0.5)
    assert np.nanmean(covered) >= 0.85
    assert np.nanmean(widths) <= 0.09
    assert noted.mean() <= 0.1


@pytest.mark.parametrize("damage", [0.0, 0.2, 0.8])
def test_it_is_nearer_than_plain_validation_where_the_damage_is_not_the_recipes(damage):
    clean, shifted, stated, covered, _, _ = outcome(damage, num_cases=15)
    assert stated.mean() < shifted.mean()
    assert stated.mean() <= clean.mean() + 0.003
    assert np.isnan(covered).all() or np.nanmean(covered) >= 0.7


def test_another_mix_of_classes_widens_the_error_but_little():
    _, _, stated, _, _, _ = outcome(0.5, num_cases=15, mix=[0.4, 0.25, 0.2, 0.1, 0.05])
    assert stated.mean() < 0.04


@pytest.mark.parametrize(
    ("damage", "mix", "note"),
    [
        (2.0, None, "less_sure"),
        (0.5, [0.7, 0.075, 0.075, 0.075, 0.075], "other_mix"),
        (0.5, [0.5, 0.5, 0, 0, 0], "absent_classes"),
    ],
)
def test_pages_unlike_any_validation_pages_get_no_interval_and_the_reason(damage, mix, note):
    for seed in range(5):
        found = simulate(seed, damage, mix).expect()
        assert note in [entry.key for entry in found.notes]
        assert found.interval is None
        assert found.to_dict(list("abcde"))["interval"] is None


def test_an_interval_that_an_earlier_version_wrote_beside_such_a_note_is_dropped():
    entry = simulate(0, 0.5).expect().to_dict(list("abcde"))
    assert ExpectedScore.model_validate(entry).interval is not None
    noted = {**entry, "notes": [{"key": "less_sure", "values": {}, "text": "…"}]}
    assert ExpectedScore.model_validate(noted).interval is None


@pytest.mark.parametrize("present", [2, 3, 4])
def test_classes_that_do_not_occur_are_not_counted_as_missed(present):
    mix = [1 / present] * present + [0] * (NUM_CLASSES - present)
    for seed in range(8):
        case = simulate(seed, 0.5, mix)
        found = case.expect()
        assert found.absent == tuple(range(present, NUM_CLASSES))
        scores = f1_score(case.test_labels, case.test.argmax(axis=1), average=None, labels=range(present))
        assert found.macro_f1 == pytest.approx(scores.mean(), abs=0.1)
        assert found.class_mix[present:].max() == 0


def test_a_class_that_occurs_rarely_or_is_favoured_by_the_damage_is_counted():
    for seed in range(8):
        assert simulate(seed, 0.5, [0.32, 0.32, 0.3, 0.03, 0.03]).expect().absent == ()
        # Damage that draws predictions to class 0 makes the other classes rarer, but not absent.
        case = simulate(seed, 0.5)
        drawn = case.test * np.array([4, 1, 1, 1, 1], dtype=np.float32)
        test = drawn / drawn.sum(axis=1, keepdims=True)
        assert expect_macro_f1(case.labels, case.clean, case.shifted, test).absent == ()


def test_pages_of_one_group_are_resampled_together():
    case = simulate(5, 0.5, num_val=60)
    alone = case.expect()
    # Each page is there five times: without groups it looks as if there were 300 pages to learn from.
    labels, clean, shifted = np.repeat(case.labels, 5), np.repeat(case.clean, 5, 0), np.repeat(case.shifted, 5, 1)
    groups = np.repeat([f"customer {number}" for number in range(60)], 5)
    together = expect_macro_f1(labels, clean, shifted, case.test, groups=groups)
    apart = expect_macro_f1(labels, clean, shifted, case.test)
    width = {id(found): found.interval[1] - found.interval[0] for found in (alone, together, apart)}
    assert width[id(together)] == pytest.approx(width[id(alone)], rel=0.15)
    assert width[id(apart)] < 0.8 * width[id(together)]


def test_flawless_pages_have_an_estimate_and_an_interval():
    labels = np.arange(60) % 3
    sure = np.full((60, 3), 1e-7, dtype=np.float32)
    sure[np.arange(60), labels] = 1 - 2e-7
    found = expect_macro_f1(labels, sure, sure[None], sure)
    assert found.macro_f1 == pytest.approx(1, abs=0.01)
    assert found.interval[0] < found.interval[1] == pytest.approx(1)


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
        "absent",
        "notes",
    }
    assert entry["num_pages"] == 375
    assert sum(row["share"] for row in entry["class_mix"]) == pytest.approx(1)
    assert entry["interval"][0] < entry["macro_f1"] < entry["interval"][1]
    assert 0 < entry["mean_confidence"] < 1
