"""The text layer of a PDF page, if it says what the picture shows.

A layer may be missing, belong to another page, contain only a stamp on a scan, or consist of letters that its fonts map
to others. So it is believed only where letters are where ink is, ink is where letters are, and, with an OCR engine at
hand, a few lines of it read the same.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
from pypdfium2 import raw

from munseo._data.container.contained_file import ImageFile
from munseo._data.image_error import UnreadableError
from munseo._data.pdf_fonts import serve_fonts
from munseo._data.pdf_pages import PDFIUM_LOCK
from munseo._shift.page_area import find_strokes
from munseo._words.page_words import PageWords, turned_boxes
from munseo._words.sidecar_file import MOST_WORDS
from munseo._words.word_engine import WordEngine

MOST_CHARACTERS = 200_000
"""Characters of a page that are looked at; a dense page has 12,000."""
LEAST_WORDS = 3
"""A layer with fewer words is not worth more than reading the page."""
INK_LEVELS = 40
"""A stroke that is darker than its surroundings by this many grey levels is ink."""
LETTERS_ON_INK = 0.8
"""At least this fraction of the words must have ink in their boxes."""
LEAST_INK = 0.01
"""A box has ink if this fraction of its pixels is."""
INK_UNDER_LETTERS = 0.5
"""At least this fraction of the ink must be in boxes of words: a stamp on a scan is not its text."""
BOX_MARGIN = 0.15
"""Boxes are larger by this fraction of their height when ink is looked for: they end at the letters' own edges."""
LEAST_PRINTABLE = 0.95
"""At least this fraction of the characters must stand for a letter: fonts without a mapping give replacements."""
CHECKED_LINES = 6
"""Lines of print that an engine reads to compare them with the layer."""
LEAST_ALIKE = 0.5
"""At least this fraction of the letters in these lines must be the same."""
ANALYSED_PX = 1600
"""Ink is looked for at this length of the longer side."""


@dataclass(frozen=True, slots=True)
class PdfPage:
    """A page of a PDF, its number counted from 0."""

    path: ImageFile
    number: int


@dataclass(frozen=True)
class _Layer:
    """The words of a text layer."""

    words: list[str]
    boxes: np.ndarray  # (N, 4) float64, fractions of the page as it is shown
    num_characters: int  # without white space
    num_unmapped: int  # of them, those that stand for no letter
    quarter_turns: int  # in which the words are turned counter-clockwise on the page as it is shown


def read_pdf_text(page: PdfPage, grey: np.ndarray, engine: WordEngine | None) -> PageWords | None:
    """Return the words of the text layer of a page, or None if it has none or they are not to be believed.

    Args:
        page: The page.
        grey: The same page as a picture (H, W) uint8.
        engine: An engine that reads a few lines for comparison; None leaves that out.
    """
    layer = _read_layer(page)
    if layer is None or len(layer.words) < LEAST_WORDS:
        return None
    if layer.num_unmapped > (1 - LEAST_PRINTABLE) * layer.num_characters:
        return None
    factor = min(1.0, ANALYSED_PX / max(grey.shape))
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else grey
    if not _is_where_ink_is(layer.boxes, small) or (engine is not None and not _reads_alike(layer, grey, engine)):
        return None
    boxes = turned_boxes(layer.boxes, -layer.quarter_turns).astype(np.float32)
    order = _reading_order(boxes) if layer.quarter_turns else range(len(boxes))
    words = tuple(layer.words[index] for index in order)
    return PageWords(words, boxes[list(order)], None, "pdf", layer.quarter_turns)


def _reading_order(boxes: np.ndarray) -> list[int]:
    """Return the order of words (N, 4) on the upright page; PDFium gives the lines of some turned pages upwards."""
    lines = [[0]]
    for index in range(1, len(boxes)):
        middle = (boxes[index, 1] + boxes[index, 3]) / 2
        if boxes[index - 1, 1] <= middle <= boxes[index - 1, 3]:
            lines[-1].append(index)
        else:
            lines.append([index])
    tops = [float(boxes[line, 1].min()) for line in lines]
    if sum(after < before for before, after in pairwise(tops)) > (len(lines) - 1) / 2:
        lines.reverse()
    return [index for line in lines for index in line]


def _read_layer(page: PdfPage) -> _Layer | None:
    """Read the words with their boxes; None if the file or the page cannot be read."""
    with PDFIUM_LOCK:
        serve_fonts()  # the boxes of letters whose font is not in the file depend on the font
        try:
            document = pypdfium2.PdfDocument(page.path if isinstance(page.path, Path) else page.path.read())
        except (pypdfium2.PdfiumError, OSError, UnreadableError):
            return None
        try:
            opened = document[page.number]
            text = opened.get_textpage()
            try:
                return _layer_of(opened, text)
            finally:
                text.close()
                opened.close()
        except (pypdfium2.PdfiumError, IndexError):
            return None
        finally:
            document.close()


def _layer_of(page: Any, text: Any) -> _Layer:
    count = min(text.count_chars(), MOST_CHARACTERS)
    words: list[str] = []
    boxes: list[list[float]] = []
    letters: list[str] = []
    corners: list[tuple[float, ...]] = []
    num_characters = num_unmapped = 0
    turns = [0, 0, 0, 0]
    for index in range(count + 1):
        code = raw.FPDFText_GetUnicode(text, index) if index < count else ord(" ")
        character = chr(code) if code < 0x110000 else "\ufffd"
        if character.isspace() or code == 0:
            if letters and len(words) < MOST_WORDS:
                edges = np.array(corners)
                words.append("".join(letters))
                boxes.append([*edges[:, :2].min(axis=0), *edges[:, 2:].max(axis=0)])
            letters, corners = [], []
            continue
        num_characters += 1
        is_unmapped = raw.FPDFText_HasUnicodeMapError(text, index) == 1 or not character.isprintable()
        num_unmapped += is_unmapped or 0xE000 <= code <= 0xF8FF or code == 0xFFFD
        if character.isprintable():
            letters.append(character)
            corners.append(text.get_charbox(index))
            turns[round(raw.FPDFText_GetCharAngle(text, index) / (math.pi / 2)) % 4] += 1
    rotation = page.get_rotation() // 90
    # PDFium counts the turns of letters counter-clockwise and those of the page clockwise.
    quarter_turns = (int(np.argmax(turns)) - rotation) % 4
    return _Layer(words, _shown(np.array(boxes).reshape(-1, 4), page), num_characters, num_unmapped, quarter_turns)


def _shown(boxes: np.ndarray, page: Any) -> np.ndarray:
    """Return boxes (N, 4) left, bottom, right, top, in points of the unturned page, as fractions of the page shown."""
    left, bottom, right, top = page.get_cropbox()
    size = np.array([right - left, top - bottom] * 2)
    x0, y0, x1, y1 = ((boxes - [left, bottom, left, bottom]) / size).T
    shown = np.stack([x0, 1 - y1, x1, 1 - y0], axis=1)
    for _ in range(page.get_rotation() // 90):  # clockwise
        x0, y0, x1, y1 = shown.T
        shown = np.stack([1 - y1, x0, 1 - y0, x1], axis=1)
    return np.asarray(np.clip(shown, 0, 1))


def _is_where_ink_is(boxes: np.ndarray, grey: np.ndarray) -> bool:
    """Return whether most words have ink under them, and most of the ink is under words."""
    ink = find_strokes(grey) >= INK_LEVELS
    height, width = ink.shape
    summed = cv2.integral(ink.astype(np.uint8))
    heights = boxes[:, 3] - boxes[:, 1]
    margins = np.stack([heights * height / width, heights], axis=1) * BOX_MARGIN
    wide = np.concatenate([boxes[:, :2] - margins, boxes[:, 2:] + margins], axis=1)
    px = np.clip(np.round(wide * np.tile([width, height], 2)), 0, None).astype(int)
    x0, y0 = np.minimum(px[:, 0], width), np.minimum(px[:, 1], height)
    x1, y1 = np.minimum(px[:, 2], width), np.minimum(px[:, 3], height)
    inside = summed[y1, x1] - summed[y0, x1] - summed[y1, x0] + summed[y0, x0]
    areas = np.maximum((x1 - x0) * (y1 - y0), 1)
    covered = np.zeros(ink.shape, bool)
    for left, upper, right, lower in zip(x0, y0, x1, y1, strict=True):
        covered[upper:lower, left:right] = True
    total = int(ink.sum())
    return bool(
        np.mean(inside >= LEAST_INK * areas) >= LETTERS_ON_INK
        and total > 0
        and int(ink[covered].sum()) >= INK_UNDER_LETTERS * total
    )


def _reads_alike(layer: _Layer, grey: np.ndarray, engine: WordEngine) -> bool:
    """Return whether an engine reads about the same letters in some lines with many words."""
    boxes = turned_boxes(layer.boxes, -layer.quarter_turns)
    upright = np.ascontiguousarray(np.rot90(grey, -layer.quarter_turns))
    height, width = upright.shape
    line = float(np.median(boxes[:, 3] - boxes[:, 1]))
    span = CHECKED_LINES * 1.5 * line
    tops = boxes[:, 1]
    counts = [int(((tops >= top) & (boxes[:, 3] <= top + span)).sum()) for top in tops]
    first = float(tops[int(np.argmax(counts))])
    chosen = [i for i, box in enumerate(boxes) if box[1] >= first and box[3] <= first + span]
    area = boxes[chosen]
    margin = 0.5 * line * height
    x0, y0 = int(max(0, area[:, 0].min() * width - margin)), int(max(0, area[:, 1].min() * height - margin))
    x1, y1 = math.ceil(area[:, 2].max() * width + margin), math.ceil(area[:, 3].max() * height + margin)
    cut = upright[y0:y1, x0:x1]
    wanted_px = 40.0  # height of a line that engines read well
    factor = min(3.0, max(0.5, wanted_px / max(1.0, 1.3 * line * height)))
    cut = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    read = "".join(engine.read(cut, "block").words)
    told = "".join(layer.words[index] for index in chosen)
    return _likeness(told, read) >= LEAST_ALIKE


def _likeness(first: str, second: str) -> float:
    """Return the fraction of the letters of the longer text that are in both, in the same order."""
    first, second = first.casefold()[:2000], second.casefold()[:2000]
    blocks = difflib.SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(1, len(first), len(second))
