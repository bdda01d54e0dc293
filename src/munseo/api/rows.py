"""Rows of predictions as a table that other programs open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from munseo._data.stream import ERROR, PLACE, Shard, StreamedPage
from munseo._model import ModelCard
from munseo._prediction.loader import DecodedPage


@dataclass(frozen=True)
class RowForm:
    """Which columns a row has: place, ID, source, target, class_name, confidence, those asked for, error.

    Attributes:
        card: Of the classes.
        shard: Of the pages.
        proba: Whether there is a column ``p_<class name>`` a class.
        threshold: Confidence under which ``needs_person`` is true; None for no such column.
    """

    card: ModelCard
    shard: Shard
    proba: bool
    threshold: float | None

    def table(self, pages: Sequence[StreamedPage[DecodedPage]], probabilities: np.ndarray) -> pa.Table:
        """Make the rows.

        Args:
            pages: Readable and unreadable ones.
            probabilities: Calibrated, float32 (number of readable pages, num_classes). An unreadable page has null
                wherever it has no answer, and needs a person.
        """
        readable = np.array([page.problem is None for page in pages], dtype=bool)
        spread = np.zeros((len(pages), self.card.num_classes), dtype=np.float32)
        spread[readable] = probabilities
        best, confidence = spread.argmax(axis=1), spread.max(axis=1)

        def where_readable(values: Sequence[str]) -> pa.Array:
            names = [values[k] if ok else None for k, ok in zip(best, readable, strict=True)]
            return pa.array(names, pa.string())

        columns: dict[str, pa.Array] = {
            PLACE: pa.array([self.shard.place(page.index) for page in pages], pa.int64()),
            "ID": pa.array([page.id for page in pages], pa.string()),
            "source": pa.array([page.where for page in pages], pa.string()),
            "target": where_readable(self.card.class_targets),
            "class_name": where_readable(self.card.class_names),
            "confidence": pa.array(confidence, mask=~readable),
        }
        if self.proba:
            for number, name in enumerate(self.card.class_names):
                columns[f"p_{name}"] = pa.array(spread[:, number], mask=~readable)
        if self.threshold is not None:
            columns["needs_person"] = pa.array(~readable | (confidence < self.threshold))
        columns[ERROR] = pa.array([page.problem and str(page.problem) for page in pages], pa.string())
        return pa.table(columns)
