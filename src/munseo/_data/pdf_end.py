"""The end of a PDF: whether a file was cut short, and an end for one that lost nothing else.

A PDF ends with a table of where its objects are, and with a pointer to this table. A file that was cut within them has
all of its pages; one that was cut earlier would be drawn with parts missing, and nothing would say so.
"""

from __future__ import annotations

import re

_MARK = b"%%EOF"
_MARK_BYTES = 1024  # the mark is within the last bytes of a file (PDF 1.7, appendix H)
_OBJECT_END = b"endobj"
_LOOK_BYTES = 2000  # how far a dictionary is looked at
_TABLE_BYTES = 2_000_000  # how far a table is looked at, which has 20 bytes an object

_TABLE = re.compile(rb"\s*(xref|trailer|startxref)\b")
_TABLE_STREAM = re.compile(rb"/Type\s*/XRef\b")
_OBJECT_START = re.compile(rb"(\d{1,10})\s+(\d{1,5})\s+obj\b")
_ROOT = re.compile(rb"/Root\s+(\d{1,10})\s+(\d{1,5})\s+R\b")


def has_end(data: bytes) -> bool:
    """Return whether a PDF ends with its mark."""
    return _MARK in data[-_MARK_BYTES:]


def is_cut(data: bytes) -> bool:
    """Return whether a PDF ends before its last object does."""
    if has_end(data):
        return False
    last = data.rfind(_OBJECT_END)
    if last < 0:
        return True
    # Something else may stand behind the end, such as the zeros of a disk.
    ended = data.find(_MARK, last) >= 0 or _TABLE.match(data, last + len(_OBJECT_END))
    return not ended and _table_stream(data, last) is None


def with_end(data: bytes) -> bytes | None:
    """Return a PDF that is not cut with a new end, or None if not enough is left of its own.

    PDFium finds the objects by itself, but not the first of them, the catalogue, where the table was cut in the middle.
    """
    last = data.rfind(_OBJECT_END)
    if (start := _table_stream(data, last)) is not None:
        return data[: last + len(_OBJECT_END)] + b"\nstartxref\n%d\n%%%%EOF\n" % start
    tail = data[last : last + _TABLE_BYTES]
    # The key of an encrypted file is named at its end, and without it the pages would be noise.
    if not _TABLE.match(data, last + len(_OBJECT_END)) or b"/Encrypt" in tail or b"/Standard" in data:
        return None
    root = _ROOT.search(tail) or _catalogue(data)
    if root is None:
        return None
    trailer = b"\ntrailer\n<</Root %s %s R>>\nstartxref\n0\n%%%%EOF\n" % root.groups()
    return data[: last + len(_OBJECT_END)] + trailer


def _table_stream(data: bytes, end: int) -> int | None:
    """Return where the object that ends there starts, if it is a table of objects: newer files have it as a stream."""
    start = _object_start(data, end)
    is_table = start is not None and _TABLE_STREAM.search(data, start.end(), min(end, start.end() + _LOOK_BYTES))
    return start.start() if start is not None and is_table else None


def _catalogue(data: bytes) -> re.Match[bytes] | None:
    """Return the numbers of the object that is the catalogue."""
    place = data.rfind(b"/Catalog")
    return _object_start(data, place) if place >= 0 else None


def _object_start(data: bytes, place: int) -> re.Match[bytes] | None:
    """Return the start of the object in which a place is, or None if it is in none."""
    start = data.rfind(b"obj", 0, place)
    if start < 3 or data[start - 3 : start] == b"end":
        return None
    found = list(_OBJECT_START.finditer(data, max(0, start - 20), start + 3))
    return found[-1] if found else None
