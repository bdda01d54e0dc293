"""The saved state of a run: it is written after every epoch, within an epoch, and when the run is stopped or fails."""

from __future__ import annotations

import pickle
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

import pytorch_lightning as pl
import torch

from munseo._errors import UserError
from munseo._model.pretrained import refuse_packed
from munseo._run import RunFolder
from munseo._run.atomic import replacing
from munseo._training.continuation import continuations_in, take_in
from munseo._training.module import PageClassifier
from munseo._training.signals import StopRequested, StopSignals


class StateSaver(pl.Callback):
    """Saves the state where nothing is half done: before an epoch, before a step, or before the validation.

    It comes after all other callbacks and acts at the beginning of what follows, not at the end of what was before:
    then schedules, averages, stop rules and metrics have all taken note of the previous step or epoch.

    With 0 or None for ``every_minutes`` it saves only between epochs, and when a signal stops the run.
    """

    def __init__(self, run: RunFolder, every_minutes: float | None, signals: StopSignals) -> None:
        self.run = run
        self.seconds = every_minutes * 60 if every_minutes else float("inf")
        self.signals = signals
        self._progress = ""
        self._saved = False
        self._last = time.monotonic()

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let a state from before more epochs were asked for go on; Lightning reads its parts after this call."""
        assert isinstance(pl_module, PageClassifier)
        if continuations_in(checkpoint) < pl_module.continuations:
            take_in(checkpoint, trainer.callbacks, pl_module)  # type: ignore[attr-defined]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the signals back from Lightning, which would stop without saving the state."""
        self._last = time.monotonic()
        self.signals.take()
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGCHLD"):
            # torch would raise in the middle of a step when a loader worker dies. The loader notices it as well, when
            # it is asked for the next batch between two steps.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the result of the previous epoch."""
        if trainer.current_epoch > 0:
            self._save(trainer, "epoch")
            if self._asked_for(trainer)[1]:
                self._stop(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Save within the epoch, unless gradients are accumulated for a step that is still to come."""
        due, stop = self._asked_for(trainer)
        if not (due or stop) or batch_idx % trainer.accumulate_grad_batches:
            return
        if batch_idx:  # Before the first step there is nothing new to save.
            self._save(trainer, "step")
        if stop:
            self._stop(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save once all steps of the epoch are done."""
        due, stop = self._asked_for(trainer)
        if due or stop:
            self._save(trainer, "validation")
        if stop:
            self._stop(trainer)

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Leave the validation at once when the run has to stop, since it may take minutes; it is done again later."""
        if self._asked_for(trainer)[1]:
            self._save(trainer, "validation")
            self._stop(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the end of training; the run still has to be judged."""
        self._save(trainer, "epoch")
        if self._asked_for(trainer)[1]:
            self._stop(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Save if something failed between two steps, such as a loader worker, so that nothing of the epoch is lost."""
        if isinstance(exception, StopRequested):
            return
        self._progress = _describe_progress(trainer)
        moment = _moment_of_failure(trainer)
        if moment is not None and trainer.world_size == 1:
            with suppress(OSError):  # The first failure is the one that is reported.
                self._save(trainer, moment)
                self._saved = True

    def describe_outcome(self) -> str:
        """Return how far training was, and whether its state is on the disk, in words."""
        last = "the last saved state stays" if self.run.state_file.exists() else "no state was saved yet"
        return f"{self._progress}; {'the state is saved' if self._saved else last}"

    def _save(self, trainer: pl.Trainer, moment: Moment) -> None:
        save_state(trainer, self.run, moment)
        self._last = time.monotonic()

    def _stop(self, trainer: pl.Trainer) -> None:
        self._progress, self._saved = _describe_progress(trainer), self.run.state_file.exists()
        raise StopRequested

    def _asked_for(self, trainer: pl.Trainer) -> tuple[bool, int]:
        """Return whether it is time to save, and the signal to stop; all processes get the same values."""
        due = time.monotonic() - self._last >= self.seconds
        if trainer.world_size == 1:
            return due, self.signals.signum
        asked = torch.tensor([due and trainer.is_global_zero, self.signals.signum], device=trainer.strategy.root_device)
        torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
        self.signals.signum = int(asked[1])
        return bool(asked[0]), self.signals.signum


def _moment_of_failure(trainer: pl.Trainer) -> Moment | None:
    """Return the moment of a failure if the state may be saved there; None in the middle of something."""
    loop = trainer.fit_loop
    epochs: Any = loop.epoch_progress.current
    batches = loop.epoch_loop.batch_progress.current
    if epochs.started == epochs.processed:
        return None  # Between two epochs: that state was saved, or could not be.
    if trainer.validating:
        validation = loop.epoch_loop.val_loop.batch_progress
        fetching = validation.current.ready == validation.current.completed and not validation.is_last_batch
        return "validation" if fetching else None
    whole = batches.ready == batches.completed and batches.completed % trainer.accumulate_grad_batches == 0
    return "step" if whole and 0 < batches.completed < trainer.num_training_batches else None


Moment = Literal["epoch", "step", "validation"]
"""Between two epochs, between two steps, or before or during a validation, which is then done again from its start."""


def save_state(trainer: pl.Trainer, run: RunFolder, moment: Moment) -> None:
    """Write the state: all processes gather their part, and the first one writes.

    It costs 0.4 s for a model of 3.4 million parameters with its average and Adam, which is 55 MB.

    Raises:
        NoRoomError: The disk is full; the previous state is still there.
    """
    state = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    _set_progress(state["loops"]["fit_loop"], moment)
    if trainer.is_global_zero:
        needed = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(state))
        with replacing(run.state_file, needed) as temporary, temporary.open("wb") as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:
                # torch wraps the error of the system, and does not name it in its own.
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise
    trainer.strategy.barrier("state saved")


def read_state(run: RunFolder) -> dict[str, Any]:
    """Read the saved state, without running code that a pickle may hold.

    Raises:
        UserError: The file is not a state that Munseo wrote.
    """
    try:
        if not run.state_file.is_file():
            raise OSError("it is no file")  # Reading a FIFO would block.
        refuse_packed(run.state_file)
        state: dict[str, Any] = torch.load(run.state_file, map_location="cpu", weights_only=True)
        if not {"loops", "callbacks", "within_epoch"} <= set(state):
            raise pickle.UnpicklingError("its entries are others")
    except UserError:
        raise
    except Exception as error:  # torch's reader raises a dozen types for damaged files.
        reason = (str(error).splitlines() or ["it is cut short"])[0][:300]
        raise UserError(
            f"{run.state_file}: not a state that this Munseo wrote ({reason}); delete it to train again."
        ) from None
    return state


def _describe_progress(trainer: pl.Trainer) -> str:
    loop = trainer.fit_loop
    done, steps = loop.epoch_loop.batch_progress.current.completed, trainer.num_training_batches
    epochs: Any = loop.epoch_progress.current
    if epochs.started == epochs.processed or steps == float("inf"):  # infinite before the first epoch
        return f"after epoch {epochs.processed} of {trainer.max_epochs}"
    return f"in epoch {epochs.started} of {trainer.max_epochs}, after step {done} of {steps}"


def _set_progress(loops: dict[str, Any], moment: Moment) -> None:
    """Make Lightning's counters those of a moment at which nothing is half done.

    Its callbacks are called within the loops, when the next epoch, step or validation counts as begun. A state with
    such counters would be resumed after it instead of before it.
    """
    epochs, batches = loops["epoch_progress"], loops["epoch_loop.batch_progress"]
    if moment == "epoch":
        _finish(epochs)
    elif moment == "step":
        _finish(batches)
        batches["is_last_batch"] = False
    else:
        begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        loops["epoch_loop.val_loop.batch_progress"] = {
            "total": dict(begun), "current": dict(begun), "is_last_batch": False
        }  # fmt: skip


def _finish(progress: dict[str, Any]) -> None:
    """Count nothing as begun that is not done."""
    for counters in (progress["total"], progress["current"]):
        counters["ready"] = counters["completed"]


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)
