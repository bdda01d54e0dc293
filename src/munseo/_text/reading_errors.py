"""Texts as OCR reads them from damaged pages: words and lines missing, characters exchanged, lost and added.

A text model that was trained on well read pages only trusts words that OCR spoils. Training also on spoilt copies of
the same texts costs seconds and no OCR; what it gains is in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import numpy as np

from munseo._randomness import generator

MOST_GAPS = 2
"""Coherent parts of a page that are lost, at most: occluded, out of focus or overexposed."""
LONGEST_GAP = 0.4
"""The longest gap as a fraction of the words."""
MOST_LOST = 0.8
"""The largest fraction of the single words that are lost."""
MOST_WRONG = 0.25
"""The largest fraction of the characters that are wrong: Tesseract's on a page that is just legible."""
EXCHANGED, LOST = 0.6, 0.2
"""Fractions of the wrong characters that are another one, and that are missing; before the others one is added."""
ALIKE = {
    "e": "co", "o": "0ce", "l": "1i|", "i": "l1j", "a": "oe", "n": "ru", "m": "rn", "s": "5a", "t": "fl", "r": "nt",
    "c": "eo", "u": "nv", "h": "bn", "b": "h6", "0": "oO", "1": "lI", "5": "sS", "8": "B3", "g": "9q",
}  # fmt: skip
"""Characters that look alike, in lower case."""
NOISE = "abcdefghijklmnopqrstuvwxyz.,-_|~ \"'0123456789"
"""Characters that stand for any other one."""


def misread(text: str, seed: int, *counters: int) -> str:
    """Return a text as it might have been read from a damaged page, a function of the seed and the counters.

    The strength of the damage is drawn uniformly, so that some copies are nearly right and some nearly empty.
    """
    rng = generator(seed, "reading errors", *counters)
    strength = rng.random()
    words = text.split()
    kept = np.ones(len(words), dtype=bool)
    for _ in range(int(rng.integers(0, MOST_GAPS + 1))):
        length = int(len(words) * LONGEST_GAP * strength * rng.random())
        first = int(rng.integers(0, max(len(words), 1)))
        kept[first : first + length] = False
    kept &= rng.random(len(words)) >= MOST_LOST * strength * rng.random()
    rate = MOST_WRONG * strength * rng.random()
    return " ".join(_misspelt(word, rate, rng) for word, keep in zip(words, kept, strict=True) if keep)


def _misspelt(word: str, rate: float, rng: np.random.Generator) -> str:
    chances = rng.random(len(word)) / max(rate, 1e-9)  # a character is wrong below 1
    if chances.min(initial=1.0) >= 1:
        return word
    read = []
    for character, chance in zip(word, chances.tolist(), strict=True):
        if chance >= 1:
            read.append(character)
        elif chance < EXCHANGED:
            read.append(_any_of(ALIKE.get(character.lower(), NOISE), rng))
        elif chance >= EXCHANGED + LOST:
            read.append(_any_of(NOISE, rng) + character)
    return "".join(read)


def _any_of(characters: str, rng: np.random.Generator) -> str:
    return characters[int(rng.integers(len(characters)))]
