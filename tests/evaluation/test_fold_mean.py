"""What a k-fold run states about its confidence and score is measured on the mean of its folds."""

import numpy as np
import pandas as pd
import pytest

from munseo._evaluation.calibration import apply_temperature, fit_temperature, reliability
from munseo._evaluation.fold_mean import average_folds, mean_table
from munseo._evaluation.view_gains import average, by_view

NUM_CLASSES, NUM_FOLDS = 10, 5


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def predict(rng, num_pages, num_models):
    """Pages whose evidence all models share; each model adds noise of its own, and is overconfident."""
    labels = rng.integers(0, NUM_CLASSES, num_pages)
    evidence = rng.normal(0, 1, (num_pages, NUM_CLASSES))
    evidence[np.arange(num_pages), labels] += 2.4
    return labels, softmax(3.5 * (evidence + rng.normal(0, 1, (num_models, num_pages, NUM_CLASSES))))


def fold_table(labels, rows, **columns):
    tables = []
    for fold, values in enumerate(rows):
        table = pd.DataFrame(values, columns=[f"p_{k}" for k in range(values.shape[1])])
        tables.append(table.assign(ID=[f"v{k}" for k in range(len(labels))], target=labels, fold=fold, **columns))
    return pd.concat(tables, ignore_index=True)


def test_the_temperature_of_single_folds_does_not_fit_their_mean():
    """The reason for held-out pages: the mean is less confident than each fold, and right more often."""
    rng = np.random.default_rng(4)
    labels, (single,) = predict(rng, 2000, 1)
    held_out_labels, held_out = predict(rng, 400, NUM_FOLDS)
    test_labels, test = predict(rng, 4000, NUM_FOLDS)
    mean = average_folds(test)

    def error(temperature):
        return reliability(test_labels, apply_temperature(mean, temperature))[1]

    assert error(fit_temperature(labels, single)) > 0.1
    assert error(fit_temperature(held_out_labels, average_folds(held_out))) < 0.05


def test_the_mean_of_a_table_has_the_bits_of_prediction():
    labels, rows = predict(np.random.default_rng(0), 40, 3)
    mean = mean_table(fold_table(labels, rows, draw=0))
    assert "fold" not in mean
    shuffled = mean.set_index("ID")
    total = rows[0] + rows[1] + rows[2]
    wanted = total / np.float32(3)
    found = shuffled.loc[[f"v{k}" for k in range(40)], [f"p_{k}" for k in range(NUM_CLASSES)]].to_numpy()
    assert found.dtype == np.float32
    assert (found == wanted).all()


@pytest.mark.parametrize("space", ["probability", "logit"])
def test_views_are_averaged_within_each_fold(space):
    labels, identity = predict(np.random.default_rng(1), 30, 2)
    _, turned = predict(np.random.default_rng(2), 30, 2)
    table = pd.concat([fold_table(labels, identity, view="identity"), fold_table(labels, turned, view="rotate_180")])
    found_labels, rows = by_view(table, NUM_CLASSES)
    assert (found_labels == labels).all()
    mean = average(np.stack([rows["identity"], rows["rotate_180"]]), space)
    by_fold = [average(np.stack([identity[fold], turned[fold]]), space).astype(np.float32) for fold in (0, 1)]
    assert np.allclose(mean, (by_fold[0] + by_fold[1]) / 2, atol=1e-7)
