"""The speed of the input pipeline by itself, by number of workers, and the cost of each of its stages."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import DataLoader

from munseo._data import Page, square
from munseo._prediction.loader import Batch, collate
from munseo._training.module import PageClassifier
from munseo._training.sampler import EpochBatches
from munseo._training.training_pages import TrainingPages


def make_loader(module: PageClassifier, num_workers: int) -> tuple[DataLoader[object], EpochBatches]:
    """Return the loader of a training run with another number of workers, and its sampler."""
    pages = TrainingPages(module.split.train, module.split.samples, module.split.plan, module.config)
    batches = EpochBatches(len(pages), module.hardware.batch_size, module.config.random_seed)
    machine = replace(module.hardware, num_workers=num_workers)
    return DataLoader(pages, batch_sampler=batches, persistent_workers=num_workers > 0, **machine.loading), batches


def fixed_batch(module: PageClassifier) -> Batch:
    """Return one batch of training pages on the module's device."""
    loader, _ = make_loader(module, 0)
    batch = next(iter(loader))
    assert isinstance(batch, Batch)
    return batch.to(module.device)


def pipeline_rate(module: PageClassifier, num_workers: int, seconds: float) -> float:
    """Return the pages per second of the loader when nothing else uses the cores, without the start of the workers."""
    loader, batches = make_loader(module, num_workers)
    pages = 0
    started = None
    for epoch in itertools.count():
        batches.set_epoch(epoch)
        for batch in loader:
            if started is None:
                started = time.perf_counter()
                continue
            pages += len(batch.labels)
            if time.perf_counter() - started > seconds:
                return pages / (time.perf_counter() - started)
    raise AssertionError("epochs never end")


def stage_seconds(module: PageClassifier, num_pages: int) -> dict[str, float]:
    """Return the seconds per page of each stage of the input, measured one after another in this process."""
    split, config = module.split, module.config
    pages: Sequence[Page] = [split.train[sample.page] for sample in split.samples[:num_pages]]
    whole = TrainingPages(split.train, split.samples, split.plan, config)
    size = config.image_size
    decoding = _seconds(lambda index: square(pages[index], size), len(pages))
    item = _seconds(lambda index: whole[(0, index)], len(pages))
    items = [whole[(0, index)] for index in range(min(len(pages), module.hardware.batch_size))]
    batch = collate(items)
    collating = _seconds(lambda _: collate(items), 5) / len(items)

    def copy(_: int) -> None:
        module.classifier.prepare(batch.to(module.device).images)
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)

    copying = _seconds(copy, 5) / len(items)
    return {"decode": decoding, "augment": max(0.0, item - decoding), "collate": collating, "copy": copying}


def _seconds(work: Callable[[int], object], num_calls: int) -> float:
    """Return the median seconds of a number of calls, after one that is not counted."""
    work(0)
    seconds = []
    for index in range(num_calls):
        started = time.perf_counter()
        work(index)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))
