"""``batch_size: auto``: the largest batch whose training step fits into the device's memory."""

from __future__ import annotations

import gc

import psutil
import torch

from munseo._console import say
from munseo._model import Classifier

MAX_BATCH = 512
"""Larger steps bring nothing on one device and hide a data set of our sizes in a handful of them."""
PROBE = 4


def largest_batch(classifier: Classifier, device: torch.device, precision_dtype: torch.dtype | None, limit: int) -> int:
    """Find the largest batch, at most ``limit`` and ``MAX_BATCH``.

    CUDA tells by an out-of-memory error whether a step fits: sizes are doubled, then bisected. Other devices swap or
    die instead of telling, so there the bytes that one page keeps for the backward pass are counted and the free
    memory is divided by them.
    """
    limit = max(2, min(limit, MAX_BATCH))
    if device.type == "cuda":
        return _by_trial(classifier, device, precision_dtype, limit)
    per_page = _saved_bytes(classifier, precision_dtype) / PROBE
    # The forward pass holds each saved tensor once; its gradient lives for a layer or two beside it.
    weights = 4 * sum(p.numel() * p.element_size() for p in classifier.parameters())
    free = psutil.virtual_memory().available - weights
    found = int(max(2, min(limit, free / (1.25 * per_page))))
    say(f"batch_size auto: {per_page / 2**20:.0f} MiB a page, {free / 2**30:.1f} GiB free: at most {found} pages")
    return found


def _step(classifier: Classifier, size: int, device: torch.device, dtype: torch.dtype | None) -> None:
    edge = classifier.card.image_size
    pages = torch.zeros(size, edge, edge, 3, dtype=torch.uint8, device=device)
    with torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        logits = classifier(classifier.prepare(pages))
    logits.float().logsumexp(dim=1).sum().backward()


def _saved_bytes(classifier: Classifier, dtype: torch.dtype | None) -> int:
    """Bytes that a step of ``PROBE`` pages keeps for its backward pass; weights are not counted."""
    own = {p.untyped_storage().data_ptr() for p in classifier.parameters()}
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _step(classifier, PROBE, torch.device("cpu"), dtype)
    classifier.zero_grad(set_to_none=True)
    classifier.load_state_dict(state)  # the probe moved the statistics of batch normalisation
    return sum(storages.values())


def _by_trial(classifier: Classifier, device: torch.device, dtype: torch.dtype | None, limit: int) -> int:
    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.to(device).train()

    def fits(size: int) -> bool:
        try:
            _step(classifier, size, device, dtype)
        except torch.cuda.OutOfMemoryError:
            return False
        finally:
            classifier.zero_grad(set_to_none=True)
            gc.collect()
            torch.cuda.empty_cache()
        return True

    low, high = 2, 4
    while high <= limit and fits(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    classifier.cpu().load_state_dict(state)
    say(f"batch_size auto: steps of up to {low} pages fit into {torch.cuda.get_device_name(device)}")
    return low
