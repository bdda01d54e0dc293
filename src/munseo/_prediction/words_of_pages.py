"""The words of the pages of a run: of files, of damaged validation pages, and of pages that were decoded already."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from munseo._augment import Recipe, apply_recipe, damage_version
from munseo._config import Config
from munseo._cores import num_cores
from munseo._data import Page, decode, letterbox
from munseo._data.cache import cache_folder
from munseo._data.container.contained_file import ImageFile
from munseo._data.image_error import UnreadableError
from munseo._prediction.shifted_pages import SHIFT_SEED
from munseo._randomness import generator
from munseo._words.page_reader import read_page
from munseo._words.page_words import NO_WORDS, PageWords
from munseo._words.pdf_text import PdfPage
from munseo._words.reading_settings import ReadingSettings
from munseo._words.sidecar_file import find_sidecar, words_of_text
from munseo._words.word_engine import WordEngine
from munseo._words.word_reader import read_words
from munseo._words.word_sources import StoredPage, to_grey

MOST_PX = 1400
"""Longest side at which pages are damaged to be read: print is legible, and the damage takes half a second."""
FEW_PAGES = 4
"""So few pages are read in this process: others take a second to start."""


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A validation page in one draw of a recipe, as large as it can be read.

    Attributes:
        key: Identifies the pixels.
        path: The file of the page.
        page_id: The ID of the page, on which its damage depends.
        recipe: The damage.
        draw: Number of the draw.
    """

    key: str
    path: ImageFile
    page_id: str
    recipe: Recipe
    draw: int
    text: None = None
    sidecar: None = None
    pdf: PdfPage | None = None

    def grey(self) -> np.ndarray:
        """Decode and damage the page; raises ImageError."""
        pixels = decode(self.path)
        square = letterbox(pixels, min(max(pixels.shape[:2]), MOST_PX))
        rng = generator(SHIFT_SEED, f"shifted/{self.page_id}", self.draw)
        return to_grey(apply_recipe(square, self.recipe, rng))


def reading_settings(config: Config) -> ReadingSettings:
    """Return how a configuration wants words to be found."""
    return ReadingSettings(config.text, tuple(config.ocr_languages))


def find_words(
    config: Config, pages: Sequence[Page], texts: Mapping[str, str], description: str = "reading words"
) -> list[PageWords]:
    """Return the words of the files of pages; what an engine reads is kept in the cache.

    Args:
        config: The configuration of a run with ``text``.
        pages: The pages.
        texts: The user's own texts by page ID, as far as there are any.
        description: What is done, for the progress bar.

    Raises:
        UserError: The engine, the data of a language or a file beside a page cannot be read.
    """
    settings = reading_settings(config)
    found, sources = [NO_WORDS] * len(pages), {}
    for index, page in enumerate(pages):
        with suppress(OSError, UnreadableError):  # whoever predicts the page reports it
            key = _sha256(page.path)
            sources[index] = StoredPage(key, page.path, texts.get(page.id), find_sidecar(page.path))
    words = read_words([*sources.values()], settings, _cache(config), _workers(len(sources)), description)
    for index, one in zip(sources, words, strict=True):
        found[index] = one
    return found


def find_damaged_words(
    config: Config, pages: Sequence[Page], recipe: Recipe, num_draws: int
) -> list[list[PageWords]] | None:
    """Return the words of validation pages damaged by a recipe, for each draw; None where no engine may read them.

    The user's own text and the text layer of a PDF come beside the picture, and no damage reaches them.
    """
    settings = reading_settings(config)
    if not settings.uses_engine:
        return None
    damage = hashlib.sha256(f"{recipe!r} {damage_version()}".encode()).hexdigest()[:16]
    sources = [
        DamagedFile(f"{_sha256(page.path)}/{damage}/{page.id}/{draw}/{SHIFT_SEED}", page.path, page.id, recipe, draw)
        for draw in range(num_draws)
        for page in pages
    ]
    words = read_words(sources, settings, _cache(config), _workers(len(sources)), "reading damaged pages")
    return [words[start : start + len(pages)] for start in range(0, len(words), len(pages))]


@dataclass(frozen=True)
class PixelReader:
    """Gives the words of decoded pages, in any number of threads.

    Attributes:
        settings: How words are found; a PDF's text layer is not at hand here.
    """

    settings: ReadingSettings

    def __call__(self, pixels: np.ndarray, text: str | None) -> PageWords:
        """Return the words of a page, uint8 RGB (H, W, 3) or grey (H, W), given the user's own text of it, if any."""
        if text is not None and text.strip() and self.settings.text in ("auto", "column"):
            return words_of_text(text, "column")
        if not self.settings.uses_engine:
            return NO_WORDS
        return read_page(to_grey(pixels), _engine(self.settings))


_engines = threading.local()
"""The engine of each thread: it may be used by one thread only."""


def _engine(settings: ReadingSettings) -> WordEngine:
    known: dict[ReadingSettings, WordEngine] = _engines.__dict__.setdefault("known", {})
    if settings not in known:
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before an engine is loaded: every thread has its own
        engine = settings.open_engine()
        assert engine is not None, "these settings use an engine"
        known[settings] = engine
    return known[settings]


def _cache(config: Config) -> Path | None:
    if config.cache is False:
        return None
    return cache_folder() if config.cache in (True, "auto") else Path(str(config.cache)).expanduser()


def _workers(num_pages: int) -> int:
    return 0 if num_pages <= FEW_PAGES else num_cores()


def _sha256(file: ImageFile) -> str:
    if not isinstance(file, Path):
        return hashlib.sha256(file.read()).hexdigest()
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
