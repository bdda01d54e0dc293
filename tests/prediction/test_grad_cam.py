"""Heat maps lie where the evidence was planted, and leave nothing behind."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from munseo._model import Classifier, ModelCard
from munseo._model.builder import build_classifier
from munseo._prediction.grad_cam import can_explain, heat_map, overlay

SIZE = 64


def card(name="planted"):
    return ModelCard(name, ("a", "b"), ("0", "1"), SIZE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Bright(nn.Module):
    """Class 1 is the brightness of its surest place; class 0 is darkness."""

    num_features = 2

    def __init__(self, channels_last=False):
        super().__init__()
        self.channels_last = channels_last
        self.scale = nn.Parameter(torch.ones(1))

    def forward_features(self, images):
        grey = nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 8) * self.scale
        maps = torch.cat([(-grey).relu(), grey.relu()], dim=1)
        return maps.permute(0, 2, 3, 1) if self.channels_last else maps

    def forward_head(self, maps, pre_logits=False):
        return maps.mean(dim=(1, 2) if self.channels_last else (2, 3))

    def forward(self, images):
        return self.forward_head(self.forward_features(images))


def planted():
    image = np.full((SIZE, SIZE, 3), 20, np.uint8)
    image[8:24, 40:56] = 250
    return image


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_heat_lies_on_the_evidence(channels_last):
    classifier = Classifier(Bright(channels_last), card())
    heat = heat_map(classifier, planted(), 1)
    assert heat.shape == (SIZE, SIZE)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == 1
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 8 <= row < 24
    assert 40 <= column < 56
    assert heat[40:, :24].max() < 0.05
    assert heat_map(classifier, planted(), 0)[12:20, 44:52].max() < 0.2, "the square speaks against darkness"


@pytest.mark.parametrize("name", ["test_efficientnet.r160_in1k", "test_vit.r160_in1k", "test_byobnet.r160_in1k"])
def test_networks_of_both_families_are_explained_and_left_as_they_were(name):
    torch.manual_seed(0)
    classifier = build_classifier(card(name), False)[0].train()
    with torch.inference_mode():
        heats = [heat_map(classifier, planted(), label) for label in (0, 1)]
    assert all(heat.shape == (SIZE, SIZE) and heat.min() >= 0 and heat.max() <= 1 for heat in heats)
    assert any(heat.max() == 1 for heat in heats)
    assert any(heat.std() > 0.05 for heat in heats)
    assert classifier.training
    assert all(parameter.grad is None for parameter in classifier.parameters())
    assert not any(module._forward_pre_hooks for module in classifier.modules())


def test_a_failure_leaves_no_hook_and_no_other_mode(monkeypatch):
    classifier = build_classifier(card("test_vit.r160_in1k"), False)[0].train()
    monkeypatch.setattr(classifier.network.blocks[-1].norm1, "forward", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        heat_map(classifier, planted(), 0)
    assert classifier.training
    assert not any(module._forward_pre_hooks for module in classifier.modules())


def test_an_exported_network_cannot_be_explained():
    assert can_explain(SimpleNamespace(network=Bright()))
    assert not can_explain(SimpleNamespace(network=nn.Linear(2, 2)))


def test_the_page_is_seen_where_nothing_is_hot():
    image = planted()
    heat = np.zeros((SIZE, SIZE), np.float32)
    heat[:8] = 1
    shown = overlay(image, heat)
    assert np.array_equal(shown[8:], np.repeat(image[8:, :, :1], 3, axis=2))
    assert np.abs(shown[:8].astype(int) - image[:8]).max() > 50
