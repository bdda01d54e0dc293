"""What choosing the best epoch adds to its score."""

import numpy as np
import pytest

from munseo._errors import UserError
from munseo._evaluation.epoch_choice import EpochScores, flattery, judge_epoch_choice
from munseo._run import RunFolder

K, PAGES, EPOCHS = 5, 200, 20


def drawn(seed, levels, shared=0.7):
    """Predictions of epochs that are right with given probabilities, and whose errors are partly the same pages."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, PAGES)
    ease = np.sqrt(shared) * rng.standard_normal(PAGES)
    own = np.sqrt(1 - shared) * rng.standard_normal((len(levels), PAGES))
    order = np.sort(rng.standard_normal(100_000))
    cuts = order[(np.asarray(levels) * (len(order) - 1)).astype(int)]
    wrong = (labels + rng.integers(1, K, PAGES)) % K
    return labels, np.where(ease + own < cuts[:, None], labels, wrong)


def scores(labels, epochs, groups=None):
    return EpochScores(labels, np.arange(len(labels)) if groups is None else groups, list(epochs), K)


def test_the_estimate_is_about_the_true_flattery_of_equally_good_epochs():
    """Every epoch is right on 85 % of all pages there are, so what the best one has above that is luck."""
    lucky, estimated = [], []
    for seed in range(40):
        labels, epochs = drawn(seed, [0.85] * EPOCHS)
        measured = scores(labels, epochs)
        lucky.append(float(measured.under(np.ones((1, PAGES)))[0].max()) - 0.85)
        estimated.append(flattery(measured, measured))
    assert np.mean(lucky) > 0.02
    assert np.mean(lucky) - 0.005 < np.mean(estimated) < np.mean(lucky) + 0.015


def test_an_epoch_that_is_far_better_owes_nothing_to_luck():
    labels, epochs = drawn(0, [0.4] * (EPOCHS - 1) + [0.95])
    assert flattery(scores(labels, epochs), scores(labels, epochs)) < 0.002


def test_one_epoch_was_not_chosen():
    labels, epochs = drawn(0, [0.85])
    assert flattery(scores(labels, epochs), scores(labels, epochs)) == 0.0


def test_epochs_that_are_the_same_flatter_by_nothing():
    labels, epochs = drawn(0, [0.85])
    same = scores(labels, np.repeat(epochs, EPOCHS, axis=0))
    assert flattery(same, same) == pytest.approx(0, abs=1e-6)


def test_another_monitor_flatters_less_than_the_score_itself():
    """Losses that say nothing about the score choose an epoch at random."""
    labels, epochs = drawn(3, [0.85] * EPOCHS)
    losses = list(np.random.default_rng(0).random((EPOCHS, PAGES)).astype(np.float32))
    by_score = np.mean([flattery(scores(labels, epochs), scores(labels, epochs), seed) for seed in range(3)])
    by_loss = np.mean([flattery(scores(labels, losses), scores(labels, epochs), seed) for seed in range(3)])
    assert by_loss < by_score / 2


def test_losses_are_better_when_they_are_smaller():
    labels = np.zeros(4, np.int64)
    measured = scores(labels, [np.full(4, 2.0), np.full(4, 0.5)])
    np.testing.assert_allclose(measured.under(np.ones((1, 4))), [[-2.0, -0.5]])


def test_pages_of_one_group_are_drawn_together():
    """Ten copies of twenty pages are twenty pieces of evidence: luck is larger than with two hundred."""
    labels, epochs = drawn(1, [0.85] * EPOCHS)
    copies = scores(np.repeat(labels[:20], 10), np.repeat(epochs[:, :20], 10, axis=1), np.repeat(np.arange(20), 10))
    few = scores(labels[:20], epochs[:, :20])
    assert flattery(copies, copies) == pytest.approx(flattery(few, few), abs=1e-6)


def test_a_damaged_table_is_named(tmp_path):
    run = RunFolder(tmp_path)
    run.epoch_predictions_file.write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"epoch_predictions\.parquet: a damaged parquet file"):
        judge_epoch_choice(run, "val_macro_f1", K)


def test_a_run_without_the_table_states_nothing(tmp_path):
    assert judge_epoch_choice(RunFolder(tmp_path), "val_macro_f1", K) is None
