"""The facts of a run that a report is built from, read once from its folder."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from munseo._config import Config
from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.evaluations import TestScores
from munseo._run.records import ClassCount, Continuation, Course, LearningRates, ServerScores
from munseo._run.results import BrokenPage, FoldScores, Results, RobustnessProfile


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
    """The result of one fold, and the course of its training."""

    scores: FoldScores
    course: Course


@dataclass(frozen=True)
class Facts:
    """Everything that a report says about a run.

    The manifest of a run that failed, or of a k-fold run, may lack entries, so every value is read with that in mind.

    Attributes:
        results: What was measured; broken pages are those with a picture, and damages are the most harmful first.
        curves: Metrics per epoch: one table, or one for each fold; ``best_epochs`` has the best epoch of each.
        epoch_seconds: The median time of an epoch.
        continuations: How often more epochs than planned were asked for, the oldest first.
        gallery: Misclassified pages, the most confident first.
        evaluations: Scores on labelled test sets, the latest first.
    """

    run: RunFolder
    config: Config
    manifest: dict[str, Any]
    results: Results
    scores: ServerScores
    curves: tuple[pd.DataFrame, ...]
    best_epochs: tuple[int | None, ...]
    epoch_seconds: float | None
    folds: tuple[Fold, ...]
    rates: LearningRates
    course: Course
    continuations: tuple[Continuation, ...]
    class_counts: tuple[ClassCount, ...]
    gallery: tuple[Mistake, ...]
    evaluations: tuple[TestScores, ...] = ()

    def get(self, *keys: str) -> Any:
        """Return a value of the manifest by its path, or None."""
        value: Any = self.manifest
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def is_preliminary(self) -> bool:
        """Whether the run goes on: at least one epoch has ended, and the best weights have not been judged yet."""
        return self.results.val is None and bool(self.curves) and self.get("status") == "running"

    @property
    def epochs_planned(self) -> int:
        """The number of epochs for which the schedule is planned."""
        return self.course.epochs_planned or self.config.epochs

    @property
    def monitor(self) -> str:
        """The metric that chooses the best epoch."""
        return self.course.monitor or self.config.monitor

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
    def wandb_run(self) -> str | None:
        """The ID at the end of W&B's own folder, ``run-20250705_193425-h3t1bpti``, if it is in the run folder."""
        folders = sorted(self.run.path.glob("wandb/*run-*-*"))
        return folders[-1].name.rpartition("-")[2] if folders else None

    @property
    def command_path(self) -> str:
        """The run folder as one would type it from the current folder."""
        here = Path.cwd()
        return str(self.run.path.relative_to(here) if self.run.path.is_relative_to(here) else self.run.path)

    @property
    def quoted_path(self) -> str:
        """The same, quoted for a shell where it needs to be."""
        return shlex.quote(self.command_path)


def gather(run: RunFolder) -> Facts:
    """Read the facts of a run.

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
            f"{run.path}: the files of this run are not what Munseo wrote ({reason}); "
            "restore them from a copy, or train again."
        ) from error


def _gather(run: RunFolder) -> Facts:
    config, folds = run.read_config(), run.folds
    manifest = run.read_manifest()
    if folds:
        manifest = {**_join_manifests(folds), **manifest}
    results = run.read_results()
    tables = [(split, split.read_metrics()) for split in folds or [run] if split.metrics_file.is_file()]
    curves = [(split, table) for split, table in tables if len(table)]
    rates = LearningRates.model_validate(manifest.get("effective") or {})
    counts = (manifest.get("data") or {}).get("class_counts") or ()
    return Facts(
        run=run,
        config=config,
        manifest=manifest,
        results=results.model_copy(update={"robustness": _shown_robustness(run, results.robustness)}),
        scores=run.read_scores(),
        curves=tuple(table for _, table in curves),
        best_epochs=tuple(split.read_course().best_epoch for split, _ in curves),
        epoch_seconds=_median_seconds(folds or [run]),
        folds=tuple(Fold(scores, run.fold(scores.fold).read_course()) for scores in results.folds),
        rates=rates if "configured" in rates.model_fields_set else rates.model_copy(update={"configured": config.lr}),
        course=Course.model_validate(manifest.get("course") or {}),
        continuations=run.read_continuations(),
        class_counts=tuple(ClassCount.model_validate(entry) for entry in counts),
        gallery=_read_gallery(run),
        evaluations=run.read_evaluations(),
    )


def _join_manifests(folds: Sequence[RunFolder]) -> dict[str, Any]:
    """Return entries that the manifest of a k-fold run may lack: settings of the first fold, counts and time of all."""
    manifests = [fold.read_manifest() for fold in folds if fold.manifest_file.is_file()]
    if not manifests:
        return {}
    courses = [manifest.get("course") or {} for manifest in manifests]
    course: dict[str, Any] = {key: courses[0].get(key) for key in ("epochs_planned", "monitor")}
    seconds = [each.get("seconds") for each in courses]
    course["seconds"] = None if None in seconds else sum(seconds)  # of a part of the folds it would be another number
    for key in ("augmented_pages", "mixed_batches"):
        course[key] = dict(sum((Counter(each.get(key) or {}) for each in courses), Counter()))
    return {**manifests[0], "course": course}


def _median_seconds(splits: Sequence[RunFolder]) -> float | None:
    tables = [pd.read_csv(split.timing_file) for split in splits if split.timing_file.is_file()]
    seconds = pd.concat([table["seconds"] for table in tables]) if tables else pd.Series(dtype=float)
    return float(seconds.median()) if len(seconds) else None


def _shown_robustness(run: RunFolder, profile: RobustnessProfile | None) -> RobustnessProfile | None:
    """The damages that were measured, the most harmful first, with those broken pages whose picture can be shown."""
    damages = [
        damage.model_copy(update={"broken": tuple(page for page in damage.broken if _has_picture(run, page))})
        for damage in (profile.damages if profile else ())
        if damage.macro_f1
    ]
    if profile is None or not damages:
        return None
    damages.sort(key=profile.drop, reverse=True)
    return profile.model_copy(update={"damages": tuple(damages)})


def _has_picture(run: RunFolder, page: BrokenPage) -> bool:
    """Whether the picture is there; a file name that leaves the folders of such pictures is not followed."""
    if not page.file:
        return False
    file = run.path / page.file
    folders = [split.robustness_dir.resolve() for split in (run, *run.folds)]
    return file.is_file() and file.resolve().parent in folders


def _read_gallery(run: RunFolder) -> tuple[Mistake, ...]:
    """The gallery's pages; a file name that leaves the folder is an attack or a mistake, and is not followed."""
    folder = run.gallery_dir
    listing = folder / "pages.json"
    if not listing.is_file():
        return ()
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{listing}: not valid JSON ({error}); delete the gallery folder, or train again.") from None
    mistakes = []
    for entry in entries:
        file, confidence = folder / str(entry["file"]), entry.get("confidence")
        known = None if confidence is None or confidence != confidence else float(confidence)
        mistake = Mistake(file, str(entry["id"]), str(entry["true"]), str(entry["predicted"]), known)
        if file.is_file() and file.resolve().parent == folder.resolve():
            mistakes.append(mistake)
    return tuple(mistakes)
