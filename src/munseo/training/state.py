"""The state of a run that is not done: what it holds at the three moments when it may be saved; writing, reading.

Lightning counts what was begun and what was done, and goes on by the difference. Between two epochs, between two steps
and before a validation nothing is half done, so there the counters are set to say so; wherever a state was saved, a
resumed run then begins with a whole step, or with a whole validation.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any, Literal

import pytorch_lightning as pl
import torch

from munseo.errors import UserError
from munseo.model.weights import refuse_packed
from munseo.run import RunFolder
from munseo.run.atomic import replacing

Moment = Literal["epoch", "step", "validation"]
"""Between two epochs, between two steps, before (or while) the epoch's validation, whose pages are all seen again."""


def save_state(trainer: pl.Trainer, run: RunFolder, moment: Moment) -> None:
    """Write the state; all processes gather, the first one writes.

    Costs 0.4 s for a model of 3.4 million parameters with its average and Adam: 55 MB.

    Raises:
        NoRoomError: The disk is full; the state of before is still there.
    """
    state = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    _settle(state["loops"]["fit_loop"], moment)
    if trainer.is_global_zero:
        needed = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(state))
        with replacing(run.state_file, needed) as beside, beside.open("wb") as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:
                # torch wraps what went wrong while writing, and does not say what it was.
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise
    trainer.strategy.barrier("state saved")


def read_state(run: RunFolder) -> dict[str, Any]:
    """The saved state; read without running what a pickle may hold.

    Raises:
        UserError: The file is no state of Munseo's.
    """
    try:
        if not run.state_file.is_file():
            raise OSError("it is no file")  # a FIFO would block
        refuse_packed(run.state_file)
        state: dict[str, Any] = torch.load(run.state_file, map_location="cpu", weights_only=True)
        if not {"loops", "callbacks", "within_epoch"} <= set(state):
            raise pickle.UnpicklingError("its entries are others")
    except UserError:
        raise
    # For damaged files torch's reader raises a dozen types.
    except Exception as error:
        reason = (str(error).splitlines() or ["it is cut short"])[0][:300]
        raise UserError(
            f"{run.state_file}: not a state that this Munseo wrote ({reason}); delete it to train again."
        ) from None
    return state


def describe_place(trainer: pl.Trainer) -> str:
    """How far training is, in words."""
    loop = trainer.fit_loop
    done, steps = loop.epoch_loop.batch_progress.current.completed, int(trainer.num_training_batches)
    epochs: Any = loop.epoch_progress.current
    if epochs.started == epochs.processed:
        return f"after epoch {epochs.processed} of {trainer.max_epochs}"
    return f"in epoch {epochs.started} of {trainer.max_epochs}, after step {done} of {steps}"


def _settle(loops: dict[str, Any], moment: Moment) -> None:
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
    """Nothing was begun that is not done."""
    for counters in (progress["total"], progress["current"]):
        counters["ready"] = counters["completed"]


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)
