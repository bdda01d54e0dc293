"""Test-time augmentation: a set of named, deterministic views of a page, averaged in probability."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from munseo.errors import UserError

View = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Normalised pages (B, 3, S, S) and the value of white paper (3, 1, 1) to the same pages seen another way."""


def _scaled(factor: float) -> View:
    """The page at ``factor`` of its size, centred, with white paper around it."""

    def view(images: torch.Tensor, white: torch.Tensor) -> torch.Tensor:
        theta = torch.tensor([[1 / factor, 0, 0], [0, 1 / factor, 0]], device=images.device, dtype=images.dtype)
        grid = functional.affine_grid(theta.expand(len(images), 2, 3), list(images.shape), align_corners=False)
        # Sampled relative to white, the zeros outside the page mean white.
        return functional.grid_sample(images - white, grid, align_corners=False) + white

    return view


VIEWS: dict[str, View] = {
    "identity": lambda images, _: images,
    "flip_horizontal": lambda images, _: images.flip(-1),
    "flip_vertical": lambda images, _: images.flip(-2),
    "transpose": lambda images, _: images.transpose(-1, -2),
    "rotate_90": lambda images, _: images.rot90(1, (-2, -1)),
    "rotate_180": lambda images, _: images.rot90(2, (-2, -1)),
    "rotate_270": lambda images, _: images.rot90(3, (-2, -1)),
    "scale_90": _scaled(0.9),
    "scale_110": _scaled(1.1),
}


def check_views(names: Sequence[str]) -> None:
    """Raise ``UserError`` for names that are not views."""
    problems = []
    for name in names:
        if name not in VIEWS:
            near = difflib.get_close_matches(name, VIEWS, n=1)
            problems.append(f"{name}: no such view" + (f"; did you mean {near[0]}?" if near else ""))
    if problems:
        raise UserError(f"tta_views: the views are {', '.join(VIEWS)}.", problems)
