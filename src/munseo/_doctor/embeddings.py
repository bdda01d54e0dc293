"""Pages as points: what a backbone's last layer before the head says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from munseo._doctor.issue import Sheet
from munseo._doctor.page_features import Seen
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

PACKAGED = "tf_efficientnet_lite0"
PACKAGED_PX = 224
_BATCH = 32


@dataclass(frozen=True)
class Embedding:
    """What was read of the labelled pages.

    Attributes:
        points: (N, dimensions) float32, a row a sheet of ``places``.
        places: Places of the embedded sheets in the list of all sheets.
    """

    points: np.ndarray
    places: np.ndarray


def has_packaged() -> bool:
    """Whether the packaged weights are installed."""
    return find_local(PACKAGED, True) is not None


def load_backbone(run: RunFolder | None) -> Classifier | None:
    """The packaged weights, else the run's (of the first fold in a k-fold run), else None; an ensemble has no backbone.

    The run comes second: a backbone that was trained on wrong labels has learned them by heart, and its points of these
    pages lie where the wrong labels are.
    """
    if has_packaged():
        mean, std = model_normalisation(PACKAGED)
        card = ModelCard(PACKAGED, ("0", "1"), ("0", "1"), PACKAGED_PX, mean, std)
        return build_classifier(card, True)[0]
    if run is None or is_ensemble(run):
        return None
    return load_classifier(read_card(run), (run.folds or [run])[0].weights_file)


def embed(seen: Iterable[Seen], classifier: Classifier | None) -> tuple[list[Sheet], Embedding | None]:
    """Go through all pages, keep their sheets, and embed those that come with a square."""
    if classifier is None:
        return [one.sheet for one in seen], None
    keep_freed_memory()
    device = choose_device("auto")
    classifier.to(device).eval()
    if device.type in ("cpu", "cuda"):
        classifier.to(memory_format=torch.channels_last)
    sheets: list[Sheet] = []
    places: list[int] = []
    rows: list[np.ndarray] = []
    for batch in _batches(seen, sheets, places):
        images = np.stack([oriented(square, classifier.card.orientation) for square in batch])
        rows.append(_points(classifier, torch.from_numpy(images).to(device)))
    if not rows:
        return sheets, None
    return sheets, Embedding(np.concatenate(rows), np.array(places))


def _batches(seen: Iterable[Seen], sheets: list[Sheet], places: list[int]) -> Iterator[list[np.ndarray]]:
    squares: list[np.ndarray] = []
    for one in seen:
        if one.square is not None:
            squares.append(one.square)
            places.append(len(sheets))
        sheets.append(one.sheet)
        if len(squares) == _BATCH:
            yield squares
            squares = []
    if squares:
        yield squares


def _points(classifier: Classifier, images: torch.Tensor) -> np.ndarray:
    network: Any = classifier.network
    with torch.inference_mode():
        maps = network.forward_features(classifier.prepare(images))
        points: np.ndarray = network.forward_head(maps, pre_logits=True).float().cpu().numpy()
    return points
