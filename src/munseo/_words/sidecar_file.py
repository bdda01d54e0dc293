"""Words that the user has already: the text of a column, or a ``.txt`` or hOCR file beside a page.

hOCR (Breuel, The hOCR microformat for OCR workflow and results, 2007) is HTML that OCR programs write. Such files may
come from anywhere, so they are not given to a parser of HTML or XML, with its entities and its depth: the tags are
looked at one by one, in time that grows with the file.
"""

from __future__ import annotations

import codecs
import html
import re
from pathlib import Path

import numpy as np

from munseo._data.container.contained_file import ImageFile
from munseo._errors import UserError
from munseo._words.page_words import PageWords, WordSource

SUFFIXES = (".hocr", ".txt")
"""Endings of the files beside a page, the one with positions first."""
MOST_BYTES = 2**24
"""Larger files beside a page are refused; a dense page has 50 kB of text, or 1 MB of hOCR."""
MOST_WORDS = 20_000
"""Further words of a page are left out; a dense page has 2,000."""
MOST_LETTERS = 200
"""Longer words are cut: they are data and not words."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})\b([^<>]{0,4000})>|([^<]+)")
_CLASS = re.compile(r"""\bclass\s*=\s*["']([^"'<>]{0,200})["']""")
_TITLE = re.compile(r"""\btitle\s*=\s*(?:"([^"<>]{0,3000})"|'([^'<>]{0,3000})')""")
_BOX = re.compile(r"\bbbox\s+(-?\d{1,7})\s+(-?\d{1,7})\s+(-?\d{1,7})\s+(-?\d{1,7})\b")
_CONFIDENCE = re.compile(r"\bx_wconf\s+(-?\d{1,4}(?:\.\d{1,6})?)")
_SKIPPED = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))
"""Beginnings and ends of parts without words."""
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def find_sidecar(image: ImageFile) -> Path | None:
    """Return the file with an image's words: ``page.hocr``, ``page.jpg.hocr``, ``page.txt`` or ``page.jpg.txt``."""
    if not isinstance(image, Path):
        return None
    for suffix in SUFFIXES:
        for path in (image.with_suffix(suffix), image.with_name(image.name + suffix)):
            if path != image and path.is_file():
                return path
    return None


def words_of_text(text: str, source: WordSource) -> PageWords:
    """Return the words of a text, without positions."""
    return PageWords(tuple(_clean(word) for word in text.split(None, MOST_WORDS)[:MOST_WORDS]), None, None, source)


def read_sidecar(path: Path) -> PageWords:
    """Read a ``.txt`` or ``.hocr`` file.

    Raises:
        UserError: It cannot be read, or is larger than ``MOST_BYTES``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: the words of a page cannot be read ({error.strerror or error}).") from None
    if len(data) > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES // 2**20} MB; the words of one page should be in it.")
    text = _decoded(data)
    return _read_hocr(text) if path.suffix.lower() == ".hocr" else words_of_text(text, "sidecar")


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def _read_hocr(text: str) -> PageWords:
    """Read the words of the first page in an hOCR file, with boxes and confidences if every word has them."""
    words: list[str] = []
    boxes: list[tuple[int, ...] | None] = []
    confidences: list[float | None] = []
    page: tuple[int, ...] | None = None
    num_pages, parts, depth, word_tag = 0, [], 0, ""
    for match in _TAG.finditer(_without_skipped(text)):
        closing, tag, attributes, plain = match.groups()
        if plain is not None:
            if word_tag:
                parts.append(plain)
            continue
        if word_tag:
            # A word may contain tags, such as <strong>, and also its own tag again.
            depth += (tag == word_tag) * (-1 if closing else 1)
            if depth == 0:
                word = _clean("".join(html.unescape("".join(parts)).split()))
                if word:
                    words.append(word)
                else:
                    del boxes[-1], confidences[-1]
                word_tag = ""
                if len(words) >= MOST_WORDS:
                    break
        elif not closing:
            found = _CLASS.search(attributes)
            kinds = found[1].split() if found else []
            if "ocr_page" in kinds:
                num_pages += 1
                if num_pages > 1:
                    break
                page = _box(_title(attributes))
            elif "ocrx_word" in kinds:
                title = _title(attributes)
                word_tag, depth, parts = tag, 1, []
                boxes.append(_box(title))
                sureness = _CONFIDENCE.search(title)
                confidences.append(float(sureness[1]) if sureness else None)
    count = len(words)
    return PageWords(tuple(words), _as_fractions(boxes[:count], page), _as_array(confidences[:count]), "sidecar")


def _without_skipped(text: str) -> str:
    """Return hOCR without comments, scripts and styles; one that does not end reaches to the end."""
    for begin, end in _SKIPPED:
        kept, position, lower = [], 0, text.lower()
        if len(lower) != len(text):  # a few letters are two in lower case
            lower = text
        while (start := lower.find(begin, position)) >= 0:
            kept.append(text[position:start])
            stop = lower.find(end, start)
            position = len(text) if stop < 0 else stop + len(end)
        text = "".join([*kept, text[position:]])
    return text


def _title(attributes: str) -> str:
    found = _TITLE.search(attributes)
    return (found[1] or found[2] or "") if found else ""


def _box(title: str) -> tuple[int, ...] | None:
    found = _BOX.search(title)
    return tuple(map(int, found.groups())) if found else None


def _as_fractions(boxes: list[tuple[int, ...] | None], page: tuple[int, ...] | None) -> np.ndarray | None:
    """Return boxes (N, 4) px as fractions of the page; what is outside of it is moved to its edge."""
    if page is None or page[2] <= page[0] or page[3] <= page[1] or not all(boxes):
        return None
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    origin, size = np.array([page[0], page[1]] * 2), np.array([page[2] - page[0], page[3] - page[1]] * 2)
    corners = np.clip((corners - origin) / size, 0, 1)
    corners[:, 2:] = np.maximum(corners[:, :2], corners[:, 2:])
    return np.asarray(corners, np.float32)


def _as_array(confidences: list[float | None]) -> np.ndarray | None:
    if any(confidence is None for confidence in confidences):
        return None
    return np.asarray(np.clip(np.array(confidences, np.float32) / 100, 0, 1))


def _clean(word: str) -> str:
    """Return a word without control characters and surrogates, which no table or page can hold, and not too long."""
    return "".join(character for character in word[:MOST_LETTERS] if character.isprintable())
