"""What choosing the best epoch adds to its score: the epoch is chosen and scored on the same validation pages.

The best of many epochs was partly lucky on these pages, and its score on new ones is lower by that luck. Its size is
estimated by a bootstrap over the predictions of all epochs, without training again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.metrics import group_counts, macro_f1_of_group_counts
from munseo._randomness import generator
from munseo._run import RunFolder
from munseo._run.run_folder import damaged_table

NUM_RESAMPLES = 200
"""Resamples of the bootstrap; its error is far below the differences between the epochs of one run."""


@dataclass(frozen=True)
class EpochScores:
    """The outputs of E epochs on the same rows, which are scored under weights of the groups of pages.

    Attributes:
        labels: True classes, int (rows,).
        groups: Group of each row, int (rows,), 0 to G - 1; each group has a row.
        epochs: Outputs of each epoch: predicted classes, int (rows,), which are scored by macro-F1; or losses, float
            (rows,), whose mean is scored.
        num_classes: K.
    """

    labels: np.ndarray
    groups: np.ndarray
    epochs: Sequence[np.ndarray]
    num_classes: int

    def under(self, weights: np.ndarray) -> np.ndarray:
        """Return the score of each epoch under B weightings of the groups, (B, G), as (B, E); more is better.

        The sums of one epoch are in memory at a time, (G, 2K): a hundred thousand pages need no gigabytes.
        """
        return np.stack([self._scores(weights, outputs) for outputs in self.epochs], axis=1)

    def _scores(self, weights: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        if np.issubdtype(outputs.dtype, np.floating):
            sums, rows = np.bincount(self.groups, outputs), np.bincount(self.groups)
            return np.asarray(-(weights @ sums) / (weights @ rows))
        counts = group_counts(self.labels, outputs.astype(np.int64), self.groups, self.num_classes)
        return macro_f1_of_group_counts(weights @ counts.astype(np.float32))


def flattery(monitored: EpochScores, reported: EpochScores, seed: int = 0) -> float:
    """Estimate by how much choosing the best epoch flatters its reported score; 0 or more.

    The epoch is chosen again on each bootstrap sample of groups, and scored on the groups that are not in the sample,
    which did not choose it (Tsamardinos, Greasidou and Borboudakis, "Bootstrapping the out-of-sample predictions for
    efficient and accurate cross-validation", 2018). A score of fewer pages is lower or higher for every epoch, whether
    it was chosen or not, so the mean difference between an epoch's scores on these groups and on all is taken out.
    A sample has fewer different pages than there are, so luck plays a larger part in it: the estimate is a little too
    large rather than too small (docs/validation.md).

    Args:
        monitored: What the epoch is chosen by; the first of equal epochs is chosen.
        reported: What is stated about it, on the same groups.
        seed: Seed of the bootstrap.
    """
    num_groups = int(monitored.groups.max()) + 1
    if len(monitored.epochs) < 2 or num_groups < 2:
        return 0.0
    sizes = np.full(num_groups, 1 / num_groups)
    samples = generator(seed, "epoch choice").multinomial(num_groups, sizes, size=NUM_RESAMPLES).astype(np.float32)
    samples = samples[(samples == 0).any(axis=1)]
    everything = np.ones((1, num_groups), np.float32)
    scores = reported.under(np.concatenate([everything, samples == 0]))  # (1 + B, E)
    whole, elsewhere = scores[0], scores[1:]
    choices = monitored.under(np.concatenate([everything, samples])).argmax(axis=1)
    corrected = elsewhere - (elsewhere.mean(axis=0) - whole)
    estimate = whole[choices[0]] - corrected[np.arange(len(corrected)), choices[1:]].mean()
    return max(0.0, float(estimate))


def judge_epoch_choice(run: RunFolder, monitor: str, num_classes: int) -> dict[str, Any] | None:
    """Return the entry ``epoch_choice`` of the results; None where a run did not keep the predictions of all epochs.

    Args:
        run: A run with one split, a fold, or a k-fold run, whose scores join those of its folds.
        monitor: What the best epoch was chosen by, for example ``val_macro_f1``.
        num_classes: K.
    """
    if run.folds:
        entries = [judge_epoch_choice(fold, monitor, num_classes) for fold in run.folds]
        return _mean_entry([entry for entry in entries if entry is not None], len(run.folds))
    if not run.epoch_predictions_file.exists():
        return None
    table = run.read_predictions(run.epoch_predictions_file)
    try:
        scores = _scores_by_part(table, page_groups(run, table["ID"].tolist()), monitor, num_classes)
    except (ValueError, TypeError, LookupError) as error:
        raise damaged_table(run.epoch_predictions_file, error) from None
    monitored = scores.pop("monitored")
    entry: dict[str, Any] = {"num_epochs": len(monitored.epochs), "monitor": monitor}
    return entry | {part: flattery(monitored, reported) for part, reported in scores.items()}


def _scores_by_part(table: pd.DataFrame, groups: np.ndarray, monitor: str, num_classes: int) -> dict[str, EpochScores]:
    """Return what is reported of clean (``val``) and damaged pages (``shifted``), and what chose (``monitored``)."""
    num_epochs = sum(str(name).startswith("epoch_") for name in table.columns)

    def scores(damaged: bool, outputs: str) -> EpochScores:
        chosen = table["draw"].notna().to_numpy() == damaged
        rows = table[chosen]
        epochs = [rows[f"{outputs}_{number}"].to_numpy() for number in range(num_epochs)]
        return EpochScores(rows["target"].to_numpy(np.int64), groups[chosen], epochs, num_classes)

    found = {"val": scores(False, "epoch")}
    if table["draw"].notna().any():
        found["shifted"] = scores(True, "epoch")
    outputs = "loss" if monitor.endswith("loss") else "epoch"
    return found | {"monitored": scores(monitor.startswith("val_shifted"), outputs)}


def _mean_entry(entries: Sequence[dict[str, Any]], num_folds: int) -> dict[str, Any] | None:
    """Return the mean over all folds: each chose its epoch on the pages that it scores."""
    if len(entries) < num_folds:
        return None
    means = {
        name: float(np.mean([entry[name] for entry in entries]))
        for name in ("val", "shifted")
        if all(name in entry for entry in entries)
    }
    return {"num_epochs": max(entry["num_epochs"] for entry in entries), "monitor": entries[0]["monitor"], **means}
