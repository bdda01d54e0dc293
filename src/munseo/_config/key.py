"""The metadata of configuration keys: a description for users, and facts that reports need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]


class KeyGroup(StrEnum):
    """Keys that a report shows together. Those of the last five are shown elsewhere or not at all.

    The titles are in the catalogue of texts, as ``yaml.<group>``.
    """

    ARCHITECTURE = "architecture"
    OPTIMIZER = "optimizer"
    SCHEDULER = "scheduler"
    BATCHES = "batches"
    LENGTH = "length"
    LOSS = "loss"
    TECHNIQUES = "techniques"
    SHIFT = "shift"
    TEXT = "text"
    OTHER = "other"
    NORMALISATION = "normalisation"
    SPLIT = "split"
    AUGMENTATION = "augmentation"
    SWITCHES = "switches"
    IMBALANCE = "imbalance"
    DATA = "data"
    HARDWARE = "hardware"
    TRACKING = "tracking"


class OnResume(StrEnum):
    """What ``munseo resume`` does when a key differs from the configuration that the run started with."""

    REFUSED = "refused"  # the rest would be another run: other pages, other steps, or another judgement
    ROUNDED = "rounded"  # the same pages and steps, rounded differently; the run goes on and prints it
    FREE = "free"  # the result does not depend on it


class Section(BaseModel):
    """A mapping of the configuration file; a key that it does not know is an error.

    Its keys are in its ``group``, unless a key has another one.
    """

    group: ClassVar[KeyGroup] = KeyGroup.OTHER

    # Building the validators takes 0.1 s, which commands that read no configuration save.
    model_config = ConfigDict(
        extra="forbid", validate_default=True, protected_namespaces=(), allow_inf_nan=False, defer_build=True
    )


class Translated(NamedTuple):
    """A sentence of reports in every language."""

    en: str
    ko: str

    def of(self, language: str, /, **values: object) -> str:
        """Return the sentence in a language, with the values of its placeholders."""
        text: str = getattr(self, language)
        return text.format(**values)


@dataclass(frozen=True)
class Key:
    """Facts about a key that a report needs; they are part of the annotation of the key."""

    group: KeyGroup | None = None  # the keys that it is shown with; None: those of its section
    on_resume: OnResume = OnResume.REFUSED  # what a changed value means for a run that goes on
    always: bool = False  # whether it is shown always; other keys are shown when they differ from their default
    order: int = 0  # its position in the group; keys of equal order are in the order of their declaration
    off: Translated | None = None  # what the technique does; reports list the key with this text when it is off
    off_order: int = 0  # its position in that list; the next free one for a new key
    ends: Translated | None = None  # what a report says when this key ended the training: see _training/stop_rules.py
    balances: bool = False  # whether it makes unequal classes count alike; only one such key may be on
    when_on: Translated | None = None  # what a report says about the balance of the classes when the key is on


def keys_of(section: type[Section]) -> dict[str, Key]:
    """Return what reports need to know about each key of a section, with the group of each key."""
    bases = [base for base in reversed(section.__mro__) if issubclass(base, Section)]
    groups = {name: base.group for base in bases for name in base.__annotations__}
    keys = {}
    for name, field in section.model_fields.items():
        key = next((item for item in field.metadata if isinstance(item, Key)), Key())
        keys[name] = key if key.group else replace(key, group=groups[name])
    return keys
