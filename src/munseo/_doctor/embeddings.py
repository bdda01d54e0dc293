"""Pages as points: the output of a backbone's last layer before the head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from munseo._doctor.inspected_page import InspectedPage
from munseo._memory import keep_freed_memory
from munseo._model import Classifier, load_classifier
from munseo._model.builder import build_classifier, model_normalisation
from munseo._model.classifier import ModelCard
from munseo._model.pretrained import find_local
from munseo._prediction.combination import is_ensemble
from munseo._prediction.device import choose_device
from munseo._prediction.inference import read_card
from munseo._prediction.loader import oriented
from munseo._run import RunFolder

PACKAGED = "tf_efficientnet_lite0"  # the backbone whose weights come as a package
PACKAGED_PX = 224  # the image size of the packaged backbone

_BATCH_SIZE = 32


@dataclass(frozen=True)
class Embedding:
    """The labelled pages as points."""

    points: np.ndarray  # (N, dimensions) float32, one row for each of ``indices``
    indices: np.ndarray  # (N,) indices of the embedded pages in the list of all pages


def has_packaged() -> bool:
    """Return whether the packaged weights are installed."""
    return find_local(PACKAGED, True) is not None


def load_backbone(run: RunFolder | None) -> Classifier | None:
    """Load the packaged weights, or those of the run (in a k-fold run of the first fold); an ensemble has no backbone.

    The run comes second: a backbone that was trained on wrong labels has learned them by heart, and its points of these
    pages are where the wrong labels are.
    """
    if has_packaged():
        mean, std = model_normalisation(PACKAGED)
        card = ModelCard(PACKAGED, ("0", "1"), ("0", "1"), PACKAGED_PX, mean, std)
        return build_classifier(card, True)[0]
    if run is None or is_ensemble(run):
        return None
    return load_classifier(read_card(run), (run.folds or [run])[0].weights_file)


def embed(
    inspected: Iterable[tuple[InspectedPage, np.ndarray | None]], classifier: Classifier | None
) -> tuple[list[InspectedPage], Embedding | None]:
    """Go through all pages, collect them, and embed those that come with a square.

    Args:
        inspected: The pages, as ``inspect_pages`` yields them.
        classifier: The backbone; without one nothing is embedded.
    """
    if classifier is None:
        return [page for page, _ in inspected], None
    keep_freed_memory()
    device = choose_device("auto")
    classifier.to(device).eval()
    if device.type in ("cpu", "cuda"):
        classifier.to(memory_format=torch.channels_last)
    pages: list[InspectedPage] = []
    indices: list[int] = []
    points: list[np.ndarray] = []
    for batch in _batches(inspected, pages, indices):
        images = np.stack([oriented(square, classifier.card.orientation) for square in batch])
        points.append(_embed(classifier, torch.from_numpy(images).to(device)))
    if not points:
        return pages, None
    return pages, Embedding(np.concatenate(points), np.array(indices))


def _batches(
    inspected: Iterable[tuple[InspectedPage, np.ndarray | None]], pages: list[InspectedPage], indices: list[int]
) -> Iterator[list[np.ndarray]]:
    """Yield the squares in batches; all pages are added to ``pages``, and the indices of the squares to ``indices``."""
    squares: list[np.ndarray] = []
    for page, square in inspected:
        if square is not None:
            squares.append(square)
            indices.append(len(pages))
        pages.append(page)
        if len(squares) == _BATCH_SIZE:
            yield squares
            squares = []
    if squares:
        yield squares


def _embed(classifier: Classifier, images: torch.Tensor) -> np.ndarray:
    network: Any = classifier.network
    with torch.inference_mode():
        maps = network.forward_features(classifier.prepare(images))
        points: np.ndarray = network.forward_head(maps, pre_logits=True).float().cpu().numpy()
    return points
