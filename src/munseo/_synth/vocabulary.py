"""The vocabulary of the invented people, places and documents; ``vocabulary.yaml`` has the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from munseo._synth.random_draws import pick

VOCABULARY: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text("utf-8"))
"""Lists of words, and mappings of words, by name."""


def words(name: str) -> list[str]:
    """Return a list of words."""
    return list(VOCABULARY[name])


def word(rng: np.random.Generator, name: str) -> str:
    """Return one of the words of a list."""
    return pick(rng, words(name))


def pairs(name: str) -> list[tuple[str, str]]:
    """Return the pairs of a mapping, such as diseases with their codes."""
    return list(VOCABULARY[name].items())
