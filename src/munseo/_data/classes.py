"""The classes of a data set: their names, what a submission writes for them, and which one a label means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from munseo._data.image_finder import nfc
from munseo._data.tables import DataTable

_SHOWN = 20


@dataclass(frozen=True)
class Classes:
    """The classes, in the order of their indices."""

    names: tuple[str, ...]
    targets: tuple[str, ...]
    source: str
    """The table they come from, for messages."""
    _indices: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A target wins over a name, should one class be called as another one is numbered.
        by_name = {name: index for index, name in enumerate(self.names)}
        by_target = {target: index for index, target in enumerate(self.targets)}
        object.__setattr__(self, "_indices", by_name | by_target)

    def index(self, label: str) -> int | None:
        """The class that a label means, by target or name; None if there is none."""
        return self._indices.get(_canonical(label))

    def unknown(self, label: str) -> str:
        """Say that a label is none of these, and which may have been meant."""
        known = list(dict.fromkeys((*self.targets, *self.names)))
        near = [] if _is_number(label) else difflib.get_close_matches(nfc(label), known, n=1, cutoff=0.5)
        listed = ", ".join(self.targets[:_SHOWN]) + (", …" if len(self.targets) > _SHOWN else "")
        hint = f"did you mean {near[0]!r}?" if near else f"known: {listed}"
        return f"label {label!r} is not in {self.source}; {hint}"


def classes_of_labels(labels: Iterable[str], source: str) -> Classes:
    """Take the labels themselves as names: sorted, as numbers where all are."""
    texts = _in_order(sorted({_canonical(label) for label in labels}))
    return Classes(tuple(texts), tuple(texts), source)


def classes_of_meta(table: DataTable, target_column: str, name_column: str, problems: list[str]) -> Classes:
    """Read ``target,class_name``; empty or repeated values are added to ``problems``.

    The order is that of the targets where all are numbers, else that of the rows.
    """
    names: dict[str, str] = {}
    for row in table.rows:
        target, name = _canonical(row.values[target_column]), nfc(row.values[name_column])
        if not target or not name:
            problems.append(f"{table.where(row)}: the {'class name' if target else 'target'} is empty")
        elif target in names:
            problems.append(f"{table.where(row)}: target {target!r} stands there twice")
        elif name in names.values():
            problems.append(f"{table.where(row)}: class name {name!r} stands there twice")
        else:
            names[target] = name
    targets = _in_order(names)
    return Classes(tuple(names[target] for target in targets), tuple(targets), table.path.name)


def _in_order(targets: Iterable[str]) -> list[str]:
    """Numbers by their size, anything else as it comes."""
    targets = list(targets)
    return sorted(targets, key=float) if all(map(_is_number, targets)) else targets


def _canonical(label: str) -> str:
    """Composed, and ``3.0`` as ``3``: whole numbers that went through a column with gaps come back as floats."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", nfc(label.strip()))


def _is_number(label: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", label) is not None
