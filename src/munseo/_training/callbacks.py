"""Callbacks that write metrics, times and the best weights into the run folder during training, and print progress."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from munseo._config import Config
from munseo._console import progress_bar, say
from munseo._run import METRICS, RunFolder
from munseo._run.atomic import replacing
from munseo._run.records import Course
from munseo._training.epoch_outputs import EpochOutputs, epoch_table
from munseo._training.module import PageClassifier
from munseo._training.stop_rules import EndReason


class Recorder(pl.Callback):
    """Writes a row of metrics after every epoch, then the weights if they are the best so far.

    ``StateSaver`` comes next. A kill between these writes costs nothing: the state is still that of a moment before the
    end of the epoch, which is done again with the same numbers.

    ``rows`` has the metrics of every epoch that was done, and ``epochs`` what its validation pages were taken for.
    ``best_epoch`` is the index of the best one by the configuration's ``monitor``, or -1 before the first epoch ends.
    ``stopped`` is set when training is over.
    """

    def __init__(self, run: RunFolder, config: Config) -> None:
        self.run = run
        self.config = config
        self.rows: list[dict[str, float]] = []
        self.epochs: list[EpochOutputs] = []
        self.best_epoch = -1
        self.best_snapshots = 0  # the number of snapshots that the weights of the best epoch are the mean of
        self.lr_first = self.lr_max = 0.0
        self.stopped = False
        self._started = time.monotonic()
        self._seconds_before = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return plain values only, since the state is read back without unpickling."""
        names = ("rows", "best_epoch", "best_snapshots", "lr_first", "lr_max", "stopped")
        outputs = [(epoch.predicted, epoch.losses) for epoch in self.epochs]
        state = {name: getattr(self, name) for name in names}
        return {**state, "epochs": outputs, "seconds": time.monotonic() - self._started}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the state was saved."""
        state = dict(state_dict)
        self._seconds_before = state.pop("seconds")
        # States of earlier versions lack these two.
        self.best_snapshots = self._num_snapshots(state["best_epoch"])
        self.epochs = [EpochOutputs(*outputs) for outputs in state.pop("epochs", [])]
        for name, value in state.items():
            setattr(self, name, value)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let the clock of an interrupted epoch go on."""
        self._started = time.monotonic() - self._seconds_before

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of the epoch."""
        self._started = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the rate that the step really used."""
        assert isinstance(pl_module, PageClassifier)
        if trainer.current_epoch == 0 and batch_idx == 0:
            self.lr_first = pl_module.used_lr
        self.lr_max = max(self.lr_max, pl_module.used_lr)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the metrics of the epoch, and its weights if they are the best."""
        assert isinstance(pl_module, PageClassifier)
        counts = {
            name: int(trainer.strategy.reduce(torch.tensor(float(count)), reduce_op="sum"))
            for name, count in pl_module.counts.items()
        }
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row: dict[str, float] = {"epoch": trainer.current_epoch, "lr": pl_module.used_lr}
        row |= {name: values[name] for name in METRICS if name in values} | counts
        self.rows.append(row)
        self.epochs.append(pl_module.epoch_outputs.finish(len(pl_module.split.val), trainer.world_size))
        improved = self.best_epoch < 0 or self._is_better(row, self.rows[self.best_epoch])
        if improved:
            self.best_epoch = len(self.rows) - 1
            self.best_snapshots = self._num_snapshots(self.best_epoch)
        if trainer.is_global_zero:
            self.run.write_table(self.run.metrics_file, pd.DataFrame(self.rows))
            self._write_timing()
            if improved:
                save_weights(pl_module.evaluated.network, self.run.weights_file)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note that nothing is left to train, and write what the validation pages were taken for in each epoch."""
        self.stopped = True
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, PageClassifier)
        file = self.run.epoch_predictions_file
        if len(self.epochs) == len(self.rows):
            self.run.write_table(file, epoch_table(pl_module.split.val, self.epochs))
        else:  # The run was begun by an earlier version, which did not keep them.
            file.unlink(missing_ok=True)

    def _num_snapshots(self, epoch: int) -> int:
        """Return the number of snapshots at the end of an epoch."""
        return max(0, epoch + 1 - (self.config.epochs - self.config.snapshot_epochs))

    def _is_better(self, row: dict[str, float], best: dict[str, float]) -> bool:
        new, old = row[self.config.monitor], best[self.config.monitor]
        return new < old if self.config.monitor_mode == "min" else new > old

    def _write_timing(self) -> None:
        """Write the seconds of the epoch. They have their own file, since the metrics of equal runs are equal."""
        file = self.run.timing_file
        table = pd.read_csv(file).to_dict("records") if file.exists() else []
        kept = [row for row in table if row["epoch"] < len(self.rows) - 1]
        kept.append({"epoch": len(self.rows) - 1, "seconds": round(time.monotonic() - self._started, 3)})
        self.run.write_table(file, pd.DataFrame(kept))

    def describe_course(self, reason: EndReason) -> Course:
        """Return the manifest's ``course`` entry: how training went, and why it ended."""
        counted = sorted({name for row in self.rows for name in row if name.startswith(("pages_", "batches_"))})
        totals = {name: int(sum(row.get(name, 0) for row in self.rows)) for name in counted}
        seconds = pd.read_csv(self.run.timing_file)["seconds"].sum()
        return Course(
            epochs_done=len(self.rows),
            epochs_planned=self.config.epochs,
            best_epoch=self.best_epoch,
            monitor=self.config.monitor,
            best_value=self.rows[self.best_epoch][self.config.monitor],
            stopped=reason.value,
            seconds=round(float(seconds), 1),
            augmented_pages={n.removeprefix("pages_"): c for n, c in totals.items() if n.startswith("pages_")},
            mixed_batches={n.removeprefix("batches_"): c for n, c in totals.items() if n.startswith("batches_")},
        )

    def describe_effective(self, module: PageClassifier) -> dict[str, Any]:
        """Return the manifest's ``effective`` entry: the settings that were really used."""
        hardware, plan = module.hardware, module.split.plan
        chosen = ("precision", "batch_size", "val_batch_size", "num_workers", "num_threads")
        return {name: getattr(hardware, name) for name in chosen} | {
            "channels_last": self.config.channels_last,
            "steps_per_epoch": hardware.batches_per_epoch,
            "num_samples": len(module.split.samples),
            "policies": list(plan.policy_names),
            "mixes": list(plan.mix_names),
            "snapshots": self.best_snapshots,
            "lr_configured": self.config.lr,
            "lr_first": self.lr_first,
            "lr_max": self.lr_max,
            "lr_last": self.rows[-1]["lr"],
        }


def save_weights(network: torch.nn.Module, file: Path) -> None:
    """Write the state dict of a network as safetensors.

    Raises:
        OSError: The file cannot be written.
    """
    state = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    with replacing(file, sum(tensor.nbytes for tensor in state.values())) as temporary:
        try:
            save_file(state, temporary)
        except SafetensorError as error:
            # safetensors gives the number of the system's error only within its message.
            number = re.search(r"\(os error (\d+)\)", str(error))
            if number is None:
                raise
            raise OSError(int(number[1]), str(error)) from None


class Progress(pl.Callback):
    """Shows a bar within the epoch, and prints a line for every finished one."""

    def __init__(self) -> None:
        self._bar = progress_bar()
        self._note = ""
        self._started = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar where an interrupted epoch goes on."""
        if trainer.fit_loop.restarted_mid_epoch:
            self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar."""
        self._started = time.monotonic()
        self._bar = progress_bar()
        self._bar.start()
        name = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        loop = trainer.fit_loop
        done = loop.epoch_loop.batch_progress.current.completed if loop.restarted_mid_epoch else 0
        self._bar.add_task(name, total=int(trainer.num_training_batches), completed=done, note="")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar; the loss is read from the device ten times an epoch, since each time waits for the device."""
        every = max(1, int(trainer.num_training_batches) // 10)
        if batch_idx % every == 0:
            # Lightning has divided the loss by the batches of a step.
            self._note = f"loss {float(outputs['loss']) * trainer.accumulate_grad_batches:.3f}"
        self._bar.update(self._bar.task_ids[0], advance=1, note=self._note)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the bar and print how the epoch went."""
        self._bar.stop()
        v = {name: float(value) for name, value in trainer.callback_metrics.items()}
        say(
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  "
            f"train loss {v['train_loss']:.4f} F1 {v['train_macro_f1']:.4f}  "
            f"val loss {v['val_loss']:.4f} F1 {v['val_macro_f1']:.4f} acc {v['val_accuracy']:.4f}  "
            + (f"shifted F1 {v['val_shifted_macro_f1']:.4f}  " if "val_shifted_macro_f1" in v else "")
            + f"lr {v['lr']:.3g}  {time.monotonic() - self._started:.0f} s"
        )

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()
