"""What is odd about labels: two spellings of one class, several classes in one label, one column for each class."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from munseo._data.data_table import DataTable
from munseo._locale import Remark

NAMED = 5
"""The most groups of labels that a note names."""
_JOINS = "|;,+&/"
"""What people put between the classes of a page, as in ``letter|email``."""
_RARE_IN_NAMES = "|;"
"""The ones that hardly any name of a class contains, so that one known part is enough to tell."""
_LONGEST_LIST = 1000
"""The most characters of a label that is read as a list."""
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Characters without a picture that Unicode does not class as format characters, such as the Hangul filler."""
_YES, _NO = ("1", "1.0", "true", "yes", "x"), ("0", "0.0", "false", "no", "")


def label_key(label: str) -> str:
    """Return a label without what people do not see or do not mean: two labels with one key look like one class.

    Ignored are upper and lower case, width and other forms that NFKC makes equal, leading zeros of numbers, invisible
    characters, and how many spaces there are.
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", label))
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Cc") or sign.isspace())
    text = unicodedata.normalize("NFKC", text.casefold())
    return re.sub(r"(?<![\d.])0+(?=\d)", "", " ".join(text.split()))


def joined_classes(label: str) -> tuple[str, ...]:
    """Return the parts of a label that may name several classes; empty where it is one word or a single name."""
    if label[:1] == "[" and label[-1:] == "]" and len(label) <= _LONGEST_LIST:
        try:
            values = ast.literal_eval(label)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            values = []
        if isinstance(values, list) and len(values) > 1:
            return tuple(str(value).strip() for value in values)
    for sign in _JOINS:
        parts = tuple(part.strip() for part in label.split(sign))
        if len(parts) > 1 and all(parts):
            return parts
    return ()


def note_variants(source: str, counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a note if labels are variants of one another.

    Args:
        source: Where the labels come from, such as ``train.csv``.
        counts: The number of pages of each label.
    """
    variants: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        variants[label_key(label)].append(label)
    groups = [" · ".join(f"{label!r} ({counts[label]})" for label in group) for group in variants.values() if group[1:]]
    if groups:
        more = f"; … ({len(groups)})" if len(groups) > NAMED else ""
        yield str(Remark("data.label_variants", {"source": source, "groups": "; ".join(groups[:NAMED]) + more}))


def note_joined_classes(source: str, counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a note if labels join several classes, as ``letter|email`` does; arguments as in ``note_variants``.

    A label is taken for such a one if its parts are labels of other pages; where a sign joins them that names rarely
    contain, one part is enough, also as a part of another label.
    """
    whole = {label_key(label) for label in counts}
    parts = {label: {label_key(part) for part in found} for label in counts if (found := joined_classes(label))}
    seen: dict[str, int] = defaultdict(int)
    for keys in parts.values():
        for key in keys:
            seen[key] += 1

    def is_joined(label: str) -> bool:
        known = [key in whole for key in parts[label]]
        if label[:1] == "[" or any(sign in label for sign in _RARE_IN_NAMES):
            return any(known) or any(seen[key] > 1 for key in parts[label])
        return all(known)

    joined = [label for label in parts if is_joined(label)]
    if joined:
        most = max(joined, key=lambda label: counts[label])
        number = sum(counts[label] for label in joined)
        values = {"source": source, "count": number, "labels": len(joined), "label": repr(most)}
        yield str(Remark("data.joined_classes", values))


@dataclass(frozen=True)
class OneHotColumns:
    """Columns that say with 0 and 1 which classes a page has.

    Attributes:
        names: Names of the columns, which are those of the classes.
        num_several: Number of rows with more than one class.
        num_none: Number of rows without any.
    """

    names: tuple[str, ...]
    num_several: int
    num_none: int

    def __str__(self) -> str:
        """What a message about the missing column of labels adds."""
        names = ", ".join(map(repr, self.names[:NAMED])) + (", …" if len(self.names) > NAMED else "")
        told = f"but {len(self.names)} columns of 0 and 1 ({names})"
        told += ". A page has one class here: write its name into one column"
        if not (self.num_several or self.num_none):
            return told
        odd = f"{self.num_several} rows have several classes and {self.num_none} none"
        return f"{told}. {odd}; give each of these one class, or leave it out"


def one_hot_columns(table: DataTable, id_column: str) -> OneHotColumns | None:
    """Return the columns of a table that hold nothing but 0 and 1; None if there are fewer than two beside the ID."""
    could_be, has_yes = [name != id_column for name in table.columns], [False] * len(table.columns)
    for row in table.rows:
        for index, cell in enumerate(row.cells):
            is_yes = cell.casefold() in _YES
            has_yes[index] |= is_yes
            could_be[index] &= is_yes or cell.casefold() in _NO
    chosen = [index for index, is_one in enumerate(could_be) if is_one and has_yes[index]]
    if len(chosen) < 2 or not table.rows:
        return None
    ones = [sum(row.cells[index].casefold() in _YES for index in chosen) for row in table.rows]
    names = tuple(table.columns[index] for index in chosen)
    return OneHotColumns(names, sum(number > 1 for number in ones), ones.count(0))
