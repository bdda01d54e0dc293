"""The mean of the folds, which is what a k-fold run predicts with, on the pages that no fold used.

The out-of-fold predictions of a k-fold run are those of single models. The mean of the folds is more accurate and less
confident than each of them, so its calibration, thresholds and expected score come from these pages only. Tables keep
the predictions of every fold (column ``fold``), and the mean is computed as prediction computes it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from munseo._run import RunFolder


def average_folds(rows: np.ndarray) -> np.ndarray:
    """Average probabilities (F, …) over F folds in float32, in the order and with the rounding of prediction."""
    total = rows[0].astype(np.float32)
    for row in rows[1:]:
        total = total + row.astype(np.float32)
    return np.asarray(total / np.float32(len(rows)))


def mean_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return one table with the mean of the folds from a table with the predictions of each; ``fold`` is left out."""
    columns = [name for name in map(str, table.columns) if name.startswith("p_")]
    folds = [part.reset_index(drop=True) for _, part in table.groupby("fold", sort=True)]
    mean = folds[0].drop(columns="fold").copy()
    mean[columns] = average_folds(np.stack([part[columns].to_numpy(np.float32) for part in folds]))
    return mean


def read_mean(run: RunFolder) -> tuple[pd.DataFrame, pd.DataFrame | None] | None:
    """Read the mean of the folds on the held-out pages, clean and shifted; None where no pages were held out.

    There is no shifted table in a run without a second validation.
    """
    if not run.held_out_predictions_file.exists():
        return None
    clean = mean_table(run.read_predictions(run.held_out_predictions_file))
    file = run.held_out_shifted_predictions_file
    return clean, mean_table(run.read_predictions(file)) if file.exists() else None
