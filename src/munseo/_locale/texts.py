"""The catalogue of texts: ``en.yaml`` and ``ko.yaml`` next to this file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from munseo._errors import UserError

LANGUAGES = ("en", "ko")
"""A language is one YAML file of this folder; a test compares the keys and placeholders of all of them."""


class Texts:
    """The texts of one room in one language.

    A key is looked up in the room first and then from the top of the catalogue, so that names and notes that several
    rooms use are there once::

        texts = Texts("en", "report")
        texts("epochs_value", done=7, planned=10)  # report.epochs_value: "7 of 10"
        texts("damage.stain")  # damage.stain: "Stains"

    Texts are plain text; words in backticks are code. Whoever puts them into HTML escapes them.

    Args:
        language: One of ``LANGUAGES``.
        room: A top-level key of the catalogue, such as ``report`` or ``ui``.

    Raises:
        UserError: The language is unknown.
    """

    def __init__(self, language: str, room: str) -> None:
        if language not in LANGUAGES:
            raise UserError(f"{language!r}: reports are written in {' and '.join(LANGUAGES)}; choose one of them.")
        self.language = language
        self.room = room

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key with the values in its placeholders.

        Raises:
            KeyError: The catalogue lacks the key, or a placeholder has no value.
        """
        text = self._find(key)
        if text is None:
            raise KeyError(f"{self.room}.{key}")
        return text.format(**values)

    def name(self, kind: str, name: str) -> str:
        """Return what a named thing is called, or its own name where the catalogue does not know it.

        Args:
            kind: The keys' common beginning, such as ``damage``.
            name: The name in a run folder or a configuration, such as ``ink_fade``.
        """
        return self._find(f"{kind}.{name}") or name.replace("_", " ")

    def remark(self, remark: Remark) -> str:
        """Return the sentence of a remark; the stored one, where this version knows no such remark."""
        text = self._find(f"note.{remark.key}")
        values = {name: self.remark(v) if isinstance(v, Remark) else v for name, v in remark.values.items()}
        try:
            return remark.text if text is None else text.format(**values)
        except (KeyError, IndexError):  # an earlier version stored other values
            return remark.text

    def translate(self, sentence: str) -> str:
        """Return a stored English sentence in this language, or as it is where the catalogue does not know it.

        Run folders and tables hold notes on the data, reasons for skipped pages and findings as plain sentences.
        """
        if self.language == "en":
            return sentence
        for key, pattern in _sentences():
            if match := pattern.fullmatch(sentence):
                values = match.groupdict()
                if "content" in values:
                    values["content"] = self.translate(values["content"])
                # The numbers in the sentence are formatted already.
                return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", self._find(key) or sentence).format(**values)
        return sentence

    def _find(self, key: str) -> str | None:
        texts = _catalogue(self.language)
        return texts.get(f"{self.room}.{key}", texts.get(key))


@dataclass(frozen=True)
class Remark:
    """Something that a reader should know about a result, in a form that every language can write.

    Attributes:
        key: The key of its sentence under ``note`` in the catalogue.
        values: The values of the sentence's placeholders; a remark among them is translated too.
        text: The sentence as it was stored, for remarks that were read; shown where the catalogue lacks the key.
    """

    key: str
    values: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def __str__(self) -> str:
        """The English sentence."""
        return Texts("en", "note").remark(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of ``results.json``."""
        return {"key": self.key, "text": self.text or str(self), "values": self.values}


@cache
def _catalogue(language: str) -> dict[str, str]:
    """Read a language's file as one dictionary from ``room.key`` to text.

    With libyaml this takes 15 ms, without it 90, once a process.
    """
    # The base loader leaves every scalar a string: "yes" and "none" are texts here.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    file = Path(__file__).with_name(f"{language}.yaml")
    rooms = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)
    return {f"{room}.{key}": text for room, texts in rooms.items() for key, text in texts.items()}


@cache
def _sentences() -> list[tuple[str, re.Pattern[str]]]:
    """Return the key and the pattern of every English note, the longest first."""
    found: list[tuple[int, str, re.Pattern[str]]] = []
    for key, text in _catalogue("en").items():
        if key.startswith("note."):
            parts = list(Formatter().parse(text))
            pattern = "".join(re.escape(words) + (f"(?P<{name}>.+?)" if name else "") for words, name, _, _ in parts)
            found.append((sum(len(words) for words, *_ in parts), key, re.compile(pattern, re.DOTALL)))
    found.sort(key=lambda entry: -entry[0])
    return [(key, pattern) for length, key, pattern in found if length]
