"""What an ensemble says about itself and its members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from munseo._locale import Remark
from munseo._report.facts.values import pair, real, remarks


@dataclass(frozen=True)
class Difference:
    """Macro-F1 of the ensemble less that of another, with its 95 % interval by paired bootstrap."""

    value: float
    interval: tuple[float, float]
    p_better: float
    conclusion: str
    """``better``, ``worse`` or ``not distinguishable``."""


@dataclass(frozen=True)
class Member:
    """One run of the ensemble; ``weight`` is ``None`` in a stack."""

    name: str
    weight: float | None
    macro_f1: float
    loss: float | None
    contribution: Difference
    """What all members are together, less all but this one."""
    sha256: tuple[tuple[str, str], ...]
    """Of its weights, by file."""


@dataclass(frozen=True)
class Candidate:
    """One way to predict, scored on pages it was not fitted on; ``name`` as in ``results.json``."""

    name: str
    macro_f1: float
    interval: tuple[float, float] | None
    accuracy: float | None
    loss: float | None


@dataclass(frozen=True)
class Ensemble:
    """An ensemble, judged against its members."""

    method: str
    """``weights``, ``mean`` or ``stack``: also the name of its own candidate."""
    num_pages: int
    num_folds: int
    best_member: str
    decisive: str
    """The candidate, ``best_member`` or ``best_member_in_fold``, that it does less well against."""
    members: tuple[Member, ...]
    candidates: tuple[Candidate, ...]
    differences: dict[str, Difference]
    would_drop: tuple[str, ...]
    notes: tuple[Remark, ...]

    def candidate(self, name: str) -> Candidate:
        """The candidate of that name."""
        return next(candidate for candidate in self.candidates if candidate.name == name)


def read_ensemble(entry: dict[str, Any] | None, manifest: dict[str, Any]) -> Ensemble | None:
    """``results.json["ensemble"]``, with the fingerprints of the members from the manifest."""
    if not entry:
        return None
    fingerprints = [part.get("sha256") or {} for part in (manifest.get("ensemble") or {}).get("members") or ()]
    fingerprints += [{}] * (len(entry["members"]) - len(fingerprints))
    return Ensemble(
        method=str(entry["method"]),
        num_pages=int(entry["num_pages"]),
        num_folds=int(entry["num_folds"]),
        best_member=str(entry["best_member"]),
        decisive=str(entry["decisive"]),
        members=tuple(
            Member(
                name=str(member["name"]),
                weight=real(member.get("weight")),
                macro_f1=float(member["macro_f1"]),
                loss=real(member.get("loss")),
                contribution=_difference(member["contribution"]),
                sha256=tuple((str(file), str(digest)) for file, digest in sha256.items()),
            )
            for member, sha256 in zip(entry["members"], fingerprints, strict=False)
        ),
        candidates=tuple(
            Candidate(
                name=str(name),
                macro_f1=float(score["macro_f1"]),
                interval=pair(score.get("macro_f1_interval")),
                accuracy=real(score.get("accuracy")),
                loss=real(score.get("loss")),
            )
            for name, score in entry["candidates"].items()
        ),
        differences={str(name): _difference(found) for name, found in entry["differences"].items()},
        would_drop=tuple(str(name) for name in entry.get("would_drop") or ()),
        notes=remarks(entry.get("notes")),
    )


def _difference(entry: dict[str, Any]) -> Difference:
    low, high = entry["interval"]
    return Difference(
        float(entry["difference"]), (float(low), float(high)), float(entry["p_better"]), str(entry["conclusion"])
    )
