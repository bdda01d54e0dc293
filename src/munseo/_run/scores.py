"""The types of scores on labelled pages, which ``results.json`` and the results of evaluations hold.

Attributes have the names of the keys, except ``class``, which is ``name`` here. Fields are in the order of the file.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from munseo._locale import Remark
from munseo._run.records import RunRecord

Interval = tuple[float, float]
"""Both ends of a confidence interval."""
FEW_GROUPS = 40
"""With fewer groups than this, counted as groups of equal size, intervals over groups may cover less than they state:
in ``benchmarks/promises.py interval`` 0.92 instead of 0.95. Cameron and Miller, "A practitioner's guide to
cluster-robust inference", 2015, call fewer than 20 to 50 clusters few, the more so the less equal they are."""
UNEQUAL = 0.5
"""The same holds where groups are worth fewer than this fraction of their number: a few of them hold most pages."""
MOSTLY_SINGLE = 0.9
"""Where effective groups are more than this fraction of the pages, hardly any pages share one."""


class ClassScore(RunRecord):
    """The scores of one class; ``support`` is its number of validation pages."""

    name: str = Field(alias="class")
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    support: int


class ConfusedPair(RunRecord):
    """Pages of one class that were taken for another; ``share`` is their fraction of the true class."""

    true: str
    predicted: str
    count: int
    share: float


class Scores(RunRecord):
    """The scores of the best weights on a set of labelled pages.

    Attributes:
        macro_f1_interval: The 95% interval, by the jackknife over groups of pages.
        num_groups: The groups that the pages belong to; None in runs of earlier versions.
        effective_groups: The number of groups of equal size that tell as much: (Σ n)² / Σ n² over their sizes n.
        loss: Mean negative log-likelihood of the true class.
        confusion: (C, C) counts, a row for each true class.
        confused_pairs: The most frequent confusions, as the run wrote them; ``confusions`` has all.
    """

    num_pages: int
    macro_f1: float
    macro_f1_interval: Interval | None = None
    num_groups: int | None = None
    effective_groups: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    confused_pairs: tuple[ConfusedPair, ...] = ()

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if {len(row) for row in self.confusion} - {len(self.per_class)} or len(self.confusion) != len(self.per_class):
            raise ValueError("the confusion matrix should have a row and a column for each class")
        return self

    @property
    def few_groups(self) -> Remark | None:
        """The remark beside the interval where pages share groups and these are few or very unequal."""
        groups, effective = self.num_groups, self.effective_groups
        if groups is None or effective is None or effective >= MOSTLY_SINGLE * self.num_pages:
            return None
        if effective >= FEW_GROUPS and effective >= UNEQUAL * groups:
            return None
        return Remark("few_groups", {"groups": groups, "effective": effective})

    @cached_property
    def num_errors(self) -> int:
        """The number of misclassified pages."""
        return sum(map(sum, self.confusion)) - sum(row[index] for index, row in enumerate(self.confusion))

    @cached_property
    def confusions(self) -> tuple[ConfusedPair, ...]:
        """Every confused pair, the most frequent first."""
        names = [score.name for score in self.per_class]
        pairs = [
            ConfusedPair(true=names[i], predicted=names[j], count=count, share=count / (sum(row) or 1))
            for i, row in enumerate(self.confusion)
            for j, count in enumerate(row)
            if count and i != j
        ]
        return tuple(sorted(pairs, key=lambda pair: (-pair.count, -pair.share)))


class ShiftedScores(Scores):
    """The validation pages under the recipe ``recipe``: each page ``draws`` times, damaged differently each time."""

    draws: int = 1
    recipe: str = ""
