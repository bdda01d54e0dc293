"""How the best weights judge a set of labelled pages, clean or damaged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from munseo._report.facts.values import pair, real


@dataclass(frozen=True)
class ClassScore:
    """How well one class is found; ``support`` is its number of validation pages."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Confusion:
    """Pages of one class that were taken for another; ``share`` is of the true class's pages."""

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Judgement:
    """The validation pages as the best weights see them."""

    num_pages: int
    macro_f1: float
    interval: tuple[float, float] | None
    accuracy: float | None
    loss: float | None
    per_class: tuple[ClassScore, ...]
    confusion: np.ndarray
    """(C, C) counts, a row a true class."""

    @cached_property
    def num_errors(self) -> int:
        """Misclassified pages."""
        return int(self.confusion.sum() - np.trace(self.confusion))

    @cached_property
    def confusions(self) -> tuple[Confusion, ...]:
        """Every confused pair, the most frequent first."""
        names = [entry.name for entry in self.per_class]
        totals = self.confusion.sum(axis=1)
        found = [
            Confusion(names[i], names[j], int(self.confusion[i, j]), float(self.confusion[i, j] / totals[i]))
            for i, j in zip(*np.nonzero(self.confusion), strict=True)
            if i != j
        ]
        return tuple(sorted(found, key=lambda pair: (-pair.count, -pair.share)))


def read_judgement(val: dict[str, Any] | None) -> Judgement | None:
    """An entry of ``results.json`` such as ``val``; ``None`` where nothing was measured."""
    if not val or val.get("macro_f1") is None:
        return None
    return Judgement(
        num_pages=int(val["num_pages"]),
        macro_f1=float(val["macro_f1"]),
        interval=pair(val.get("macro_f1_interval")),
        accuracy=real(val.get("accuracy")),
        loss=real(val.get("loss")),
        per_class=tuple(
            ClassScore(
                name=str(entry["class"]),
                precision=float(entry["precision"] or 0),
                recall=float(entry["recall"] or 0),
                f1=float(entry["f1"] or 0),
                support=int(entry["support"]),
            )
            for entry in val["per_class"]
        ),
        confusion=np.asarray(val["confusion"], dtype=np.int64),
    )
