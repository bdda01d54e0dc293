"""Fusion of image and words: from tables of probabilities whose truth is known."""

import numpy as np
import pytest

from munseo._evaluation.calibration import apply_temperature, fit_temperature
from munseo._evaluation.fusion import NUM_FOLDS, BothSides, Fusion, fit_fusion, judge_fusion
from munseo._evaluation.group_folds import deal_groups_by_class
from munseo._evaluation.metrics import log_loss

K = 4


def opinions(labels, strength, rng):
    """Probabilities that are right the more often the larger ``strength`` (per row) is, and do not say so."""
    logits = rng.normal(0, 1, (len(labels), K))
    logits[np.arange(len(labels)), labels] += strength
    powers = np.exp(1.5 * logits)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def sides_of(num_pages, seed, text_strength=2.0, num_rows=3, with_words=0.8):
    """Pages whose words are read well or badly, as their confidence says, and some that have none."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, num_pages)
    image, text, qualities = [], [], []
    for _ in range(num_rows):
        image.append(opinions(labels, np.full(num_pages, 1.5), rng))
        confidence = rng.uniform(0, 1, num_pages)
        text.append(opinions(labels, text_strength * confidence, rng))
        count = rng.integers(1, 200, num_pages) * (rng.random(num_pages) < with_words)
        qualities.append(np.stack([np.log1p(count), confidence, np.ones(num_pages)], axis=1))
    return BothSides(labels, np.arange(num_pages), np.stack(image), np.stack(text), np.stack(qualities))


def test_a_page_without_words_keeps_the_bits_of_the_image():
    sides = sides_of(200, 0)
    fusion = sides.fitted(np.ones(200, dtype=bool))
    fused = sides.fused(fusion, np.ones(200, dtype=bool))
    without = ~sides.has_words
    assert 20 < without.sum() < 300
    assert np.array_equal(fused[without], sides.image[without])
    assert fused.dtype == np.float32
    assert not np.array_equal(fused[~without], sides.image[~without])


def test_a_row_depends_on_no_other_row():
    sides = sides_of(60, 1)
    fusion = sides.fitted(np.ones(60, dtype=bool))
    image, text, qualities = sides.image[0], sides.text[0], sides.qualities[0]
    single = [fusion(image[i : i + 1], text[i : i + 1], qualities[i : i + 1])[0] for i in range(60)]
    assert np.array_equal(fusion(image, text, qualities), np.stack(single))


def test_words_that_are_read_surely_weigh_more():
    sides = sides_of(600, 2)
    fusion = sides.fitted(np.ones(600, dtype=bool))
    assert fusion.text_weights[0] > 0.3
    assert fusion.text_weights[2] > 0.1  # confidence
    assert fusion.scales[2] == 0  # the pose does not vary
    assert abs(fusion.text_weights[3]) < 1e-6


def test_the_weights_are_at_the_minimum_of_the_penalised_loss():
    sides = sides_of(300, 3, num_rows=1, with_words=1)
    fusion = sides.fitted(np.ones(300, dtype=bool))

    def loss(a, w):
        other = Fusion(a, w, fusion.means, fusion.scales, 1.0)
        rows = other(sides.image[0], sides.text[0], sides.qualities[0])
        prior = np.array([a - 1 / fusion.temperature, *w])
        return log_loss(sides.labels, rows) * 300 + 0.5 * (prior @ prior)

    best = loss(fusion.image_weight, fusion.text_weights)
    for step in (-0.05, 0.05):
        assert loss(fusion.image_weight + step, fusion.text_weights) > best
        for number in range(3):
            moved = fusion.text_weights.copy()
            moved[number] += step
            assert loss(fusion.image_weight, moved) > best


def test_one_temperature_calibrates_pages_with_and_without_words():
    sides = sides_of(3000, 4)
    fusion = sides.fitted(np.ones(3000, dtype=bool))
    rows = sides.fused(fusion, np.ones(3000, dtype=bool))[0]
    has_words = sides.has_words[0]
    own = [fit_temperature(sides.labels[part], rows[part]) for part in (has_words, ~has_words)]
    assert own[0] == pytest.approx(own[1], rel=0.15)
    calibrated = apply_temperature(rows, fit_temperature(sides.labels, rows))
    assert calibrated.max(axis=1).mean() == pytest.approx((calibrated.argmax(axis=1) == sides.labels).mean(), abs=0.03)


def test_text_that_helps_is_used_and_text_that_says_nothing_is_refused():
    helpful = judge_fusion(sides_of(300, 5), 42)
    assert helpful.helps
    assert helpful.decided_on == "shifted"
    assert helpful.differences["val"].value > 0.03
    useless = judge_fusion(sides_of(300, 6, text_strength=0.0), 42)
    assert not useless.helps
    assert abs(useless.differences["shifted"].value) < 0.03


def test_no_page_is_fused_by_weights_that_saw_its_group():
    sides = sides_of(120, 7, num_rows=1)
    groups = np.repeat(np.arange(60), 2)
    folds = deal_groups_by_class(sides.labels, groups, NUM_FOLDS, 0, "text/folds")
    before = judge_fusion(BothSides(sides.labels, groups, sides.image, sides.text, sides.qualities), 0).fused
    text = sides.text.copy()
    text[:, 10:12] = text[:, 10:12, ::-1]  # both pages of one group
    after = judge_fusion(BothSides(sides.labels, groups, sides.image, text, sides.qualities), 0).fused
    same_fold = folds == folds[10]
    assert folds[10] == folds[11]
    same_fold[10:12] = False
    with_words = sides.has_words[0]
    assert np.array_equal(before[:, same_fold], after[:, same_fold])
    others = (folds != folds[10]) & with_words
    assert (before[0, others] != after[0, others]).any(axis=1).all()


def test_too_few_pages_with_words_are_not_judged():
    assert judge_fusion(sides_of(60, 8, with_words=0.05), 0) is None


def test_a_fit_without_pages_is_the_image_alone():
    empty = np.zeros((0, K), dtype=np.float32)
    fusion = fit_fusion(np.zeros(0, dtype=int), empty, empty, np.zeros((0, 3)), 2.0)
    assert fusion.image_weight == pytest.approx(0.5)
    assert (fusion.text_weights == 0).all()


def test_a_fusion_comes_back_from_its_dictionary_and_other_dictionaries_are_refused():
    fusion = sides_of(100, 9).fitted(np.ones(100, dtype=bool))
    values = fusion.to_dict()
    again = Fusion.from_dict(values)
    assert again.to_dict() == values
    for broken in (
        {**values, "image_weight": float("nan")},
        {**values, "temperature": 0},
        {**values, "means": {}},
        {**values, "text_weights": [1, 2, 3, 4]},
        {key: value for key, value in values.items() if key != "scales"},
    ):
        with pytest.raises(ValueError, match="of the fusion"):
            Fusion.from_dict(broken)
