"""Tables as text, as different programs write them: which encoding, separator and header a file has.

Both readers of tables use it: the one that holds all rows, and the one that streams them.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from munseo._data.formats import IMAGE_EXTENSIONS
from munseo._errors import UserError

SEPARATORS = (",", ";", "\t")
"""Separators of columns: the usual one, that of Excel where the comma separates decimals, and that of TSV."""
SAMPLE_LINES = 20
"""The lines that show which separator a table has."""
CHUNK_BYTES = 2**20

BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
"""The first bytes by which a text may tell its encoding, and the codec of what follows."""


@dataclass(frozen=True)
class Encoding:
    """How the characters of a table are stored: Python's codec, and the name that people know."""

    codec: str
    name: str


@dataclass(frozen=True)
class TextLayout:
    """How the columns of a table are written.

    Attributes:
        separator: What separates two values; empty for JSON lines, each of which is an object.
        columns: The names of the columns where the table itself has none, else None.
    """

    separator: str
    columns: tuple[str, ...] | None = None

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON object."""
        return not self.separator


def encoding_of(path: Path, file: BinaryIO) -> Encoding:
    """Return the encoding of a table: by its byte order mark, else UTF-8 or CP949, whichever fits all of it.

    Args:
        path: What messages call it.
        file: Its content, from the start; it is read to the end at most twice, in pieces.

    Raises:
        UserError: It is none of these, or not a text.
    """
    head = file.read(4)
    candidates = [Encoding("utf-8-sig", "UTF-8"), Encoding("cp949", "CP949")]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = [Encoding("utf-16", "UTF-16")]
    for encoding in candidates:
        file.seek(0)
        if _fits(file, encoding.codec):
            return encoding
    raise UserError(f"{path}: is not UTF-8, UTF-16 or CP949 text; save it as 'CSV UTF-8'.")


def _fits(file: BinaryIO, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        while chunk := file.read(CHUNK_BYTES):
            if "\0" in decoder.decode(chunk):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def layout_of(lines: Iterable[str]) -> TextLayout:
    """Return the layout of a table, given its first lines.

    The separator is the one that divides the first line, and all others that are looked at, into most columns; a comma
    where none does. A table whose first value is the name of an image has no header: its columns are taken as ``ID``
    and ``target``, also where a space separates them, as in the lists of RVL-CDIP.
    """
    sample = list(itertools.islice((line for line in lines if line.strip()), SAMPLE_LINES))
    if not sample:
        return TextLayout(",")
    if sample[0].lstrip().startswith("{"):
        return TextLayout("")
    separator = max(SEPARATORS, key=lambda one: _num_columns(sample, one))
    if (
        _num_columns(sample, separator) < 2
        and int(_num_columns(sample, " ")) == 2
        and _names_image(sample[0].split()[0])
    ):
        separator = " "
    # The name of an image has no quotation marks around a separator.
    return TextLayout(separator, columns_without_header(sample[0].strip().split(separator)))


def columns_without_header(first: Sequence[str]) -> tuple[str, ...] | None:
    """Return the columns of a table whose first row names an image and no columns; None for any other row."""
    if not first or not _names_image(first[0].strip('"')):
        return None
    others = (f"column_{number}" for number in range(3, len(first) + 1))
    return ("ID", "target", *others)[: len(first)]


def _num_columns(sample: Sequence[str], separator: str) -> float:
    """Return the columns of the first line; a little more where all lines have as many."""
    try:
        widths = [len(row) for row in csv.reader(sample, delimiter=separator)]
    except csv.Error:  # a value is too long; the reader that comes next says where
        return 0
    return widths[0] + (0.5 if widths[0] > 1 and len(set(widths)) == 1 else 0) if widths else 0


def _names_image(cell: str) -> bool:
    return Path(cell.strip()).suffix.lower() in IMAGE_EXTENSIONS


def rows_of_json(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line, from 1, and its values as text; blank lines are left out.

    Raises:
        UserError: A line is not a JSON object.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise UserError(f'{path}:{number}: is not a JSON object; each line should be one, such as {{"ID": …}}.')
        yield number, {str(name).strip(): _as_text(value) for name, value in values.items()}


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
