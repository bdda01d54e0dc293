"""Weights for mixtures whose solution is known, a stack that keeps every class, and folds that do not leak."""

from functools import partial

import numpy as np
import pytest
from simulated import simulate

from munseo._ensemble.combiners import fit_best_member, fit_mean, fit_stack, fit_weights, out_of_fold
from munseo._evaluation import macro_f1
from munseo._evaluation.group_folds import deal_groups_by_class
from munseo._evaluation.metrics import log_loss
from munseo._randomness import generator


def _mixture(weights, num_pages=20_000, num_classes=5):
    """Members of random opinions, and labels drawn from their weighted mean: those weights have the least log loss."""
    rng = generator(1, "mixture")
    rows = rng.dirichlet(np.full(num_classes, 0.5), size=(len(weights), num_pages))
    mixed = np.tensordot(weights, rows, axes=1)
    labels = (mixed.cumsum(axis=1) < rng.random((num_pages, 1))).sum(axis=1)
    return rows, labels.clip(max=num_classes - 1)


def each(labels):
    """Every page is its own group."""
    return np.arange(len(labels))


@pytest.mark.parametrize("weights", [(0.6, 0.3, 0.1), (0.5, 0.5), (0.0, 1.0), (0.25, 0.0, 0.25, 0.5)])
def test_weights_find_the_mixture(weights):
    rows, labels = _mixture(weights)
    assert np.allclose(fit_weights(rows, labels, each(labels)).weights, weights, atol=0.03)


def test_no_other_weights_have_a_smaller_loss():
    rows, labels = simulate(300, (1.0, 1.3, 1.6))
    best = log_loss(labels, fit_weights(rows, labels, each(labels))(rows))
    others = [*generator(2, "t").dirichlet(np.ones(3), 200), *np.eye(3), np.full(3, 1 / 3)]
    assert best <= min(log_loss(labels, np.tensordot(other, rows, axes=1)) for other in others) + 2e-6


def test_a_member_of_noise_gets_no_weight():
    rows, labels = simulate(375, (1.0, 1.0))
    noise = generator(3, "t").dirichlet(np.full(4, 0.3), 375)
    weights = fit_weights(np.stack([rows[0], noise, rows[1]]), labels, each(labels)).weights
    assert weights[1] < 0.01
    assert weights.sum() == pytest.approx(1)


def test_weights_follow_their_members_and_twins_share():
    rows, labels = simulate(300, (1.0, 1.5, 2.0))
    weights = fit_weights(rows, labels, each(labels)).weights
    assert np.allclose(fit_weights(rows[[2, 0, 1]], labels, each(labels)).weights, weights[[2, 0, 1]], atol=1e-3)
    assert np.allclose(fit_weights(rows[[0, 0, 0]], labels, each(labels)).weights, 1 / 3)


def test_a_member_that_is_sure_and_wrong_does_not_break_the_fit():
    rows, labels = simulate(60, (1.0,))
    zero = np.zeros((60, 4))
    zero[np.arange(60), (labels + 1) % 4] = 1
    weights = fit_weights(np.stack([zero, rows[0]]), labels, each(labels)).weights
    assert np.allclose(weights, [0, 1], atol=1e-3)


def test_the_best_member_is_that_of_the_pages_given():
    rows, labels = simulate(200, (2.0, 0.7, 1.5))
    assert fit_best_member(rows, labels, each(labels)).weights.tolist() == [0, 1, 0]
    assert fit_mean(rows, labels, each(labels)).weights.tolist() == [pytest.approx(1 / 3)] * 3


def test_a_stack_learns_what_weights_cannot():
    """One member that always calls the next class by mistake is worth as much as a right one, once this is known."""
    rows, labels = simulate(300, (1.0,))
    shifted = np.roll(rows, 1, axis=2)
    folds = deal_groups_by_class(labels, each(labels), 5, 0, "t")
    stacked = out_of_fold(partial(fit_stack, seed=0), shifted, labels, each(labels), folds)
    assert np.allclose(stacked.sum(axis=1), 1)
    assert macro_f1(labels, stacked.argmax(axis=1), 4) > 0.8
    assert macro_f1(labels, shifted[0].argmax(axis=1), 4) < 0.2


def test_a_stack_of_two_classes_and_of_a_class_without_a_page():
    rows, labels = simulate(120, (1.0, 1.0), num_classes=2)
    assert macro_f1(labels, fit_stack(rows, labels, each(labels), 0)(rows).argmax(axis=1), 2) > 0.9
    rows, labels = simulate(120, (0.7, 0.7))
    seen = labels != 3
    stack = fit_stack(rows[:, seen], labels[seen], each(labels[seen]), 0)
    unseen = stack(rows[:, ~seen])
    assert unseen.shape == ((~seen).sum(), 4)
    assert (unseen.argmax(axis=1) == 3).mean() > 0.5


def test_no_page_is_judged_by_a_fit_that_saw_it():
    rows, labels = simulate(40, (1.0,))
    rows[0, :, 0] = np.arange(40)
    folds = deal_groups_by_class(labels, each(labels), 5, 0, "t")

    def memory(r, y, groups):
        seen = set(r[0, :, 0])
        assert len(seen) == 32
        return lambda new: np.array([[page[0] in seen] * 4 for page in new[0]], dtype=float)

    assert not out_of_fold(memory, rows, labels, each(labels), folds).any()


def test_a_stack_chooses_its_penalty_by_groups_that_it_was_not_fitted_on():
    """Ten draws of each of 24 pages whose labels follow nothing: by rows a weak penalty wins, since draws repeat."""
    rows, labels = simulate(24, (1.0, 1.0, 1.0))
    labels = generator(4, "t").permutation(labels)
    groups = np.tile(np.arange(24), 10)
    many, answers = np.tile(rows, (1, 10, 1)), np.tile(labels, 10)
    by_group, by_row = fit_stack(many, answers, groups, 0), fit_stack(many, answers, each(answers), 0)
    sizes = [np.abs(stack.coefficients).max() for stack in (by_group, by_row)]
    assert sizes[0] < sizes[1] / 3
    assert np.isfinite(fit_stack(many[:, ::24], answers[::24], groups[::24], 0)(rows)).all(), "one group alone"
