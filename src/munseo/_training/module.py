"""The training step and the validation step of a run, in the order in which things happen."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from timm.utils.model_ema import ModelEmaV3
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from munseo._augment import draw_mix, mix_images, mix_targets
from munseo._config import Config
from munseo._errors import UserError
from munseo._model import Classifier, hold_frozen_statistics
from munseo._prediction.device import IMAGES_AT_ONCE
from munseo._prediction.loader import Batch, InferencePages, PageDataset, inference_loader
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._randomness import derived_seed, generator
from munseo._training.epoch_loader import EpochLoader
from munseo._training.epoch_outputs import EpochOutputsCollector
from munseo._training.hardware import Forward, Hardware, gather
from munseo._training.loss import SoftLoss, build_loss
from munseo._training.optimizer import (
    Schedule,
    SnapshotAverage,
    build_optimizer,
    build_schedule,
    spread_rate,
    warmup_factor,
)
from munseo._training.sampler import EpochBatches, sample_weights
from munseo._training.training_data import Split
from munseo._training.training_pages import TrainingPages


class PageClassifier(pl.LightningModule):
    """Trains a classifier, which has its first weights, on one split; frozen parameters need no gradient.

    ``counts`` are pages by policy, and batches by mix, of the current epoch; ``used_lr`` is the rate of the last step.
    """

    def __init__(self, classifier: Classifier, split: Split, config: Config, hardware: Hardware) -> None:
        super().__init__()
        self.classifier = classifier
        self.split, self.config, self.hardware = split, config, hardware
        # Weight averages
        self.ema = None if config.ema_decay is None else ModelEmaV3(classifier, config.ema_decay, use_warmup=True)
        if self.ema is not None:
            self.ema.requires_grad_(False)
        first_snapshot = config.epochs - config.snapshot_epochs
        self.snapshots = SnapshotAverage(classifier, first_snapshot) if config.snapshot_epochs else None
        # Losses and metrics
        num_classes = classifier.card.num_classes
        self.loss = build_loss(config, split.sample_labels, num_classes)
        self.plain_loss = SoftLoss(num_classes)
        self.train_metrics, self.val_metrics = EpochMetrics(num_classes, "train_"), EpochMetrics(num_classes, "val_")
        self.shifted_metrics = EpochMetrics(num_classes, "val_shifted_")
        self.epoch_outputs = EpochOutputsCollector(with_losses=config.monitor.endswith("loss"))
        # What changes from step to step
        self.schedule = Schedule(None)
        self.counts: dict[str, int] = {}
        self.used_lr = 0.0
        self._num_accumulated = config.accumulate_batches  # batches of the current step
        self.compiled: Forward | None = None
        self.continuations = 0  # how often more epochs than planned were asked for
        self._watch = LossWatch()

    @property
    def evaluated(self) -> Classifier:
        """The model whose weights are validated and kept: the average if there is one."""
        if self.snapshots is not None and self.snapshots.holds(self.current_epoch):
            return self.snapshots.mean
        return self.classifier if self.ema is None else self.ema.module

    # Data

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of augmented pages; it starts within the epoch if that was interrupted."""
        pages = TrainingPages(self.split.train, self.split.samples, self.split.plan, self.config)
        batches = EpochBatches(
            len(pages),
            self.hardware.batch_size,
            self.config.random_seed,
            sample_weights(self.config, self.split.sample_labels),
            self.trainer.global_rank,
            self.trainer.world_size,
        )
        epochs: Any = self.trainer.fit_loop.epoch_progress.current
        # Lightning counts an epoch as ready when it begins and as processed when its batches are done. The two differ
        # here only after a state from within an epoch was loaded: the loader is built before the next epoch begins.
        done = self.trainer.fit_loop.epoch_loop.batch_progress.current.completed
        batches.start_at(epochs.processed, 0 if epochs.ready == epochs.processed else done)
        return EpochLoader(pages, batches, self.config.epochs, **self.hardware.loading)

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Return loaders of this process's validation pages: as they are, and damaged by the recipe."""
        mine = self.split.val[self.trainer.global_rank :: self.trainer.world_size]
        size, orientation, recipe = self.config.image_size, self.config.orientation, self.split.recipe
        sets: list[PageDataset] = [InferencePages(mine, size, orientation)]
        if recipe is not None:
            sets.append(ShiftedPages(mine, size, recipe, self.config.shifted_draws, orientation))
        hardware, pin = self.hardware, self.hardware.device.type == "cuda"
        return [
            inference_loader(pages, hardware.val_batch_size, hardware.num_workers, pin, keep_workers=True)
            for pages in sets
        ]

    # Training, in the order of an epoch

    def on_train_start(self) -> None:
        """Let frozen layers keep the statistics of their batch normalisation."""
        hold_frozen_statistics(self.classifier.network)

    def on_train_epoch_start(self) -> None:
        """Forget the counts of the previous epoch; this is not called when an interrupted epoch goes on."""
        names = [f"pages_{name}" for name in ("clean", *self.split.plan.policy_names)]
        self.counts = dict.fromkeys([*names, *(f"batches_{mix}" for mix in self.split.plan.mix_names)], 0)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed torch for dropout and stochastic depth from (seed, epoch, batch), and set the rate of the step."""
        seed = derived_seed(self.config.random_seed, "torch", self.current_epoch, batch_idx, self.global_rank)
        torch.manual_seed(seed)
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        top = optimizer.param_groups[0]
        if self.global_step <= self.schedule.warmup_steps != 0:
            top["lr"] = self.config.lr * warmup_factor(self.global_step, self.schedule.warmup_steps)
        spread_rate(optimizer)
        self.used_lr = float(top["lr"])

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Compute the loss of one batch; a loss that is not finite ends the run."""
        first = batch_idx - batch_idx % self.config.accumulate_batches
        self._num_accumulated = min(self.config.accumulate_batches, self.hardware.batches_per_epoch - first)
        images = self.classifier.prepare(batch.images)  # (B, 3, S, S)
        targets = self.loss.one_hot(batch.labels)  # (B, K)
        images, targets = self._mix(images, targets, batch_idx)
        logits = (self.compiled or self.classifier)(images)
        loss: torch.Tensor = self.loss(logits, targets)
        self._raise_if_bad(self._watch.look(loss, batch, self.global_step))
        # A mixed page counts as a page of the class with the larger weight.
        self.train_metrics.update(logits.detach().float(), targets.argmax(dim=1), len(targets), loss.detach())
        for policy in batch.policies.tolist():
            self.counts["pages_clean" if policy < 0 else f"pages_{self.split.plan.policy_names[policy]}"] += 1
        return loss

    def backward(self, loss: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradient; Lightning has divided the loss by ``accumulate_batches``.

        The last step of an epoch may have fewer batches, so that its gradient would be too small.
        """
        planned, real = self.config.accumulate_batches, self._num_accumulated
        super().backward(loss if real == planned else loss * (planned / real), *args, **kwargs)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Update the moving average after every step, and take a snapshot after the last step of an epoch."""
        steps_here = (batch_idx + 1) % self.config.accumulate_batches == 0 or self.trainer.is_last_batch
        if self.ema is not None and steps_here:
            self.ema.update(self.classifier, self.global_step)
        if self.trainer.is_last_batch:
            self._raise_if_bad(self._watch.finish())
            if self.snapshots is not None and self.snapshots.holds(self.current_epoch):
                self.snapshots.add(self.classifier, self.current_epoch)

    # Validation

    def on_validation_epoch_start(self) -> None:
        """Forget the outputs of an earlier validation."""
        self.epoch_outputs.start()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect metrics of clean (0) or shifted (1) pages, with plain cross entropy whatever the training loss is."""
        images = self.classifier.prepare(batch.images)
        # On a processor the activations of a few images stay in its caches: a quarter to a third of the time less.
        size = IMAGES_AT_ONCE if images.device.type == "cpu" else len(images)
        with self._inference_precision():
            logits = torch.cat([self.evaluated(part).float() for part in torch.split(images, size)])
        loss = self.plain_loss(logits, self.plain_loss.one_hot(batch.labels))
        metrics = self.shifted_metrics if dataloader_idx else self.val_metrics
        metrics.update(logits, batch.labels, len(batch.labels), loss)
        self.epoch_outputs.add(dataloader_idx, logits, batch.labels)

    def _inference_precision(self) -> AbstractContextManager[object]:
        """Return the context that undoes the trainer's mixed precision where predictions do without it."""
        if self.hardware.settings.precision == self.hardware.precision:
            return nullcontext()
        return torch.autocast(self.device.type, enabled=False)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of training and validation and the last rate, before any callback looks at them."""
        values = {**self.train_metrics.compute(), **self.val_metrics.compute(), "lr": self.used_lr}
        if self.split.recipe is not None:
            values |= self.shifted_metrics.compute()
        self.log_dict(values, sync_dist=False)

    def on_train_epoch_end(self) -> None:
        """Step a schedule that follows the monitored value: see ``lr_scheduler_step``."""
        if self.schedule.scheduler is not None and not self.schedule.each_step:
            self.schedule.scheduler.step(self.trainer.callback_metrics[self.config.monitor])  # type: ignore[arg-type]

    # The state of an interrupted epoch

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save what each process has counted in the epoch so far; a state with a bad loss in it is never written."""
        self._raise_if_bad(self._watch.finish())
        counted = {"counts": dict(self.counts), "train_metrics": self.train_metrics.accumulated()}
        checkpoint["within_epoch"] = {
            "used_lr": self.used_lr,
            "processes": gather(counted, self.trainer.world_size),
            "continuations": self.continuations,
            "batches": {"batch_size": self.hardware.batch_size, "val_batch_size": self.hardware.val_batch_size},
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting where the state was saved."""
        within = checkpoint["within_epoch"]
        counted = within["processes"][self.trainer.global_rank]
        self.used_lr, self.counts = within["used_lr"], counted["counts"]
        self.train_metrics.restore(counted["train_metrics"])

    # Optimisation

    def build_optimizer(self) -> tuple[torch.optim.Optimizer, Schedule]:
        """Build the optimiser and its schedule, both before their first step."""
        optimizer = build_optimizer(self.config, self.classifier.network, self.device.type, self.hardware.precision)
        steps = -(-self.hardware.batches_per_epoch // self.config.accumulate_batches)
        return optimizer, build_schedule(self.config, optimizer, steps)

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its scheduler."""
        optimizer, self.schedule = self.build_optimizer()
        if self.schedule.scheduler is None:
            return optimizer
        interval = "step" if self.schedule.each_step else "epoch"
        scheduler = {"scheduler": self.schedule.scheduler, "interval": interval, "monitor": self.config.monitor}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule after every step; one that follows the monitored value is left to ``on_train_epoch_end``.

        Lightning would step that one after the state is saved, or not at all in an epoch that was resumed.
        """
        if self.schedule.each_step:
            scheduler.step()

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch to the device; Lightning cannot move our ``Batch`` class itself."""
        return batch.to(device)

    def _mix(self, images: torch.Tensor, targets: torch.Tensor, batch_idx: int) -> tuple[torch.Tensor, torch.Tensor]:
        mixes = self.split.plan.at(self.current_epoch).mixes
        if not mixes:
            return images, targets
        rng = generator(self.config.random_seed, f"mix-{self.trainer.global_rank}", self.current_epoch, batch_idx)
        height, width = images.shape[-2:]
        mix = draw_mix(rng, len(images), height, width, mixes, self.config.mix_probability)
        if mix is None:
            return images, targets
        self.counts[f"batches_{mix.kind}"] += 1
        return mix_images(images, mix), mix_targets(targets, mix)

    def _raise_if_bad(self, bad: BadStep | None) -> None:
        if bad is None:
            return
        pages = [self.split.train[index].id for index in bad.batch.indices.tolist()]
        raise UserError(
            f"The loss became {bad.loss} in epoch {self.current_epoch + 1}, step {bad.step + 1}; the saved weights are "
            f"from before it. Lower lr ({self.config.lr:g}), set gradient_clip_norm=1.0, or switch mixed_precision "
            "off. Pages of this batch:",
            pages,
        )


class EpochMetrics(torch.nn.Module):
    """Loss, accuracy and macro-F1 of an epoch; they are kept on the device and joined over processes.

    Their names in ``metrics.csv`` begin with ``prefix``.
    """

    def __init__(self, num_classes: int, prefix: str) -> None:
        super().__init__()
        self.loss = MeanMetric()
        self.scores = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(num_classes, average="micro"),
                "macro_f1": MulticlassF1Score(num_classes, average="macro"),
            },
            compute_groups=False,  # Each keeps its own state, so that it can be saved.
        )
        self.prefix = prefix

    def update(self, logits: torch.Tensor, labels: torch.Tensor, num_pages: int, loss: torch.Tensor) -> None:
        """Add a batch."""
        self.loss.update(loss, weight=num_pages)
        self.scores.update(logits, labels)

    def compute(self) -> dict[str, float]:
        """Return the values of the epoch by their names in ``metrics.csv``, and forget the epoch."""
        values = {"loss": self.loss.compute(), **self.scores.compute()}
        self.loss.reset()
        self.scores.reset()
        return {f"{self.prefix}{name}": float(value) for name, value in values.items()}

    def accumulated(self) -> dict[str, torch.Tensor]:
        """Return what was added so far, for ``restore`` in another process."""
        return {
            f"{path}.{name}": getattr(metric, name).detach().cpu().clone()
            for path, metric in self._metrics()
            for name in metric._defaults
        }

    def restore(self, accumulated: dict[str, torch.Tensor]) -> None:
        """Continue from what another process had added."""
        for path, metric in self._metrics():
            for name in metric._defaults:
                setattr(metric, name, accumulated[f"{path}.{name}"].to(metric.device))
            metric._update_count = 1  # Otherwise torchmetrics warns of values without a batch.

    def _metrics(self) -> list[tuple[str, Metric]]:
        return [(path, module) for path, module in self.named_modules() if isinstance(module, Metric)]


@dataclass(frozen=True)
class BadStep:
    """A step, counted from 0, whose loss is infinite or not a number."""

    loss: float
    batch: Batch
    step: int


class LossWatch:
    """Checks every loss: at once on a CPU, a step later on a GPU.

    Reading a value from a GPU waits until all work that was given to it is done, and leaves it idle until the next step
    is prepared. So there the loss is copied in the background, and read when the next step begins. The state on disk
    is then still that of an earlier step.
    """

    def __init__(self) -> None:
        self._waiting: tuple[torch.Tensor, torch.cuda.Event, Batch, int] | None = None

    def look(self, loss: torch.Tensor, batch: Batch, step: int) -> BadStep | None:
        """Check the scalar loss of this step or, on a GPU, that of the previous one; return the step if it is bad."""
        if loss.device.type != "cuda":
            return self._judge(loss.detach(), batch, step)
        previous = self.finish()
        copied = torch.empty((), dtype=loss.dtype, pin_memory=True)
        copied.copy_(loss.detach(), non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._waiting = copied, event, batch, step
        return previous

    def finish(self) -> BadStep | None:
        """Check a loss that was not read yet; this is called when an epoch ends and before the state is saved."""
        if self._waiting is None:
            return None
        copied, event, batch, step = self._waiting
        self._waiting = None
        event.synchronize()
        return self._judge(copied, batch, step)

    @staticmethod
    def _judge(loss: torch.Tensor, batch: Batch, step: int) -> BadStep | None:
        value = float(loss)
        return None if abs(value) < float("inf") else BadStep(value, batch, step)
