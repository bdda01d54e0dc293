"""What was measured on damaged pages: the shifted validation, each kind of damage alone, the expected score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from munseo._locale import Remark
from munseo._report.facts.judgement import Judgement, read_judgement
from munseo._report.facts.values import pair, real, remarks
from munseo._run import RunFolder


@dataclass(frozen=True)
class Shifted:
    """The validation pages under the recipe: each page ``draws`` times, each time damaged otherwise."""

    judgement: Judgement
    draws: int
    recipe: str


@dataclass(frozen=True)
class BrokenPage:
    """A page that is classified rightly when clean and wrongly under a damage."""

    file: Path
    page: str
    severity: float
    true: str
    predicted: str
    confidence: float | None


@dataclass(frozen=True)
class DamageProfile:
    """Macro-F1 under one kind of damage alone; ``graded`` is False where it is all or nothing."""

    name: str
    graded: bool
    severities: tuple[float, ...]
    macro_f1: tuple[float, ...]
    broken: tuple[BrokenPage, ...]


@dataclass(frozen=True)
class Robustness:
    """Every kind of damage, each on the same ``num_pages`` validation pages."""

    num_pages: int
    clean: float
    damages: tuple[DamageProfile, ...]
    """The most harmful first."""

    def drop(self, damage: DamageProfile) -> float:
        """How much macro-F1 the damage costs where it costs most."""
        return self.clean - min(damage.macro_f1)


@dataclass(frozen=True)
class Expected:
    """The macro-F1 to be expected on the run's unlabelled test part, with its 90 % interval."""

    macro_f1: float
    interval: tuple[float, float] | None
    num_pages: int | None
    mean_confidence: float | None
    class_mix: tuple[tuple[str, float], ...]
    """Predicted share of each class."""
    notes: tuple[Remark, ...]


def read_shifted(entry: dict[str, Any] | None) -> Shifted | None:
    """``results.json["shifted"]``."""
    judgement = read_judgement(entry)
    if entry is None or judgement is None:
        return None
    return Shifted(judgement, int(entry.get("draws") or 1), str(entry.get("recipe") or ""))


def read_robustness(run: RunFolder, entry: dict[str, Any] | None) -> Robustness | None:
    """``results.json["robustness"]``, with those of its pictures that lie where they should."""
    if not entry:
        return None
    clean = float(entry["clean"])
    damages = [
        DamageProfile(
            name=str(damage["damage"]),
            graded=bool(damage.get("graded", True)),
            severities=tuple(float(severity) for severity in damage["severities"]),
            macro_f1=tuple(float(value) for value in damage["macro_f1"]),
            broken=_broken(run, damage.get("broken") or ()),
        )
        for damage in entry.get("damages") or ()
        if damage["macro_f1"]
    ]
    damages.sort(key=lambda damage: min(damage.macro_f1))
    return Robustness(int(entry["num_pages"]), clean, tuple(damages)) if damages else None


def read_expected(entry: dict[str, Any] | None) -> Expected | None:
    """``results.json["expected"]``."""
    if not entry or entry.get("macro_f1") is None:
        return None
    pages = entry.get("num_pages")
    return Expected(
        macro_f1=float(entry["macro_f1"]),
        interval=pair(entry.get("interval")),
        num_pages=None if pages is None else int(pages),
        mean_confidence=real(entry.get("mean_confidence")),
        class_mix=tuple((str(part["class"]), float(part["share"])) for part in entry.get("class_mix") or ()),
        notes=remarks(entry.get("notes")),
    )


def _broken(run: RunFolder, entries: Any) -> tuple[BrokenPage, ...]:
    """Pages that have a picture; a file name that leaves the folders of such pictures is not followed."""
    folders = [part.robustness_dir.resolve() for part in (run, *run.folds)]
    pages = [
        BrokenPage(
            file=run.path / str(entry["file"]),
            page=str(entry["id"]),
            severity=float(entry["severity"]),
            true=str(entry["true"]),
            predicted=str(entry["predicted"]),
            confidence=real(entry.get("confidence")),
        )
        for entry in entries
        if entry.get("file")
    ]
    return tuple(page for page in pages if page.file.is_file() and page.file.resolve().parent in folders)
