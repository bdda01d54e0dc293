"""The verdict: fair to equal members, certain about good ones, with intervals that cover the true value."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import rewrite, simulate

from munseo import UserError
from munseo._ensemble import align, honest_probabilities, judge, read_members, sentences, table, weights_of
from munseo._ensemble.candidates import Evidence
from munseo._evaluation import macro_f1
from munseo._evaluation.comparison import paired_bootstrap
from munseo._randomness import generator


@pytest.fixture
def judged(write_member):
    """Judge members of these noise levels; a number may repeat a member exactly."""

    def run(noises, num_pages=300, same=(), method="weights", seed=1):
        rows, labels = simulate(num_pages, noises, seed=seed)
        for copy, original in same:
            rows[copy] = rows[original]
        paths = [write_member(f"m{number}", labels, row) for number, row in enumerate(rows)]
        aligned = align(read_members(paths))
        return judge(aligned, method, seed=0), [f"m{number}" for number in range(len(paths))], aligned

    return run


def test_identical_members_are_not_better_and_only_copies_would_go(judged):
    judgement, names, _ = judged((1.3, 1.3, 1.3), same=((1, 0), (2, 0)))
    _, difference = judgement.decisive
    assert (difference.value, difference.low, difference.high, difference.p_better) == (0, 0, 0, 0.5)
    said = sentences(judgement, names)
    assert said[0].startswith("These pages do not show that the ensemble is better than its best member")
    assert judgement.would_drop == [2, 1], "not all of them, though each adds nothing to the others"
    assert "m2 (adds +0.0000, +0.0000 to +0.0000), m1" in said[2]


def test_independent_members_are_better_together(judged):
    judgement, names, aligned = judged((1.6, 1.6, 1.6))
    assert judgement.decisive[1].conclusion == "better"
    said = sentences(judgement, names)
    assert said[0].startswith("The ensemble is better than its best member")
    assert said[2] == "Every member improves the ensemble."
    assert all(contribution.value > 0 for contribution in judgement.contributions)
    lines = table(judgement, names, weights_of(judgement, 3))
    assert sum("weight 0." in line for line in lines) == 3
    f1 = macro_f1(aligned.labels, judgement.probabilities.argmax(axis=1), 4)
    assert judgement.candidates[judgement.method]["macro_f1"] == pytest.approx(f1)
    again = honest_probabilities(aligned, judgement.method, seed=0)
    assert (again == judgement.probabilities).all()


def test_a_useless_member_would_go(judged):
    judgement, names, _ = judged((1.4, 1.4, 9.0))
    assert 2 in judgement.would_drop
    assert judgement.combination.weights[2] < 0.02
    assert "m2 (adds " in sentences(judgement, names)[2]


def test_a_stack_that_overfits_is_called_worse(judged):
    """Sixteen coefficients a class on forty pages, beside a member that needs no help."""
    judgement, names, _ = judged((0.55, 3.0, 3.0, 3.0), num_pages=40, method="stack")
    assert set(judgement.candidates) == {"best_member_in_fold", "best_member", "mean", "weights", "stack"}
    assert set(judgement.differences) == {"best_member_in_fold", "best_member", "mean", "weights"}
    said = sentences(judgement, names)[0]
    assert said.startswith("The ensemble is worse than its best member, m0")
    assert said.endswith("Use only m0.")


def test_weights_that_are_worse_than_none_are_not_used(judged):
    """Members that are too cautious: log loss prefers the surest one, and what the others know would be lost."""
    judgement, names, aligned = judged((1.0, 1.3, 1.4, 1.5), num_pages=400)
    assert judgement.method == "mean"
    assert judgement.combination.weights.tolist() == [0.25] * 4
    assert judgement.candidates["mean"]["macro_f1"] > judgement.candidates["weights"]["macro_f1"]
    assert np.allclose(judgement.probabilities, aligned.rows.mean(axis=0))
    assert "because this is better than fitted weights" in sentences(judgement, names)[1]
    again = honest_probabilities(aligned, "mean", 0)
    assert np.allclose(again, judgement.probabilities)


def test_no_group_is_judged_by_weights_that_it_helped_to_fit(write_member):
    rows, labels = simulate(120, (1.2, 1.5))
    paths = [write_member(f"m{number}", labels, row) for number, row in enumerate(rows)]
    groups = np.arange(120) // 4
    for path in paths:
        rewrite(path / "pages.parquet", lambda table: table.assign(group=[900, 901, *groups]))
    evidence = Evidence.of(align(read_members(paths)), seed=0)
    assert evidence.groups.tolist() == groups.tolist()
    assert all(len(set(evidence.folds[groups == group])) == 1 for group in range(30))
    assert np.bincount(evidence.folds).tolist() == [24] * 5

    def memory(r, y, groups):
        seen = set(groups.tolist())
        return lambda new: np.array([[page in seen] * 4 for page in new[0, :, 0]], dtype=float)

    marked = replace(evidence, rows=np.repeat(groups[None, :, None], 4, axis=2).astype(float))
    assert not marked.out_of_fold(memory).any()


def test_pages_of_one_group_cannot_judge_an_ensemble(write_member):
    rows, labels = simulate(30, (1.2, 1.5))
    paths = [write_member(f"m{number}", labels, row) for number, row in enumerate(rows)]
    rewrite(paths[1] / "pages.parquet", lambda table: table.assign(group=7))
    with pytest.raises(UserError, match="The 30 pages that validate all of these runs belong to one group"):
        align(read_members(paths))


def test_the_claim_holds_against_both_best_members(judged):
    judgement, _, _ = judged((1.5, 1.5, 1.5), num_pages=80)
    both = [judgement.differences[name].value for name in ("best_member_in_fold", "best_member")]
    assert judgement.decisive[1].value == min(both)


def test_the_same_members_give_the_same_judgement(judged, write_member):
    first, _, aligned = judged((1.2, 1.5))
    second = judge(aligned, "weights", seed=0)
    assert first.candidates == second.candidates
    assert first.differences == second.differences
    assert (first.combination.weights == second.combination.weights).all()


def test_the_paired_interval_covers_the_true_difference():
    """Pages drawn from a known joint law of (true, first, second): the true difference lies inside about 95 times."""
    rng = generator(5, "t")
    joint = rng.dirichlet(np.full(27, 0.5)).reshape(3, 3, 3) * 0.25
    for k in range(3):
        joint[k, k, k] += 0.25
    joint = joint / joint.sum()

    def true_f1(matrix):
        return float(np.mean(2 * np.diag(matrix) / (matrix.sum(0) + matrix.sum(1))))

    truth = true_f1(joint.sum(axis=2)) - true_f1(joint.sum(axis=1))
    inside = 0
    for seed in range(200):
        labels, first, second = np.unravel_index(rng.choice(27, 300, p=joint.ravel()), (3, 3, 3))
        found = paired_bootstrap(labels, first, second, 3, seed)
        inside += found.low <= truth <= found.high
    assert 181 <= inside <= 199


def test_pairing_makes_the_interval_narrow():
    rng = generator(6, "t")
    labels = rng.integers(4, size=400)
    first = np.where(rng.random(400) < 0.8, labels, (labels + 1) % 4)
    second = first.copy()
    second[:8] = labels[:8]
    found = paired_bootstrap(labels, second, first, 4)
    assert 0 <= found.value < 0.03
    assert found.high - found.low < 0.03, "the score of each alone is only known to ± 0.04"


def test_the_resamples_are_of_pages_and_of_the_same_macro_f1():
    """Against a plain loop over resampled pages, with a class that some resamples lack."""
    rng = generator(7, "t")
    labels, first, second = (rng.integers(4, size=60) for _ in range(3))
    labels[labels == 3] = 0
    labels[0] = 3
    found = paired_bootstrap(labels, first, second, 5)
    plain = []
    for _ in range(2000):
        i = rng.integers(60, size=60)
        plain.append(macro_f1(labels[i], first[i], 5) - macro_f1(labels[i], second[i], 5))
    assert found.value == pytest.approx(macro_f1(labels, first, 5) - macro_f1(labels, second, 5))
    assert np.allclose([found.low, found.high], np.quantile(plain, [0.025, 0.975]), atol=0.02)
    assert found.p_better == pytest.approx(np.mean(np.array(plain) > 0), abs=0.05)
