"""What the validation pages were taken for in each epoch: from this, what choosing the best epoch adds to its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from munseo._data import Page
from munseo._training.hardware import gather


@dataclass(frozen=True)
class EpochOutputs:
    """The validation of one epoch; rows are the N clean pages, then the N pages of each draw of the recipe.

    Attributes:
        predicted: Predicted classes, int16 (rows,).
        losses: Cross entropy of each row, float32 (rows,); empty where the loss does not choose the best epoch.
    """

    predicted: torch.Tensor
    losses: torch.Tensor


class EpochOutputsCollector:
    """Collects the outputs of an epoch's validation steps, which stay on the device until the epoch ends.

    Args:
        with_losses: Whether the loss chooses the best epoch.
    """

    def __init__(self, with_losses: bool) -> None:
        self.with_losses = with_losses
        self._batches: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def start(self) -> None:
        """Forget what was collected: a validation begins, perhaps again after an interruption."""
        self._batches.clear()

    def add(self, damaged: int, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Add a batch of clean (0) or damaged (1) pages: logits (B, K), labels int64 (B,)."""
        losses = torch.empty(0)
        if self.with_losses:
            losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
        self._batches.append((damaged, logits.argmax(dim=1), losses))

    def finish(self, num_pages: int, world_size: int) -> EpochOutputs:
        """Return the outputs of all processes; each process has validated every ``world_size``-th page.

        Args:
            num_pages: Validation pages of all processes, N.
            world_size: Number of processes; all of them have to call this.
        """
        mine = [self._joined(damaged) for damaged in (0, 1)]
        self._batches.clear()
        parts = gather(mine, world_size)  # by process, of clean and of damaged pages: predicted classes and losses
        columns = []
        for which, dtype in ((0, np.int16), (1, np.float32)):
            sets = [_interleaved([part[damaged][which] for part in parts], num_pages) for damaged in (0, 1)]
            columns.append(torch.from_numpy(np.concatenate(sets).astype(dtype)))
        return EpochOutputs(*columns)

    def _joined(self, damaged: int) -> tuple[np.ndarray, np.ndarray]:
        batches = [batch for batch in self._batches if batch[0] == damaged]
        if not batches:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return torch.cat([one for _, one, _ in batches]).cpu().numpy(), torch.cat(
            [one for _, _, one in batches]
        ).cpu().numpy()


def _interleaved(parts: Sequence[np.ndarray], num_pages: int) -> np.ndarray:
    """Put the rows of all processes into the order of the pages, draw after draw."""
    num_draws = sum(len(part) for part in parts) // num_pages
    rows = np.empty((num_draws, num_pages), parts[0].dtype)
    if num_draws:
        for rank, part in enumerate(parts):
            rows[:, rank :: len(parts)] = part.reshape(num_draws, -1)
    return rows.ravel()


def epoch_table(pages: Sequence[Page], epochs: Sequence[EpochOutputs]) -> pd.DataFrame:
    """Return the table of a run: ``ID, target, draw, epoch_0 …`` and, if there are losses, ``loss_0 …``.

    ``draw`` is empty for clean pages, and ``epoch_K`` is the class that the page was taken for after epoch K + 1.
    """
    num_pages = len(pages)
    num_draws = len(epochs[0].predicted) // num_pages - 1
    draws = np.repeat(np.arange(-1, num_draws), num_pages)
    columns: dict[str, Any] = {
        "ID": np.tile(np.array([page.id for page in pages], dtype=object), num_draws + 1),
        "target": np.tile(np.array([page.label for page in pages], dtype=np.int64), num_draws + 1),
        "draw": pd.Series(draws, dtype="Int64").mask(draws < 0),
        **{f"epoch_{number}": epoch.predicted.numpy() for number, epoch in enumerate(epochs)},
        **{f"loss_{number}": epoch.losses.numpy() for number, epoch in enumerate(epochs) if len(epoch.losses)},
    }
    return pd.DataFrame(columns)
