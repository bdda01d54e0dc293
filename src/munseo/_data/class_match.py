"""Which of a run's classes each class of a data folder is: by name and target, never by index.

Two folders with the same kinds of pages number them differently as soon as one has a class more: a folder per class is
sorted by name. Whoever compares a run's predictions with the labels of a data folder asks ``match_classes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from munseo._data.classes import Classes


@dataclass(frozen=True)
class ClassMatch:
    """The classes of a data folder as a run knows them.

    Attributes:
        indices: For each class of the data its index among the run's; None where the run does not know the class.
        unknown: Names of the data's classes that the run does not know.
        absent: Names of the run's classes that the data do not have.
    """

    indices: tuple[int | None, ...]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether both have the same classes, in whatever order."""
        return not self.unknown and not self.absent and len(set(self.indices)) == len(self.indices)

    def run_label(self, label: int | None) -> int | None:
        """Return the run's index of a label of the data; None for pages without a label and for unknown classes."""
        return None if label is None else self.indices[label]

    def data_labels(self) -> dict[int, int]:
        """Return the data's index of each of the run's classes that the data have."""
        return {known: label for label, known in reversed([*enumerate(self.indices)]) if known is not None}


def match_classes(
    run_names: Sequence[str], run_targets: Sequence[str], data_names: Sequence[str], data_targets: Sequence[str]
) -> ClassMatch:
    """Match the classes of a data folder with those of a run.

    A class of the data is the run's class of the same name. Where only one of the two has names (from ``meta.csv`` or
    from folders), the labels of the other are read as a table of the named one would be read: as targets, or else as
    names. Two different names never match, even if their targets are equal.
    """
    run, data = (
        Classes(tuple(names), tuple(targets), "")
        for names, targets in ((run_names, run_targets), (data_names, data_targets))
    )
    indices = tuple(_index(run, data, label) for label in range(len(data.names)))
    unknown = tuple(name for name, index in zip(data.names, indices, strict=True) if index is None)
    absent = tuple(name for index, name in enumerate(run.names) if index not in indices)
    return ClassMatch(indices, unknown, absent)


def _index(run: Classes, data: Classes, label: int) -> int | None:
    name, target = data.names[label], data.targets[label]
    if name == target:  # the data have labels only
        return run.index(target)
    if name in run.names:
        return run.names.index(name)
    index = run.index(target)
    return index if index is not None and run.names[index] == run.targets[index] else None
