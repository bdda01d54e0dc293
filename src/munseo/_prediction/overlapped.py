"""Prediction by an engine on the processor: pages are decoded and seen while the engine computes others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from munseo._console import track
from munseo._model import Classifier
from munseo._prediction.device import InferenceSetup
from munseo._prediction.loader import PageDataset, collate
from munseo._prediction.tta import mean_probabilities

BATCHES_AT_ONCE = 2
"""While one batch is in the engine, the other is decoded and normalised. A third would only take memory."""

LEAST_BATCH = 8
"""Pages of a batch where there are few cores; with many, it has two for each core, so that every core has work."""


def can_overlap(classifier: Classifier, setup: InferenceSetup) -> bool:
    """Return whether a network may be called by several threads at once, and its batches may have any length."""
    return setup.device.type == "cpu" and is_batch_invariant(classifier)


def is_batch_invariant(classifier: Classifier) -> bool:
    """Return whether an engine runs the network and gives a page the same bits in every batch."""
    return bool(getattr(classifier.network, "is_batch_invariant", False))


def engine_batch(setup: InferenceSetup) -> int:
    """Return the number of images that an engine gets at once: enough for every core, and little memory."""
    return min(setup.batch_size, max(LEAST_BATCH, 2 * torch.get_num_threads()))


def predict_overlapped(
    classifier: Classifier, pages: PageDataset, setup: InferenceSetup, views: Sequence[str], description: str
) -> np.ndarray:
    """Average the probabilities of pages over views, float32 (len(pages), num_classes).

    Batches are small, whatever ``setup`` says: the engine computes page by page, and large ones would only take memory.
    """
    size = engine_batch(setup)

    def predicted(start: int) -> np.ndarray:
        images = collate([pages[index] for index in range(start, min(start + size, len(pages)))]).images
        with torch.inference_mode():
            return mean_probabilities(classifier, images, views, classifier.card.tta_space).numpy()

    rows = np.empty((len(pages), classifier.card.num_classes), dtype=np.float32)
    starts = range(0, len(pages), size)
    classifier.eval()
    pool = ThreadPoolExecutor(BATCHES_AT_ONCE)
    try:
        for start, found in zip(starts, track(pool.map(predicted, starts), description, len(starts)), strict=True):
            rows[start : start + len(found)] = found
    finally:
        pool.shutdown(cancel_futures=True)
    return rows
