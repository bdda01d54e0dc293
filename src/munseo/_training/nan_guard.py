"""Whether the loss is a number, asked without making a GPU wait."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from munseo._prediction.loader import Batch


@dataclass(frozen=True)
class BadStep:
    """A step whose loss is infinite or no number.

    Attributes:
        loss: Its value.
        batch: Its pages.
        step: Its number, from 0.
    """

    loss: float
    batch: Batch
    step: int


class LossWatch:
    """Looks at every loss: at once on a CPU, a step later on a GPU.

    Reading a value from a GPU waits until everything given to it is done, and leaves it idle until the next step has
    been prepared. So there the loss is copied in passing, and read when the next step begins; what is on disk then
    is still of the last epoch.
    """

    def __init__(self) -> None:
        self._waiting: tuple[torch.Tensor, torch.cuda.Event, Batch, int] | None = None

    def look(self, loss: torch.Tensor, batch: Batch, step: int) -> BadStep | None:
        """Give it the loss of this step; get what is bad of it or of the one before.

        Args:
            loss: Scalar, on any device.
            batch: The pages that it is of.
            step: Number of the step.
        """
        if loss.device.type != "cuda":
            return self._judge(loss.detach(), batch, step)
        found = self.finish()
        copied = torch.empty((), dtype=loss.dtype, pin_memory=True)
        copied.copy_(loss.detach(), non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._waiting = copied, event, batch, step
        return found

    def finish(self) -> BadStep | None:
        """What is bad of a loss that was not read yet; called when an epoch ends."""
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
