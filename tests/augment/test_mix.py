"""MixUp and CutMix: fractions that add up, in NumPy and torch alike."""

import numpy as np
import pytest
import torch

from munseo._augment import draw_mix, mix_images, mix_targets
from munseo._randomness import generator


def draws(kind, count=40):
    found = (draw_mix(generator(0, "t", index), 6, 20, 30, [kind], 1.0) for index in range(count))
    return [mix for mix in found if mix is not None]


@pytest.fixture
def images():
    return generator(0, "i").random((6, 3, 20, 30), dtype=np.float32)


def test_cutmix_keeps_the_fraction_that_it_reports(images):
    for mix in draws("cutmix"):
        mixed = mix_images(images, mix)
        kept = (mixed == images).all(axis=1)
        moved = mix.permutation != np.arange(6)
        assert np.allclose(kept[moved].mean(axis=(1, 2)), mix.fraction)


def test_mixup_is_the_weighted_mean(images):
    mix = draws("mixup")[0]
    expected = mix.fraction * images + (1 - mix.fraction) * images[mix.permutation]
    assert np.allclose(mix_images(images, mix), expected)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_targets_stay_distributions_and_torch_agrees(images, kind):
    targets = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1]]
    for mix in draws(kind, 5):
        mixed = mix_targets(targets, mix)
        assert np.allclose(mixed.sum(axis=1), 1)
        before = torch.from_numpy(images).clone()
        in_torch = mix_images(before, mix)
        assert np.allclose(in_torch.numpy(), mix_images(images, mix))
        assert torch.equal(before, torch.from_numpy(images)), "the batch itself is not touched"
        assert np.allclose(mix_targets(torch.from_numpy(targets), mix).numpy(), mixed)


def test_the_probability_is_kept():
    drawn = [draw_mix(generator(0, "p", index), 6, 20, 30, ["mixup", "cutmix"], 0.3) for index in range(1000)]
    kinds = [mix.kind for mix in drawn if mix is not None]
    assert 0.25 < len(kinds) / 1000 < 0.35
    assert 0.4 < kinds.count("mixup") / len(kinds) < 0.6
    assert draw_mix(generator(0, "p"), 1, 20, 30, ["mixup"], 1.0) is None, "a single page has no partner"
