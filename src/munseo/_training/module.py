"""One training step and one validation step, in the order things happen."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from timm.utils.model_ema import ModelEmaV3
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from munseo._augment import draw_mix, mix_images, mix_targets
from munseo._config import Config
from munseo._data import class_weights
from munseo._errors import UserError
from munseo._model import Classifier
from munseo._prediction.loader import Batch, InferencePages, PageDataset, inference_loader
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._randomness import derived_seed, generator
from munseo._training.hardware import Forward, Machine, gather
from munseo._training.loss import SoftLoss, scaled_log_prior
from munseo._training.nan_guard import BadStep, LossWatch
from munseo._training.optimizer import (
    Schedule,
    SnapshotAverage,
    build_optimizer,
    build_schedule,
    spread_rate,
    warmup_factor,
)
from munseo._training.sampler import EpochBatches
from munseo._training.training_data import Parts
from munseo._training.training_pages import TrainingPages


class PageClassifier(pl.LightningModule):
    """Trains a classifier on one split.

    Args:
        classifier: The model, with its first weights and what is frozen of it.
        parts: Train and validation pages and the samples of an epoch.
        config: The run's configuration.
        machine: Batch sizes, workers and precision as chosen for this machine.

    Attributes:
        compiled: The model's forward for the training step, where compiling it pays.
    """

    def __init__(self, classifier: Classifier, parts: Parts, config: Config, machine: Machine) -> None:
        super().__init__()
        self.classifier = classifier
        self.ema = None if config.ema_decay is None else ModelEmaV3(classifier, config.ema_decay, use_warmup=True)
        if self.ema is not None:
            self.ema.requires_grad_(False)
        first_snapshot = config.epochs - config.snapshot_epochs
        self.snapshots = SnapshotAverage(classifier, first_snapshot) if config.snapshot_epochs else None
        self.parts, self.config, self.machine = parts, config, machine
        num_classes = classifier.card.num_classes
        weights = class_weights(parts.sample_labels, num_classes) if config.class_weighting else None
        tau = config.logit_adjustment
        self.loss = SoftLoss(
            num_classes,
            label_smoothing=config.label_smoothing,
            focal_gamma=config.focal_gamma if config.loss == "focal" else 0.0,
            class_weights=None if weights is None else torch.as_tensor(weights, dtype=torch.float32),
            log_prior=scaled_log_prior(parts.sample_labels, num_classes, tau) if tau else None,
        )
        self.plain_loss = SoftLoss(num_classes)
        self.train_metrics, self.val_metrics = EpochMetrics(num_classes, "train_"), EpochMetrics(num_classes, "val_")
        self.shifted_metrics = EpochMetrics(num_classes, "val_shifted_")
        self.schedule = Schedule(None)
        self.counts: dict[str, int] = {}
        self.used_lr = 0.0
        self.compiled: Forward | None = None
        self._watch = LossWatch()

    @property
    def evaluated(self) -> Classifier:
        """The weights that are validated and kept: the average where there is one."""
        if self.snapshots is not None and self.snapshots.holds(self.current_epoch):
            return self.snapshots.mean
        return self.classifier if self.ema is None else self.ema.module

    # Data

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of augmented pages."""
        pages = TrainingPages(self.parts.train, self.parts.samples, self.parts.plan, self.config)
        batches = EpochBatches(
            len(pages),
            self.machine.batch_size,
            self.config.random_seed,
            self.parts.sample_weights if self.config.weighted_sampler else None,
            self.trainer.global_rank,
            self.trainer.world_size,
        )
        epochs: Any = self.trainer.fit_loop.epoch_progress.current
        if epochs.ready != epochs.processed:  # an interrupted epoch goes on
            batches.start_at(epochs.processed, self.trainer.fit_loop.epoch_loop.batch_progress.current.completed)
        else:
            batches.start_at(epochs.processed, 0)
        return DataLoader(
            pages, batch_sampler=batches, persistent_workers=self.machine.num_workers > 0, **self.machine.loading
        )

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Batches of this process's share of the validation pages: as they are, then under the recipe."""
        mine = self.parts.val[self.trainer.global_rank :: self.trainer.world_size]
        size, orientation, recipe = self.config.image_size, self.config.orientation, self.parts.recipe
        sets: list[PageDataset] = [InferencePages(mine, size, orientation)]
        if recipe is not None:
            sets.append(ShiftedPages(mine, size, recipe, self.config.shifted_draws, orientation))
        return [inference_loader(pages, self.machine.val_batch_size, self.machine.num_workers) for pages in sets]

    # Training, in the order of an epoch

    def on_train_start(self) -> None:
        """Frozen layers keep their statistics."""
        for layer in self.classifier.network.modules():
            parameters = list(layer.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                layer.eval()

    def on_train_epoch_start(self) -> None:
        """Nothing of the epoch before is counted; not called where an interrupted epoch goes on."""
        names = [f"pages_{name}" for name in ("clean", *self.parts.plan.policy_names)]
        self.counts = dict.fromkeys([*names, *(f"batches_{mix}" for mix in self.parts.plan.mix_names)], 0)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Dropout and stochastic depth draw as functions of (seed, epoch, batch), too."""
        seed = derived_seed(self.config.random_seed, "torch", self.current_epoch, batch_idx, self.global_rank)
        torch.manual_seed(seed)
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        top = optimizer.param_groups[0]
        if self.global_step <= self.schedule.warmup_steps != 0:
            top["lr"] = self.config.lr * warmup_factor(self.global_step, self.schedule.warmup_steps)
        spread_rate(optimizer)
        self.used_lr = float(top["lr"])

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Loss of one batch; a loss that is not finite ends the run."""
        images = self.classifier.prepare(batch.images)  # (B, 3, S, S)
        targets = self.loss.soften(batch.labels)  # (B, K)
        images, targets = self._mix(images, targets, batch_idx)
        logits = (self.compiled or self.classifier)(images)
        loss: torch.Tensor = self.loss(logits, targets)
        self._refuse(self._watch.look(loss, batch, self.global_step))
        # Of a mixed page the class with the larger share counts.
        self.train_metrics.update(logits.detach().float(), targets.argmax(dim=1), len(targets), loss.detach())
        for policy in batch.policies.tolist():
            self.counts["pages_clean" if policy < 0 else f"pages_{self.parts.plan.policy_names[policy]}"] += 1
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """The average follows every update of the weights; after the last step of an epoch comes its snapshot."""
        if self.ema is not None:
            self.ema.update(self.classifier, self.global_step)
        if self.trainer.is_last_batch:
            self._refuse(self._watch.finish())
            if self.snapshots is not None and self.snapshots.holds(self.current_epoch):
                self.snapshots.add(self.classifier, self.current_epoch)

    # Validation

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect metrics of clean (0) or shifted (1) pages, with plain cross entropy whatever the training loss is."""
        logits = self.evaluated(self.classifier.prepare(batch.images)).float()
        loss = self.plain_loss(logits, self.plain_loss.soften(batch.labels))
        metrics = self.shifted_metrics if dataloader_idx else self.val_metrics
        metrics.update(logits, batch.labels, len(batch.labels), loss)

    def on_validation_epoch_end(self) -> None:
        """Log both sides of the epoch, before any callback looks at them, with the rate that the last step used."""
        values = {**self.train_metrics.compute(), **self.val_metrics.compute(), "lr": self.used_lr}
        if self.parts.recipe is not None:
            values |= self.shifted_metrics.compute()
        self.log_dict(values, sync_dist=False)

    def on_train_epoch_end(self) -> None:
        """A schedule that follows the monitored value is stepped here: see ``lr_scheduler_step``."""
        if self.schedule.scheduler is not None and not self.schedule.each_step:
            self.schedule.scheduler.step(self.trainer.callback_metrics[self.config.monitor])  # type: ignore[arg-type]

    # The state of an interrupted epoch

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What the epoch has counted so far, by process; a state with a bad loss in it is never written."""
        self._refuse(self._watch.finish())
        own = {"counts": dict(self.counts), "train_metrics": self.train_metrics.accumulated()}
        checkpoint["within_epoch"] = {
            "used_lr": self.used_lr,
            "processes": gather(own, self.trainer.world_size),
            "batches": {"batch_size": self.machine.batch_size, "val_batch_size": self.machine.val_batch_size},
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting where the state was saved."""
        within = checkpoint["within_epoch"]
        own = within["processes"][self.trainer.global_rank]
        self.used_lr, self.counts = within["used_lr"], own["counts"]
        self.train_metrics.go_on(own["train_metrics"])

    # Optimisation

    def configure_optimizers(self) -> Any:
        """One optimiser, one scheduler."""
        optimizer = build_optimizer(self.config, self.classifier.network, self.device.type, self.machine.precision)
        steps = -(-self.machine.batches_per_epoch // self.config.accumulate_batches)
        self.schedule = build_schedule(self.config, optimizer, steps)
        if self.schedule.scheduler is None:
            return optimizer
        interval = "step" if self.schedule.each_step else "epoch"
        scheduler = {"scheduler": self.schedule.scheduler, "interval": interval, "monitor": self.config.monitor}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule of steps; one that follows the monitored value is left to ``on_train_epoch_end``.

        Lightning would step that one after the state is saved, or not at all in an epoch that was resumed.
        """
        if self.schedule.each_step:
            scheduler.step()

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Batches are our own class."""
        return batch.to(device)

    def _mix(self, images: torch.Tensor, targets: torch.Tensor, batch_idx: int) -> tuple[torch.Tensor, torch.Tensor]:
        mixes = self.parts.plan.at(self.current_epoch).mixes
        if not mixes:
            return images, targets
        rng = generator(self.config.random_seed, f"mix-{self.trainer.global_rank}", self.current_epoch, batch_idx)
        height, width = images.shape[-2:]
        mix = draw_mix(rng, len(images), height, width, mixes, self.config.mix_probability)
        if mix is None:
            return images, targets
        self.counts[f"batches_{mix.kind}"] += 1
        return mix_images(images, mix), mix_targets(targets, mix)

    def _refuse(self, bad: BadStep | None) -> None:
        if bad is None:
            return
        pages = [self.parts.train[index].id for index in bad.batch.indices.tolist()]
        raise UserError(
            f"The loss became {bad.loss} in epoch {self.current_epoch + 1}, step {bad.step + 1}; the saved weights are "
            f"from before it. Lower lr ({self.config.lr:g}), set gradient_clip_norm=1.0, or switch mixed_precision "
            "off. Pages of this batch:",
            pages,
        )


class EpochMetrics(torch.nn.Module):
    """Loss, accuracy and macro-F1 of an epoch, kept on the device and joined over processes."""

    def __init__(self, num_classes: int, prefix: str) -> None:
        super().__init__()
        self.loss = MeanMetric()
        self.scores = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(num_classes, average="micro"),
                "macro_f1": MulticlassF1Score(num_classes, average="macro"),
            },
            compute_groups=False,  # each keeps its own state, so that it can be saved
        )
        self.prefix = prefix

    def update(self, logits: torch.Tensor, labels: torch.Tensor, num_pages: int, loss: torch.Tensor) -> None:
        """Add a batch."""
        self.loss.update(loss, weight=num_pages)
        self.scores.update(logits, labels)

    def compute(self) -> dict[str, float]:
        """Values of the epoch, by their names in ``metrics.csv``; forgets the epoch."""
        values = {"loss": self.loss.compute(), **self.scores.compute()}
        self.loss.reset()
        self.scores.reset()
        return {f"{self.prefix}{name}": float(value) for name, value in values.items()}

    def accumulated(self) -> dict[str, torch.Tensor]:
        """What was added so far, for ``go_on`` in another process."""
        return {
            f"{place}.{name}": getattr(metric, name).detach().cpu().clone()
            for place, metric in self._metrics()
            for name in metric._defaults
        }

    def go_on(self, accumulated: dict[str, torch.Tensor]) -> None:
        """Go on from what another process had added."""
        for place, metric in self._metrics():
            for name in metric._defaults:
                setattr(metric, name, accumulated[f"{place}.{name}"].to(metric.device))
            metric._update_count = 1  # torchmetrics warns of values without a batch

    def _metrics(self) -> list[tuple[str, Metric]]:
        return [(place, module) for place, module in self.named_modules() if isinstance(module, Metric)]
