"""What every OCR engine offers, and how plausible is what it read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

Layout = Literal["page", "block"]
"""What an engine should expect: a page whose parts it has to find, or one block of text lines."""

LEAST_LETTERS = 3
"""Shorter words are read into noise and into turned print too often to count."""
LEAST_SYLLABLES = 2
"""The same for words of syllables, such as Korean ones."""
FIRST_SYLLABLE = 0x1100
"""The scripts of East Asia begin with this code point (Hangul Jamo)."""
LOWEST, HIGHEST = 0.3, 0.9
"""A word of the first confidence counts nothing, one of the second in full."""
UNKNOWN_WORD = 0.3
"""Weight of a word that is not in the engine's dictionary."""


@dataclass(frozen=True, slots=True, eq=False)
class RawReading:
    """What an engine read: N words, none of them only white space."""

    words: tuple[str, ...]
    boxes: np.ndarray  # (N, 4) float32: x0, y0, x1, y1, px
    confidences: np.ndarray  # (N,) float32, 0 to 1
    known: np.ndarray  # (N,) bool: whether the engine's dictionary has the word

    @property
    def num_letters(self) -> int:
        """The letters of all words that are long enough to count."""
        return int(sum(_counted_letters(word) for word in self.words))

    @property
    def plausible_letters(self) -> float:
        """The letters of words that were read as they stand there, as far as an engine can tell.

        Noise, turned and mirrored print give as many words as print does, and some of them with high confidence, but
        few long ones that are also in a dictionary. On turned and mirrored scans this sum was at most a third of that
        of the upright page, where it was a tenth on most.
        """
        letters = np.array([_counted_letters(word) for word in self.words], np.float64)
        sureness = np.clip((self.confidences - LOWEST) / (HIGHEST - LOWEST), 0, 1) ** 2
        return float((letters * sureness * np.where(self.known, 1.0, UNKNOWN_WORD)).sum())


class WordEngine(Protocol):
    """An OCR engine that is ready to read; it is used by one thread only."""

    def read(self, pixels: np.ndarray, layout: Layout) -> RawReading:
        """Read a grey page (H, W) uint8 with dark print; the same pixels give the same reading, whatever was before."""


@dataclass(frozen=True)
class EngineKind:
    """An engine that can be chosen by its name. Both functions take the languages and the folder of data, or None.

    Attributes:
        version: Returns a text that changes whenever readings might: with the engine, its data, its settings. Raises
            UserError if the engine or the data of a language is missing.
        open: Returns the engine, ready to read.
    """

    version: Callable[[Sequence[str], Path | None], str]
    open: Callable[[Sequence[str], Path | None], WordEngine]


def _counted_letters(word: str) -> int:
    letters = [character for character in word if character.isalpha()]
    least = LEAST_SYLLABLES if any(ord(letter) >= FIRST_SYLLABLE for letter in letters) else LEAST_LETTERS
    return len(letters) if len(letters) >= least else 0
