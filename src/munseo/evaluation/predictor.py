"""Class probabilities of pages, by every road the same."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from munseo.console import track
from munseo.data import Page
from munseo.evaluation.inputs import Batch, inference_loader
from munseo.evaluation.views import VIEWS, check_views
from munseo.model import Classifier, load_classifier
from munseo.model.card import ModelCard
from munseo.run import RunFolder


@dataclass(frozen=True)
class Settings:
    """How prediction runs on this machine; none of it changes what is predicted beyond the last digits."""

    device: torch.device
    batch_size: int = 50
    num_workers: int = 0
    precision: str = "32-true"


def predict_pages(
    classifier: Classifier,
    pages: Sequence[Page],
    settings: Settings,
    views: Sequence[str] = ("identity",),
    description: str = "predicting",
) -> np.ndarray:
    """Predict pages.

    Args:
        classifier: The model; it is moved to the device and set to evaluation.
        pages: Pages whose images can be decoded.
        settings: Device, batch, workers, precision.
        views: Names of test-time views; their probabilities are averaged.
        description: What the progress bar says.

    Returns:
        Probabilities, float32 (num_pages, num_classes), a row a page in the order given.
    """
    check_views(views)
    classifier = classifier.to(settings.device).eval()
    if settings.device.type in ("cpu", "cuda"):
        classifier = classifier.to(memory_format=torch.channels_last)
    pinned = settings.device.type == "cuda"
    loader = inference_loader(
        pages, classifier.card.image_size, settings.batch_size, settings.num_workers, pin_memory=pinned
    )
    rows = np.empty((len(pages), classifier.card.num_classes), dtype=np.float32)
    done = 0
    with torch.inference_mode(), autocast(settings):
        for batch in track(loader, description):
            assert isinstance(batch, Batch)
            probabilities = _mean_probabilities(classifier, batch.images.to(settings.device, non_blocking=True), views)
            rows[done : done + len(probabilities)] = probabilities.cpu().numpy()
            done += len(probabilities)
    assert done == len(pages)
    return rows


def _mean_probabilities(classifier: Classifier, images: torch.Tensor, views: Sequence[str]) -> torch.Tensor:
    prepared = classifier.prepare(images)  # (B, 3, S, S)
    total = torch.zeros(len(images), classifier.card.num_classes, device=images.device)
    for name in views:
        total += classifier(VIEWS[name](prepared, classifier.white)).float().softmax(dim=1)
    return total / len(views)


def autocast(settings: Settings) -> AbstractContextManager[object]:
    """Mixed precision as the trainer uses it, for the same numbers outside of it."""
    if settings.precision == "32-true":
        return nullcontext()
    dtype = torch.bfloat16 if settings.precision.startswith("bf16") else torch.float16
    return torch.autocast(settings.device.type, dtype=dtype)


def choose_device(wish: str) -> torch.device:
    """The device of a configuration; ``auto`` takes CUDA, then MPS, then the CPU."""
    if wish == "auto":
        wish = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(wish)


def load_members(run: RunFolder) -> list[Classifier]:
    """The models of a run: one, or one a fold, whose probabilities are to be averaged."""
    members = run.folds or [run]
    return [
        load_classifier(
            ModelCard.from_dict(member.read_json(member.model_file), str(member.model_file)), member.weights_file
        )
        for member in members
    ]


def predict_run(
    members: Sequence[Classifier], pages: Sequence[Page], settings: Settings, views: Sequence[str]
) -> np.ndarray:
    """Mean probabilities of a run's members, float32 (num_pages, num_classes)."""
    total: np.ndarray | None = None
    for number, member in enumerate(members):
        name = "predicting" if len(members) == 1 else f"predicting, fold {number + 1} of {len(members)}"
        rows = predict_pages(member, pages, settings, views, name)
        total = rows if total is None else total + rows
    assert total is not None
    return total / np.float32(len(members))
