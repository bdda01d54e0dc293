"""The rows of predictions, with the same columns in a CSV, a workbook and a parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from munseo._data.stream import StreamedPage
from munseo._model import ModelCard
from munseo._prediction.parts_folder import ERROR, PLACE, Shard

RAW = "raw"
"""Column of a part that no output has: the probabilities before calibration, from which a score is estimated."""
NEEDS_PERSON = "needs_person"
"""Column that is true where a person has to look; only with a threshold."""


@dataclass(frozen=True)
class PredictionRows:
    """The columns of a row: place, ID, source, target, class_name, confidence, those asked for, error.

    Attributes:
        card: The predicted classes.
        shard: The shard whose pages these are.
        proba: Whether each class has a column ``p_<class name>``.
        needs_person_below: The confidence below which ``needs_person`` is true; the column is left out where that is
            None.
        keeps_raw: Whether the probabilities before calibration are kept in the column ``raw``.
    """

    card: ModelCard
    shard: Shard
    proba: bool
    needs_person_below: float | None
    keeps_raw: bool = False

    def table(self, pages: Sequence[StreamedPage[Any]], probabilities: np.ndarray, raw: np.ndarray) -> pa.Table:
        """Make the rows of readable and unreadable pages.

        The probabilities are calibrated, float32 (number of readable pages, num_classes), and ``raw`` are the same
        before. An unreadable page has null in every column that would need them, and needs a person.
        """
        readable = np.array([page.problem is None for page in pages], dtype=bool)
        spread = self._spread(probabilities, readable)
        best, confidence = spread.argmax(axis=1), spread.max(axis=1)

        def where_readable(values: Sequence[str]) -> pa.Array:
            names = [values[k] if ok else None for k, ok in zip(best, readable, strict=True)]
            return pa.array(names, pa.string())

        columns: dict[str, pa.Array] = {
            PLACE: pa.array([self.shard.index_of(page.index) for page in pages], pa.int64()),
            "ID": pa.array([page.id for page in pages], pa.string()),
            "source": pa.array([page.where for page in pages], pa.string()),
            "target": where_readable(self.card.class_targets),
            "class_name": where_readable(self.card.class_names),
            "confidence": pa.array(confidence, mask=~readable),
        }
        if self.proba:
            for number, name in enumerate(self.card.class_names):
                columns[f"p_{name}"] = pa.array(spread[:, number], mask=~readable)
        if self.needs_person_below is not None:
            columns[NEEDS_PERSON] = pa.array(~readable | (confidence < self.needs_person_below))
        columns[ERROR] = pa.array([page.problem and str(page.problem) for page in pages], pa.string())
        if self.keeps_raw:
            flat = pa.array(self._spread(raw, readable).ravel(), pa.float32())
            columns[RAW] = pa.FixedSizeListArray.from_arrays(flat, self.card.num_classes)
        return pa.table(columns)

    def _spread(self, probabilities: np.ndarray, readable: np.ndarray) -> np.ndarray:
        """Return rows of all pages, with zeros for unreadable ones."""
        spread = np.zeros((len(readable), self.card.num_classes), dtype=np.float32)
        spread[readable] = probabilities
        return spread


def raw_probabilities(rows: pa.Table) -> np.ndarray:
    """Return the column ``raw`` of the readable pages, float32 (N, num_classes)."""
    readable = rows[ERROR].is_null().to_numpy(zero_copy_only=False)
    column = rows[RAW].combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat.reshape(len(rows), column.type.list_size)[readable], dtype=np.float32)
