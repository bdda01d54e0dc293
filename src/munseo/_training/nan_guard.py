"""The guard against a loss that is infinite or not a number; it does not make a GPU wait."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from munseo._prediction.loader import Batch


@dataclass(frozen=True)
class BadStep:
    """A step whose loss is infinite or not a number.

    Attributes:
        loss: Its value.
        batch: The pages of the step.
        step: Number of the step, from 0.
    """

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
        """Check the loss of this step or, on a GPU, that of the previous one.

        Args:
            loss: Scalar, on any device.
            batch: The pages of the step.
            step: Number of the step.

        Returns:
            The bad step, or None.
        """
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
