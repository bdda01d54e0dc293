"""Grad-CAM: the regions of a page that speak for a class, for convolutional networks and transformers."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from munseo._model import Classifier


def can_explain(classifier: Classifier) -> bool:
    """Return whether a network gives access to its features; exported models do not."""
    return hasattr(classifier.network, "forward_features") and hasattr(classifier.network, "forward_head")


def heat_map(classifier: Classifier, image: np.ndarray, label: int | None = None) -> np.ndarray:
    """Return how much each pixel of a page speaks for a class (Grad-CAM; Selvaraju et al., 2017).

    The channels of the last feature map are weighted by the mean gradient of the class's logit; what speaks against the
    class is cut off. In a transformer with a class token the patches of the last block's output do not reach the logit
    any more, so the input of that block is used.

    Args:
        classifier: A model whose network gives access to its features (``can_explain``); it is not changed.
        image: The page as the model takes it, uint8 (S, S, 3).
        label: Index of the class; None for the predicted one.

    Returns:
        float32 (S, S) from 0 to 1: 1 where most speaks for the class, 0 everywhere if nothing does.
    """
    network: Any = classifier.network
    training = classifier.training
    classifier.eval()
    try:
        # Gradients are needed even where the caller is in inference mode, and only those of the activations.
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
    """Draw the heat, float (S, S) from 0 to 1, over the page in grey, uint8 (S, S, 3).

    The colour has the opacity ``strength`` where the heat is 1, and there is none where it is 0.
    """
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = cv2.applyColorMap((255 * heat).round().astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    opacity = (strength * heat)[..., None]
    return ((1 - opacity) * grey + opacity * colour).round().astype(np.uint8)


def _feature_maps(network: Any, inputs: torch.Tensor, label: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the features before the head and their gradients, (C, H, W) each."""
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
    """Return the patches that enter a transformer's last block and their gradients; None for other networks."""
    blocks = getattr(network, "blocks", None)
    if blocks is None or not hasattr(network, "num_prefix_tokens") or not hasattr(blocks[-1], "norm1"):
        return None
    taken: list[torch.Tensor] = []

    def take(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        taken.append(inputs[0].detach().clone().requires_grad_())
        return (taken[0], *inputs[1:])

    hook = blocks[-1].register_forward_pre_hook(take)
    try:
        logits = network(inputs)
    finally:
        hook.remove()
    (gradients,) = torch.autograd.grad(_logit(logits, label), taken[0])
    return _grid(network, taken[0].detach()), _grid(network, gradients)


def _grid(network: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Arrange patch tokens (1, N, C) as an image, (C, H, W)."""
    patches = tokens[0, network.num_prefix_tokens :]
    size = getattr(getattr(network, "patch_embed", None), "grid_size", None)
    height, width = size if size and math.prod(size) == len(patches) else (math.isqrt(len(patches)),) * 2
    return patches.T.reshape(-1, height, width)


def _logit(logits: torch.Tensor, label: int | None) -> torch.Tensor:
    return logits[0, int(logits[0].argmax()) if label is None else label]
