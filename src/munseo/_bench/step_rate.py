"""The speed of training: the bare step of the model, and the step of a run, which is fed by the input pipeline."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytorch_lightning as pl
import torch

from munseo._console import hush
from munseo._prediction.device import autocast
from munseo._prediction.loader import Batch
from munseo._training.hardware import cluster_environment
from munseo._training.module import PageClassifier
from munseo._training.optimizer import build_optimizer

WARM_UP = 3
"""Number of first steps that are not timed: they choose kernels and allocate memory."""


class BareStep:
    """Forward, loss, backward and optimiser on one batch that stays on the module's device; the weights change."""

    def __init__(self, module: PageClassifier, batch: Batch) -> None:
        self.module, self.batch = module, batch
        self.images = module.classifier.prepare(batch.images)  # (B, 3, S, S)
        self.targets = module.loss.one_hot(batch.labels)
        device = self.images.device
        self.optimizer = build_optimizer(
            module.config, module.classifier.network, device.type, module.hardware.precision
        )
        self.clip = module.config.gradient_clip_norm

    def __call__(self) -> tuple[float, float, float]:
        """Do one step, and return the seconds of forward, backward and optimiser."""
        device = self.images.device
        self.module.train()
        marks = [_now(device)]
        with autocast(self.module.hardware.precision, device):
            logits = (self.module.compiled or self.module.classifier)(self.images)
            loss: torch.Tensor = self.module.loss(logits, self.targets)
        marks.append(_now(device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        marks.append(_now(device))
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.module.classifier.parameters(), self.clip)
        self.optimizer.step()
        marks.append(_now(device))
        forward, backward, step = (after - before for before, after in itertools.pairwise(marks))
        return forward, backward, step

    def rate(self, num_steps: int) -> float:
        """Return the pages per second over some steps."""
        self.module.to(self.images.device)  # Lightning takes a model off the GPU when it is done with it
        for _ in range(WARM_UP):
            self()
        started = _now(self.images.device)
        for _ in range(num_steps):
            self()
        return num_steps * len(self.images) / (_now(self.images.device) - started)


def training_rate(module: PageClassifier, num_steps: int) -> float:
    """Return the pages per second of training as ``munseo train`` does it, without validation; the weights change."""
    hush("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
    clock = _Clock()
    trainer = pl.Trainer(
        max_steps=WARM_UP + num_steps,
        accelerator={"cuda": "gpu"}.get(module.hardware.device.type, module.hardware.device.type),
        devices=1,
        plugins=[cluster_environment()],
        precision=module.hardware.precision,  # type: ignore[arg-type]
        gradient_clip_val=module.config.gradient_clip_norm,
        callbacks=[clock],
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(module)
    return clock.rate()


class _Clock(pl.Callback):
    """Records the end of every step and its number of pages."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.pages: list[int] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.ends.append(time.perf_counter())
        self.pages.append(len(batch.labels))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A GPU is still busy with the last steps when they have been submitted.
        self.ends[-1] = _now(pl_module.device)

    def rate(self) -> float:
        return sum(self.pages[WARM_UP:]) / (self.ends[-1] - self.ends[WARM_UP - 1])


def _now(device: torch.device) -> float:
    """Wait until the device has finished its work, and return the time in seconds."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
