"""How the words of pages are to be found: from which source, by which engine, in which languages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Literal

from munseo._data.cache.pack_storage import decoder_version
from munseo._words.tesseract_engine import TesseractEngine, tesseract_version
from munseo._words.word_engine import EngineKind, WordEngine

TextSource = Literal["auto", "column", "pdf", "ocr", "none"]
"""``auto``: the first that a page has of the column or the file beside it, the text layer of its PDF, and OCR."""

ENGINES = {"tesseract": EngineKind(tesseract_version, TesseractEngine)}
"""The OCR engines; a new one needs an entry here and its class."""

READING_CODE = (
    *("level_page.py", "page_pose.py", "page_reader.py", "pdf_text.py", "tesseract_engine.py"),
    *("sidecar_file.py", "text_windows.py", "word_engine.py", "word_sources.py"),
    *("../_shift/image_quality.py", "../_shift/page_area.py", "../_shift/text_lines.py"),
)
"""The files that decide what is read. A change of any of them starts a new store of words, so that nobody has to
remember to raise a version."""


@dataclass(frozen=True, slots=True)
class ReadingSettings:
    """How the words of pages are to be found."""

    text: TextSource = "auto"
    languages: tuple[str, ...] = ("eng",)  # as the engine calls them
    engine: str = "tesseract"  # key in ``ENGINES``
    data_folder: Path | None = None  # where the engine looks for the data of languages first

    @property
    def uses_engine(self) -> bool:
        """Whether pages may have to be read by an engine."""
        return self.text in ("auto", "ocr")

    def check(self) -> None:
        """Check, before any page is read, that the engine and its data are there.

        Raises:
            UserError: The engine or the data of a language is missing.
        """
        if self.uses_engine:
            ENGINES[self.engine].version(self.languages, self.data_folder)

    def open_engine(self) -> WordEngine | None:
        """Return the engine, ready to read; None if these settings use none."""
        return ENGINES[self.engine].open(self.languages, self.data_folder) if self.uses_engine else None

    def version(self) -> str:
        """Return 16 hexadecimal digits that change whenever words might: with settings, engine, data, and own code."""
        engine = ENGINES[self.engine].version(self.languages, self.data_folder) if self.uses_engine else ""
        parts = [self.text, self.engine, engine, decoder_version(), metadata.version("pypdfium2"), _code_version()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _code_version() -> str:
    total = hashlib.sha256()
    for name in READING_CODE:
        total.update((Path(__file__).parent / name).read_bytes())
    return total.hexdigest()
