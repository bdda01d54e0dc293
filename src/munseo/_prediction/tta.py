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
PIXEL_MOVES: dict[str, PageView] = {
    "identity": lambda page: page,
    "flip_horizontal": lambda page: page[:, ::-1],
    "flip_vertical": lambda page: page[::-1],
    "transpose": lambda page: page.transpose(1, 0, 2),
    "rotate_90": np.rot90,
    "rotate_180": lambda page: np.rot90(page, 2),
    "rotate_270": lambda page: np.rot90(page, 3),
}
"""Those of ``TENSOR_VIEWS`` that only move whole pixels, on pages (S, S, 3): before normalisation they are the same."""
RESTORATIONS: dict[str, tuple[PageView, ...]] = {
    "deskewed": (deskew,),
    "deskewed_180": (deskew, PIXEL_MOVES["rotate_180"]),
    "denoised": (denoise,),
    "deskewed_denoised": (denoise, deskew),
}
"""The steps of views that restore a page, in their order; a new one is an entry here."""


def _restoring(steps: Sequence[PageView]) -> PageView:
    def view(page: np.ndarray) -> np.ndarray:
        for step in steps:
            page = step(page)
        return np.ascontiguousarray(page)

    return view


PAGE_VIEWS: dict[str, PageView] = {name: _restoring(steps) for name, steps in RESTORATIONS.items()}
"""Views that restore a page."""
VIEWS = (*TENSOR_VIEWS, *PAGE_VIEWS)
"""Names of all views, in the order in which reports list them."""


def view_input(classifier: Classifier, pages: torch.Tensor, name: str) -> torch.Tensor:
    """Return pages, uint8 (B, S, S, 3), as the network gets them by one of ``VIEWS``, float32 (B, 3, S, S)."""
    if name in PAGE_VIEWS:
        restored = np.stack([PAGE_VIEWS[name](page) for page in pages.cpu().numpy()])
        return classifier.prepare(torch.from_numpy(restored).to(pages.device))
    # In 16 bits the positions of the pixels of a scaled page would be rounded.
    with torch.autocast(pages.device.type, enabled=False):
        return TENSOR_VIEWS[name](classifier.prepare(pages), classifier.white)


def view_logits(classifier: Classifier, pages: torch.Tensor, name: str) -> torch.Tensor:
    """Return the logits of pages, uint8 (B, S, S, 3), seen by one of ``VIEWS``, float32 (B, num_classes)."""
    logits: torch.Tensor = classifier(view_input(classifier, pages, name)).float()
    return logits


def distinct_views(page: np.ndarray, names: Sequence[str]) -> list[tuple[np.ndarray, list[str]]]:
    """Return a page (S, S, 3) uint8 by those of ``PIXEL_MOVES`` and ``PAGE_VIEWS`` that are named, each image once.

    Restoring leaves many pages as they are, or turns them by a right angle, so that several views are one image. Its
    names are next to it.
    """
    found: list[tuple[np.ndarray, list[str]]] = []
    known: dict[tuple[PageView, ...], np.ndarray] = {(): page}
    for name in sorted(names, key=VIEWS.index):
        if name in PIXEL_MOVES:  # moved pixels make another page, unless it is blank
            found.append((PIXEL_MOVES[name](page), [name]))
            continue
        steps = RESTORATIONS[name]
        for number, step in enumerate(steps):
            if steps[: number + 1] not in known:
                known[steps[: number + 1]] = step(known[steps[:number]])
        same = next((names for image, names in found if np.array_equal(image, known[steps])), None)
        if same is None:
            found.append((known[steps], [name]))
        else:
            same.append(name)
    return found


def mean_probabilities(classifier: Classifier, pages: torch.Tensor, names: Sequence[str], space: str) -> torch.Tensor:
    """Average the probabilities of pages, uint8 (B, S, S, 3), over some of ``VIEWS``, float32 (B, num_classes)."""
    return mean_of_logits([view_logits(classifier, pages, name) for name in names], space)


def mean_of_logits(logits: Sequence[torch.Tensor], space: str) -> torch.Tensor:
    """Average the predictions by V views, given their logits (N, num_classes) each, float32 (N, num_classes).

    The space ``probability`` gives the mean of probabilities; ``logit`` gives the softmax of the mean of logits, in
    which a view that is sure that a class is wrong counts for more.
    """
    total = torch.zeros_like(logits[0])
    for rows in logits:
        total += rows if space == "logit" else rows.softmax(dim=1)
    return (total / len(logits)).softmax(dim=1) if space == "logit" else total / len(logits)


def check_views(names: Sequence[str]) -> None:
    """Raise ``UserError`` for names that are not those of views."""
    problems = []
    for name in names:
        if name not in VIEWS:
            near = difflib.get_close_matches(name, VIEWS, n=1)
            problems.append(f"{name}: no such view" + (f"; did you mean {near[0]}?" if near else ""))
    if problems:
        raise UserError(f"tta_views: the views are {', '.join(VIEWS)}.", problems)
