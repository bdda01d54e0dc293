"""The vocabulary of the invented people, places and documents; ``vocabulary.yaml`` has the words and colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from munseo._synth.random_draws import RGB, Rng, pick

VOCABULARY: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text("utf-8"))
"""Lists and mappings of words by name, and lists of colours."""


def words(name: str) -> list[str]:
    """Return a list of words."""
    return list(VOCABULARY[name])


def word(rng: Rng, name: str) -> str:
    """Return one of the words of a list."""
    return pick(rng, words(name))


def colour(rng: Rng, name: str) -> RGB:
    """Return one of the colours of a list."""
    red, green, blue = pick(rng, VOCABULARY["colours"][name])
    return red, green, blue


def pairs(name: str) -> list[tuple[str, str]]:
    """Return the pairs of a mapping, such as diseases with their codes."""
    return list(VOCABULARY[name].items())
