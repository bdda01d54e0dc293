"""Class probabilities of pages by one model or by the models of a run; every caller computes them in this way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from munseo._console import track
from munseo._data import Page
from munseo._engines.backends import load_backend
from munseo._model import Classifier, ModelCard
from munseo._prediction.device import InferenceSetup, autocast
from munseo._prediction.loader import Batch, DecodedPage, InferencePages, PageDataset, inference_loader
from munseo._prediction.overlapped import can_overlap, engine_batch, is_batch_invariant, predict_overlapped
from munseo._prediction.tta import check_views, mean_probabilities
from munseo._run import RunFolder


def predict_pages(
    classifier: Classifier,
    pages: Sequence[Page | DecodedPage],
    setup: InferenceSetup,
    views: Sequence[str] = ("identity",),
    description: str = "predicting",
) -> np.ndarray:
    """Predict pages whose images can be decoded, or have been, by the mean of views in the card's space.

    The classifier is moved to the device and set to evaluation. ``description`` is the text of the progress bar.

    Returns:
        Probabilities, float32 (num_pages, num_classes), one row per page in the order given.
    """
    dataset = InferencePages(pages, classifier.card.image_size, classifier.card.orientation)
    if all(isinstance(page, DecodedPage) for page in pages):
        setup = replace(setup, num_workers=0)  # nothing is left to decode; workers would only cost their start
    return predict_dataset(classifier, dataset, setup, views, description)


def predict_dataset(
    classifier: Classifier,
    pages: PageDataset,
    setup: InferenceSetup,
    views: Sequence[str] = ("identity",),
    description: str = "predicting",
) -> np.ndarray:
    """Predict the pages of a dataset as ``predict_pages`` does, float32 (len(pages), num_classes)."""
    check_views(views)
    if can_overlap(classifier, setup):
        return predict_overlapped(classifier, pages, setup, views, description)
    rows = np.empty((len(pages), classifier.card.num_classes), dtype=np.float32)
    for span, images in _batches(classifier, pages, setup, description):
        probabilities = mean_probabilities(classifier, images, views, classifier.card.tta_space)
        rows[span] = probabilities[: len(rows[span])].cpu().numpy()
    return rows


def _batches(
    classifier: Classifier, pages: PageDataset, setup: InferenceSetup, description: str
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield the rows of a batch and its images, uint8 (B, S, S, 3) on the device, with everything set for prediction.

    Torch chooses its algorithms by the shape of a batch, and they differ in the last bits. So every batch that torch
    gets has one shape, filled up where pages are missing, and a page's probabilities do not depend on what comes with
    it. OpenVINO computes page by page. ONNX Runtime gets batches where its export was measured to give the same bits.
    """
    place(classifier, setup)
    loader = inference_loader(pages, setup.batch_size, setup.num_workers, pin_memory=setup.device.type == "cuda")
    start = 0
    with torch.inference_mode(), autocast(setup.precision, setup.device):
        for batch in track(loader, description):
            assert isinstance(batch, Batch)
            loaded = batch.images.to(setup.device, non_blocking=True)
            size = images_at_once(classifier, setup)
            for images in torch.split(loaded, size):
                yield slice(start, start + len(images)), filled(classifier, images, size)
                start += len(images)
    assert start == len(pages)


def place(classifier: Classifier, setup: InferenceSetup) -> None:
    """Move a classifier to the device, in the memory layout that is the fastest there, and set it to evaluation."""
    classifier.to(setup.device).eval()
    if setup.device.type in ("cpu", "cuda"):
        classifier.to(memory_format=torch.channels_last)


def images_at_once(classifier: Classifier, setup: InferenceSetup) -> int:
    """Return the number of images that the network gets at once."""
    if setup.device.type != "cpu":
        return setup.batch_size
    return engine_batch(setup) if is_batch_invariant(classifier) else min(setup.batch_size, setup.images_at_once)


def filled(classifier: Classifier, images: torch.Tensor, size: int) -> torch.Tensor:
    """Return a batch of this size, with blank pages at the end, unless each page is computed by itself."""
    missing = 0 if is_batch_invariant(classifier) else size - len(images)
    return torch.cat([images, images.new_full((missing, *images.shape[1:]), 255)]) if missing else images


def read_card(run: RunFolder) -> ModelCard:
    """Read the card next to a run's weights; a k-fold run gives that of its first fold."""
    file = (run.folds or [run])[0].model_file
    return ModelCard.from_dict(run.read_json(file), str(file))


def load_members(run: RunFolder, backend: str = "torch") -> list[Classifier]:
    """Load the models of a run, one or one for each fold, which are to be averaged; ``backend`` runs their networks."""
    return [load_backend(member, read_card(member), backend) for member in run.folds or [run]]


def predict_run(
    members: Sequence[Classifier], pages: Sequence[Page | DecodedPage], setup: InferenceSetup, views: Sequence[str]
) -> np.ndarray:
    """Average the probabilities of a run's models, float32 (num_pages, num_classes)."""
    total: np.ndarray | None = None
    for number, member in enumerate(members):
        name = "predicting" if len(members) == 1 else f"predicting, fold {number + 1} of {len(members)}"
        rows = predict_pages(member, pages, setup, views, name)
        total = rows if total is None else total + rows
    assert total is not None
    return total / np.float32(len(members))
