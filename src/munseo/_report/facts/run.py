"""Everything a report says, read once from the run folder; what is not there is ``None`` or empty.

The manifest of a run that failed, or of a fold's parent, may lack parts, so every value is read with that in mind.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from munseo._config import Config
from munseo._errors import UserError
from munseo._report.facts.confidence import (
    Calibration,
    SecondLook,
    Views,
    read_calibration,
    read_second_look,
    read_views,
)
from munseo._report.facts.ensemble import Ensemble, read_ensemble
from munseo._report.facts.judgement import Judgement, read_judgement
from munseo._report.facts.shift import Expected, Robustness, Shifted, read_expected, read_robustness, read_shifted
from munseo._report.facts.values import real, whole
from munseo._run import RunFolder


@dataclass(frozen=True)
class TrainScores:
    """What training itself saw at the best epoch: augmented pages, weights in motion."""

    macro_f1: float | None
    accuracy: float | None
    loss: float | None


@dataclass(frozen=True)
class Rates:
    """Learning rates: what was asked for and what the optimiser used."""

    configured: float | None
    first: float | None
    highest: float | None
    last: float | None


@dataclass(frozen=True)
class Course:
    """How training went; epochs count from 0 here and from 1 in what is printed."""

    epochs_done: int | None
    epochs_planned: int
    best_epoch: int | None
    monitor: str
    best_value: float | None
    stopped: str | None
    seconds: float | None
    augmented_pages: dict[str, int]
    mixed_batches: dict[str, int]


@dataclass(frozen=True)
class ClassCount:
    """Pages of one class in the train part before and after it was filled up, and in the validation part."""

    name: str
    before: int
    added: int
    after: int
    val: int | None


@dataclass(frozen=True)
class Mistake:
    """A misclassified page of the gallery."""

    file: Path
    page: str
    true: str
    predicted: str
    confidence: float | None


@dataclass(frozen=True)
class Fold:
    """One fold's result."""

    number: int
    macro_f1: float | None
    accuracy: float | None
    loss: float | None
    best_epoch: int | None
    epochs_done: int | None
    seconds: float | None


@dataclass(frozen=True)
class Facts:
    """The run, read."""

    run: RunFolder
    config: Config
    manifest: dict[str, Any]
    curves: tuple[pd.DataFrame, ...]
    """Metrics per epoch: one table, or one a fold."""
    best_epochs: tuple[int | None, ...]
    """Of each table in ``curves``."""
    epoch_seconds: float | None
    judgement: Judgement | None
    train: TrainScores
    folds: tuple[Fold, ...]
    rates: Rates
    course: Course
    class_counts: tuple[ClassCount, ...]
    gallery: tuple[Mistake, ...]
    public: float | None
    private: float | None
    recorded: str | None
    shifted: Shifted | None
    robustness: Robustness | None
    expected: Expected | None
    calibration: Calibration | None
    views: Views | None
    second_look: SecondLook | None
    ensemble: Ensemble | None

    def get(self, *keys: str) -> Any:
        """A value of the manifest by its path, or ``None``."""
        value: Any = self.manifest
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Pages that could not be read: ID and reason."""
        return tuple((str(entry["id"]), str(entry["reason"])) for entry in self.get("data", "skipped") or ())

    @property
    def policies(self) -> tuple[str, ...]:
        """Augmentation policies and batch mixes that were active; before training began, those that are switched on."""
        effective = self.get("effective")
        if not effective:
            return tuple(key for key, on in self.config.augmentation.model_dump().items() if on)
        return (*effective.get("policies", ()), *effective.get("mixes", ()))

    @property
    def command_path(self) -> str:
        """The run folder as one would type it from here."""
        here = Path.cwd()
        return str(self.run.path.relative_to(here) if self.run.path.is_relative_to(here) else self.run.path)

    @property
    def quoted_path(self) -> str:
        """The same, quoted for a shell where it needs to be."""
        return shlex.quote(self.command_path)


def gather(run: RunFolder) -> Facts:
    """Read what the run folder says.

    Raises:
        UserError: Configuration or manifest are missing or broken, or values are not what they should be.
    """
    try:
        return _gather(run)
    except UserError:
        raise
    # Files that were edited by hand hold words for numbers, and lists for tables; to name each would double this file.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(
            f"{run.path}: the files of this run hold something else than Munseo wrote ({reason}); "
            "restore them from a copy, or train again."
        ) from error


def _gather(run: RunFolder) -> Facts:
    config, folds = run.read_config(), run.folds
    manifest = run.read_manifest()
    if folds:
        manifest = {**_of_all_folds(folds), **manifest}
    results = run.read_json(run.results_file) if run.results_file.is_file() else {}
    scores = run.read_json(run.scores_file) if run.scores_file.is_file() else {}
    read = [(part, part.read_metrics()) for part in folds or [run] if part.metrics_file.is_file()]
    parts = [(part, table) for part, table in read if len(table)]
    effective = manifest.get("effective") or {}
    return Facts(
        run=run,
        config=config,
        manifest=manifest,
        curves=tuple(table for _, table in parts),
        best_epochs=tuple(whole(_course(part).get("best_epoch")) for part, _ in parts),
        epoch_seconds=_median_seconds(folds or [run]),
        judgement=read_judgement(results.get("val")),
        train=TrainScores(
            **{key: real((results.get("train") or {}).get(key)) for key in ("macro_f1", "accuracy", "loss")}
        ),
        folds=tuple(_fold(run, entry) for entry in results.get("folds") or ()),
        rates=Rates(
            configured=real(effective.get("lr_configured", config.lr)),
            first=real(effective.get("lr_first")),
            highest=real(effective.get("lr_max")),
            last=real(effective.get("lr_last")),
        ),
        course=_read_course(manifest.get("course") or {}, config),
        class_counts=tuple(_class_count(entry) for entry in (manifest.get("data") or {}).get("class_counts") or ()),
        gallery=_gallery(run),
        public=real(scores.get("public")),
        private=real(scores.get("private")),
        recorded=scores.get("recorded"),
        shifted=read_shifted(results.get("shifted")),
        robustness=read_robustness(run, results.get("robustness")),
        expected=read_expected(results.get("expected")),
        calibration=read_calibration(results.get("calibration")),
        views=read_views(results.get("views")),
        second_look=read_second_look(results.get("second_look")),
        ensemble=read_ensemble(results.get("ensemble"), manifest),
    )


def _read_course(course: dict[str, Any], config: Config) -> Course:
    return Course(
        epochs_done=whole(course.get("epochs_done")),
        epochs_planned=int(course.get("epochs_planned") or config.epochs),
        best_epoch=whole(course.get("best_epoch")),
        monitor=str(course.get("monitor") or config.monitor),
        best_value=real(course.get("best_value")),
        stopped=course.get("stopped"),
        seconds=real(course.get("seconds")),
        augmented_pages=dict(course.get("augmented_pages") or {}),
        mixed_batches=dict(course.get("mixed_batches") or {}),
    )


def _class_count(entry: dict[str, Any]) -> ClassCount:
    before, added, after = (int(entry[key]) for key in ("before", "added", "after"))
    return ClassCount(str(entry["class"]), before, added, after, whole(entry.get("val")))


def _fold(run: RunFolder, entry: dict[str, Any]) -> Fold:
    number = int(entry["fold"])
    course = _course(run.fold(number))
    return Fold(
        number=number,
        macro_f1=real(entry.get("macro_f1")),
        accuracy=real(entry.get("accuracy")),
        loss=real(entry.get("loss")),
        best_epoch=whole(entry.get("best_epoch")),
        epochs_done=whole(course.get("epochs_done")),
        seconds=real(course.get("seconds")),
    )


def _course(part: RunFolder) -> dict[str, Any]:
    return (part.read_manifest().get("course") or {}) if part.manifest_file.is_file() else {}


def _of_all_folds(folds: list[RunFolder]) -> dict[str, Any]:
    """What the manifest of a k-fold run may leave to its folds: settings of the first, counts and time of all."""
    manifests = [fold.read_manifest() for fold in folds if fold.manifest_file.is_file()]
    if not manifests:
        return {}
    courses = [manifest.get("course") or {} for manifest in manifests]
    course: dict[str, Any] = {key: courses[0].get(key) for key in ("epochs_planned", "monitor")}
    course["seconds"] = sum(each.get("seconds") or 0 for each in courses)
    for key in ("augmented_pages", "mixed_batches"):
        counters = [Counter(each.get(key) or {}) for each in courses]
        course[key] = dict(sum(counters, Counter()))
    return {**manifests[0], "course": course}


def _median_seconds(parts: list[RunFolder]) -> float | None:
    tables = [pd.read_csv(part.timing_file) for part in parts if part.timing_file.is_file()]
    seconds = pd.concat([table["seconds"] for table in tables]) if tables else pd.Series(dtype=float)
    return float(seconds.median()) if len(seconds) else None


def _gallery(run: RunFolder) -> tuple[Mistake, ...]:
    """The gallery's pages; a file name that leaves the folder is an attack or a mistake, and is not followed."""
    folder = run.gallery_dir
    listing = folder / "pages.json"
    if not listing.is_file():
        return ()
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{listing}: not valid JSON ({error}); delete the gallery folder, or train again.") from None
    files = [(folder / str(entry["file"]), entry) for entry in entries]
    return tuple(
        Mistake(file, str(entry["id"]), str(entry["true"]), str(entry["predicted"]), real(entry.get("confidence")))
        for file, entry in files
        if file.is_file() and file.resolve().parent == folder.resolve()
    )
