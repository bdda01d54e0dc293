"""The classes of a data set: their names, what a submission writes for them, and which class a label means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from munseo._data.data_table import DataTable
from munseo._data.image_finder import nfc
from munseo._data.label_checks import joined_classes, label_key

_SHOWN = 20  # the number of known classes that a message lists


@dataclass(frozen=True)
class Classes:
    """The classes in the order of their indices, what a submission writes for each, and the table they come from."""

    names: tuple[str, ...]
    targets: tuple[str, ...]
    source: str
    _indices: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A target comes before a name, in case one class has the target of another as its name.
        by_name = {name: index for index, name in enumerate(self.names)}
        by_target = {target: index for index, target in enumerate(self.targets)}
        object.__setattr__(self, "_indices", by_name | by_target)

    def index(self, label: str) -> int | None:
        """Return the class that a label means, by target or name; None if there is none."""
        return self._indices.get(_canonical(label))

    def unknown(self, label: str) -> str:
        """Return the message that a label is not one of these, with the class that may have been meant."""
        known = list(dict.fromkeys((*self.targets, *self.names)))
        joined = joined_classes(label)
        if joined and all(self.index(part) is not None for part in joined):
            return f"label {label!r} is not in {self.source}; a page has one class here: keep one of {len(joined)}"
        near = [name for name in known if label_key(name) == label_key(label)]
        if not near and not _is_number(label):
            near = difflib.get_close_matches(nfc(label), known, n=1, cutoff=0.5)
        listed = ", ".join(self.targets[:_SHOWN]) + (", …" if len(self.targets) > _SHOWN else "")
        hint = f"did you mean {near[0]!r}?" if near else f"known: {listed}"
        return f"label {label!r} is not in {self.source}; {hint}"


def classes_of_labels(labels: Iterable[str], source: str) -> Classes:
    """Return classes that are named by their labels, sorted as numbers if all of them are numbers."""
    texts = _in_order(sorted({_canonical(label) for label in labels}))
    return Classes(tuple(texts), tuple(texts), source)


def classes_of_meta(table: DataTable, target_column: str, name_column: str, problems: list[str]) -> Classes:
    """Read the classes from columns of targets and names; empty or repeated values are added to ``problems``.

    The classes are in the order of the targets if all of them are numbers, otherwise in that of the rows.
    """
    names: dict[str, str] = {}
    for row in table.rows:
        target, name = _canonical(row.values[target_column]), nfc(row.values[name_column])
        if not target or not name:
            problems.append(f"{table.where(row)}: the {'class name' if target else 'target'} is empty")
        elif target in names:
            problems.append(f"{table.where(row)}: target {target!r} occurs twice")
        elif name in names.values():
            problems.append(f"{table.where(row)}: class name {name!r} occurs twice")
        else:
            names[target] = name
    targets = _in_order(names)
    return Classes(tuple(names[target] for target in targets), tuple(targets), table.path.name)


def _in_order(targets: Iterable[str]) -> list[str]:
    """Sort targets if all of them are numbers, otherwise leave them in their order."""
    targets = list(targets)
    return sorted(targets, key=float) if all(map(_is_number, targets)) else targets


def _canonical(label: str) -> str:
    """Return a label in composed form, and ``3.0`` as ``3``: pandas makes floats of integers in a column with gaps."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", nfc(label.strip()))


def _is_number(label: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", label) is not None
