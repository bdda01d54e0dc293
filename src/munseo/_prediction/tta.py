"""Test-time augmentation: named, deterministic views of a page, averaged in probability or logit space."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from munseo._errors import UserError
from munseo._model import Classifier
from munseo._shift import denoise, deskew

View = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""A function from normalised pages (B, 3, S, S) and the value of white paper (3, 1, 1) to the same pages as seen."""
PageView = Callable[[np.ndarray], np.ndarray]
"""A function from a page (S, S, 3) uint8 to the same page restored; it works on the CPU, page by page."""


def _scaled(factor: float) -> View:
    """Return a view of the page at ``factor`` times its size, centred, with white paper around it."""

    def view(images: torch.Tensor, white: torch.Tensor) -> torch.Tensor:
        theta = torch.tensor([[1 / factor, 0, 0], [0, 1 / factor, 0]], device=images.device, dtype=images.dtype)
        grid = functional.affine_grid(theta.expand(len(images), 2, 3), list(images.shape), align_corners=False)
        # Sampled relative to white, the zeros outside the page mean white.
        return functional.grid_sample(images - white, grid, align_corners=False) + white

    return view


TENSOR_VIEWS: dict[str, View] = {
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
"""Views that move pixels; a new one is an entry here."""
PAGE_VIEWS: dict[str, PageView] = {
    "deskewed": deskew,
    "deskewed_180": lambda page: np.ascontiguousarray(np.rot90(deskew(page), 2)),
    "denoised": denoise,
    "deskewed_denoised": lambda page: deskew(denoise(page)),
}
"""Views that restore a page; a new one is an entry here."""
VIEWS = (*TENSOR_VIEWS, *PAGE_VIEWS)
"""Names of all views, in the order in which reports list them."""


def view_logits(classifier: Classifier, pages: torch.Tensor, name: str) -> torch.Tensor:
    """Return the logits of pages, uint8 (B, S, S, 3), seen by one of ``VIEWS``, float32 (B, num_classes)."""
    if name in PAGE_VIEWS:
        restored = np.stack([PAGE_VIEWS[name](page) for page in pages.cpu().numpy()])
        images = classifier.prepare(torch.from_numpy(restored).to(pages.device))  # (B, 3, S, S)
    else:
        images = TENSOR_VIEWS[name](classifier.prepare(pages), classifier.white)
    logits: torch.Tensor = classifier(images).float()
    return logits


def mean_probabilities(classifier: Classifier, pages: torch.Tensor, names: Sequence[str], space: str) -> torch.Tensor:
    """Average the probabilities of pages, uint8 (B, S, S, 3), over some of ``VIEWS``, float32 (B, num_classes).

    The space ``probability`` gives the mean of probabilities; ``logit`` gives the softmax of the mean of logits, in
    which a view that is sure that a class is wrong counts for more.
    """
    total = torch.zeros(len(pages), classifier.card.num_classes, device=pages.device)
    for name in names:
        logits = view_logits(classifier, pages, name)
        total += logits if space == "logit" else logits.softmax(dim=1)
    return (total / len(names)).softmax(dim=1) if space == "logit" else total / len(names)


def check_views(names: Sequence[str]) -> None:
    """Raise ``UserError`` for names that are not those of views."""
    problems = []
    for name in names:
        if name not in VIEWS:
            near = difflib.get_close_matches(name, VIEWS, n=1)
            problems.append(f"{name}: no such view" + (f"; did you mean {near[0]}?" if near else ""))
    if problems:
        raise UserError(f"tta_views: the views are {', '.join(VIEWS)}.", problems)
