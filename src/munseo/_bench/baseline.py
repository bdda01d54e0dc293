"""A baseline for training: what a script does that follows a tutorial.

Every page is decoded in each epoch, augmented in its full size and resized last; the model has torch's default memory
layout, its optimiser is not fused, and freed memory goes back to the kernel. Model, augmentation, batch and number of
threads are the same.
"""

from __future__ import annotations

import copy
import itertools
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from munseo._bench.step_rate import WARM_UP
from munseo._data import decode, letterbox
from munseo._memory import freed_memory_returned
from munseo._randomness import generator
from munseo._training.module import PageClassifier


class _BaselinePages(Dataset[tuple[np.ndarray, int]]):
    """Decodes, augments, resizes and normalises page by page, to floats (3, S, S)."""

    def __init__(self, module: PageClassifier) -> None:
        self.split, self.config, card = module.split, module.config, module.classifier.card
        self.augmenter = self.split.plan.augmenters(self.split.plan.at(0))[-1]
        self.mean = np.asarray(card.norm_mean, np.float32)
        self.std = np.asarray(card.norm_std, np.float32)

    def __len__(self) -> int:
        return len(self.split.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        page = self.split.train[self.split.samples[index].page]
        image, _ = self.augmenter(decode(page.path), generator(self.config.random_seed, "usual", index))
        square = letterbox(image, self.config.image_size)
        assert page.label is not None
        return ((square.astype(np.float32) / 255 - self.mean) / self.std).transpose(2, 0, 1), page.label


def baseline_rate(module: PageClassifier, num_steps: int, num_workers: int) -> float:
    """Return the pages per second of the baseline, in 32 bits, on a copy of the model."""
    with freed_memory_returned():
        return _rate(module, num_steps, num_workers)


def _rate(module: PageClassifier, num_steps: int, num_workers: int) -> float:
    device = module.device
    network = copy.deepcopy(module.classifier.network).to(memory_format=torch.contiguous_format).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=module.config.lr, foreach=False)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=module.config.label_smoothing)
    loader = DataLoader(
        _BaselinePages(module), module.hardware.batch_size, shuffle=True, num_workers=num_workers, drop_last=True
    )
    started = time.perf_counter()
    endless = itertools.chain.from_iterable(itertools.repeat(loader))
    for step, (images, labels) in enumerate(endless, start=1):
        optimizer.zero_grad()
        loss = loss_of(network(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
        loss.item()
        if step == WARM_UP:
            started = time.perf_counter()
        if step == WARM_UP + num_steps:
            return num_steps * module.hardware.batch_size / (time.perf_counter() - started)
    raise AssertionError("the loader has no full batch")
