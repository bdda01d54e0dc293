"""Where a model looked: Grad-CAM for networks of convolutions and for transformers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from munseo._model import Classifier

Score = Callable[[torch.Tensor], torch.Tensor]


def can_explain(classifier: Classifier) -> bool:
    """Whether a network shows its features; those of exported models do not."""
    return hasattr(classifier.network, "forward_features") and hasattr(classifier.network, "forward_head")


def heat_map(classifier: Classifier, image: np.ndarray, label: int | None = None) -> np.ndarray:
    """The places of a page that speak for a class: Grad-CAM (Selvaraju et al., 2017).

    The last feature map that still has places is weighted by the mean gradient of the class's logit by channel; what
    speaks against the class is cut off. In a transformer with a class token the patches of the last block's output do
    not reach the logit any more, so what goes into that block is taken.

    Args:
        classifier: A model whose network shows its features (``can_explain``); it stays as it is.
        image: As the model is given it, uint8 (S, S, 3).
        label: Index of the class; None: the predicted one.

    Returns:
        float32 (S, S) from 0 to 1; 1 at the place that speaks most, 0 everywhere if nothing speaks for the class.
    """
    network: Any = classifier.network
    training = classifier.training
    classifier.eval()
    try:
        # Gradients are wanted even where the caller is in inference mode, and of the activations alone.
        with torch.inference_mode(False), torch.enable_grad():
            pages = torch.from_numpy(np.ascontiguousarray(image))[None].to(classifier.white.device)
            inputs = classifier.prepare(pages).detach().clone()
            maps, gradients = _token_maps(network, inputs, label) or _feature_maps(network, inputs, label)
    finally:
        classifier.train(training)
    weights = gradients.mean(dim=(1, 2), keepdim=True)
    heat = (weights * maps).sum(dim=0).clamp(min=0).cpu().numpy().astype(np.float32)
    heat = cv2.resize(heat, image.shape[1::-1], interpolation=cv2.INTER_CUBIC).clip(0)
    highest = float(heat.max())
    return heat / highest if highest > 0 else heat


def overlay(image: np.ndarray, heat: np.ndarray, strength: float = 0.6) -> np.ndarray:
    """The page in grey under its heat, uint8 (S, S, 3); untouched by colour where the heat is 0.

    Args:
        image: uint8 (S, S, 3).
        heat: float (S, S) from 0 to 1.
        strength: Share of the colour where the heat is 1.
    """
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = cv2.applyColorMap((255 * heat).round().astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = (strength * heat)[..., None]
    return ((1 - share) * grey + share * colour).round().astype(np.uint8)


def _feature_maps(network: Any, inputs: torch.Tensor, label: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Features before the head and their gradients, (C, H, W) each."""
    with torch.no_grad():
        features = network.forward_features(inputs)
    features = features.detach().clone().requires_grad_()
    logits = network.forward_head(features)
    (gradients,) = torch.autograd.grad(_logit(logits, label), features)
    maps, gradients = features.detach()[0], gradients[0]
    if maps.shape[0] != network.num_features and maps.shape[-1] == network.num_features:
        maps, gradients = maps.permute(2, 0, 1), gradients.permute(2, 0, 1)  # channels last
    return maps, gradients


def _token_maps(network: Any, inputs: torch.Tensor, label: int | None) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The patches that go into the last block of a transformer; None for other networks."""
    blocks = getattr(network, "blocks", None)
    if blocks is None or not hasattr(network, "num_prefix_tokens") or not hasattr(blocks[-1], "norm1"):
        return None
    taken: list[torch.Tensor] = []

    def take(_: nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        taken.append(given[0].detach().clone().requires_grad_())
        return (taken[0], *given[1:])

    hook = blocks[-1].register_forward_pre_hook(take)
    try:
        logits = network(inputs)
    finally:
        hook.remove()
    (gradients,) = torch.autograd.grad(_logit(logits, label), taken[0])
    return _grid(network, taken[0].detach()), _grid(network, gradients)


def _grid(network: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Patch tokens (1, N, C) in their places, (C, H, W)."""
    patches = tokens[0, network.num_prefix_tokens :]
    size = getattr(getattr(network, "patch_embed", None), "grid_size", None)
    height, width = size if size and math.prod(size) == len(patches) else (math.isqrt(len(patches)),) * 2
    return patches.T.reshape(-1, height, width)


def _logit(logits: torch.Tensor, label: int | None) -> torch.Tensor:
    return logits[0, int(logits[0].argmax()) if label is None else label]
