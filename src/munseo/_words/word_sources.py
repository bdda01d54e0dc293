"""Where the words of a page come from: its column, the file beside it, the text layer of its PDF, or an engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from munseo._data.container.contained_file import ImageFile
from munseo._data.decoder import decode_stored
from munseo._data.image_error import ImageError
from munseo._words.page_reader import read_page
from munseo._words.page_words import NO_WORDS, PageWords
from munseo._words.pdf_text import PdfPage, read_pdf_text
from munseo._words.reading_settings import ReadingSettings
from munseo._words.sidecar_file import read_sidecar, words_of_text
from munseo._words.word_engine import WordEngine


class PageSource(Protocol):
    """A page whose words are wanted. It must be possible to pickle it, as other processes read it."""

    @property
    def key(self) -> str:
        """Identifies the pixels: two sources with one key must have the same pixels.

        It is the SHA-256 of the file and the number of the page, with the key of the damage for damaged pages.
        """

    @property
    def text(self) -> str | None:
        """What the table has for the page, or None."""

    @property
    def sidecar(self) -> Path | None:
        """A ``.txt`` or ``.hocr`` file of the page, or None."""

    @property
    def pdf(self) -> PdfPage | None:
        """The page of a PDF that the pixels show, undamaged, or None."""

    def grey(self) -> np.ndarray:
        """Return the page (H, W) uint8, at least 1,000 px on its longer side if the file has them.

        Raises:
            ImageError: The file cannot be read.
        """


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page that is the first of an image file, see ``PageSource``."""

    key: str
    path: ImageFile
    text: str | None = None
    sidecar: Path | None = None

    @property
    def pdf(self) -> PdfPage | None:
        """The first page of the file, if it is a PDF by its name."""
        return PdfPage(self.path, 0) if self.path.suffix.lower() == ".pdf" else None

    def grey(self) -> np.ndarray:
        """Decode the file; raises ImageError."""
        return to_grey(decode_stored(self.path))


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """Return a page, RGB (H, W, 3) or grey (H, W), as grey."""
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def given_words(source: PageSource, settings: ReadingSettings) -> PageWords | None:
    """Return the words that the user gave for a page; None if there are none and others have to be found.

    Raises:
        UserError: The file beside the page cannot be read.
    """
    if settings.text == "none":
        return NO_WORDS
    if settings.text in ("auto", "column"):
        if source.text and source.text.strip():
            return words_of_text(source.text, "column")
        if source.sidecar is not None:
            return read_sidecar(source.sidecar)
    return PageWords((), None, None, "column") if settings.text == "column" else None


def found_words(source: PageSource, settings: ReadingSettings, engine: WordEngine | None) -> PageWords | None:
    """Return the words of a page for which none were given; None if its file cannot be read.

    Args:
        source: The page.
        settings: Their ``text`` is ``auto``, ``pdf`` or ``ocr``.
        engine: The engine that ``settings`` opened.
    """
    try:
        grey = source.grey()
    except ImageError:  # whoever predicts the page reports it
        return None
    if settings.text in ("auto", "pdf") and source.pdf is not None:
        words = read_pdf_text(source.pdf, grey, engine)
        if words is not None:
            return words
    return PageWords((), None, None, "pdf") if engine is None else read_page(grey, engine)
