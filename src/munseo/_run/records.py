"""What the typed JSON files of a run folder have in common, and the small ones among them.

Reading is lenient where files of earlier versions, or edited ones, may differ: null, NaN and missing values are the
default of their field unless a record cannot do without them, and unknown keys are kept.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from munseo._locale import Remark


class RunRecord(BaseModel):
    """The base of all records. They do not change once they are made."""

    # Building the validators of all records takes 20 ms, which commands that read none of them save.
    model_config = ConfigDict(
        frozen=True, extra="allow", coerce_numbers_to_str=True, populate_by_name=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _take_defaults(cls, values: Any) -> Any:
        """Leave values that say nothing to the defaults of their fields."""
        if not isinstance(values, dict):
            return values
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        kept = {}
        for key, value in values.items():
            field = fields.get(key)
            if field is None or field.is_required():
                kept[key] = value
            elif field.default is None:
                kept[key] = None if is_unknown(value) else value
            elif value is not None and value == value:
                kept[key] = value
        return kept


def is_unknown(value: Any) -> bool:
    """Return whether a value says nothing: it is null, NaN, empty, or an interval without one of its ends."""
    return value is None or value != value or value in ({}, []) or (isinstance(value, list) and None in value)


def _read_remarks(entries: Any) -> tuple[Remark, ...]:
    """Return remarks; earlier versions wrote plain sentences, which cannot be translated."""
    return tuple(
        Remark(str(entry["key"]), dict(entry["values"]), str(entry["text"]))
        if isinstance(entry, dict)
        else Remark("", text=str(entry))
        for entry in entries
    )


Remarks = Annotated[
    tuple[Remark, ...],
    BeforeValidator(_read_remarks),
    PlainSerializer(lambda remarks: [remark.to_dict() for remark in remarks]),
]
"""Notes for a reader, which a report can translate."""


class ServerScores(RunRecord):
    """The scores that a competition's server gave: the content of ``scores.json``; ``recorded`` is an ISO time."""

    public: float | None = None
    private: float | None = None
    recorded: str | None = None

    @property
    def given(self) -> dict[str, float]:
        """The scores that there are, the public one first."""
        scores = {"public": self.public, "private": self.private}
        return {name: score for name, score in scores.items() if score is not None}


class Course(RunRecord):
    """The course of training: the entry ``course`` of the manifest. Epochs count from 0.

    Attributes:
        best_value: The monitored metric at the best epoch.
        stopped: Why training ended, such as ``epochs`` or ``patience``.
        seconds: The time of all epochs.
        augmented_pages: How many pages each augmentation policy changed, and how many stayed ``clean``.
        mixed_batches: How many batches each mix blended.
    """

    epochs_done: int | None = None
    epochs_planned: int | None = None
    best_epoch: int | None = None
    monitor: str | None = None
    best_value: float | None = None
    stopped: str | None = None
    seconds: float | None = None
    augmented_pages: dict[str, int] = Field(default_factory=dict)
    mixed_batches: dict[str, int] = Field(default_factory=dict)


class RunStart(RunRecord):
    """What a run began with: the entry ``start`` of the manifest, which runs of earlier versions lack.

    Attributes:
        settings: Every key of the configuration with its value.
        sha256: Files that the run wrote then, and reads again when it goes on.
    """

    settings: dict[str, Any] = Field(default_factory=dict)
    sha256: dict[str, str] = Field(default_factory=dict)


class Continuation(RunRecord):
    """A wish for more epochs than were planned: an entry of the manifest's ``continuations``, the oldest first.

    Attributes:
        epochs: The number of epochs that the run plans from here on.
        planned: The number of epochs that it planned before.
        epochs_done: The number of epochs that had been trained; in a k-fold run of the fold that had trained longest.
        best_epoch: The best of these, counted from 0; None in a k-fold run.
        macro_f1: Macro-F1 on the validation pages, if the run had been judged.
        public: The public score that a server had given for the submission of that time; ``private`` likewise.
        asked: When it was asked for, as an ISO time.
    """

    epochs: int
    planned: int | None = None
    epochs_done: int | None = None
    best_epoch: int | None = None
    macro_f1: float | None = None
    public: float | None = None
    private: float | None = None
    asked: str | None = None


class ClassCount(RunRecord):
    """The numbers of training pages of a class, before and after it was filled up, and of its validation pages.

    The manifest has these records under ``data``.
    """

    name: str = Field(alias="class")
    before: int
    added: int
    after: int
    val: int | None = None


class LearningRates(RunRecord):
    """The learning rate that was asked for and those that the optimiser used, from the manifest's ``effective``."""

    configured: float | None = Field(None, alias="lr_configured")
    first: float | None = Field(None, alias="lr_first")
    highest: float | None = Field(None, alias="lr_max")
    last: float | None = Field(None, alias="lr_last")
