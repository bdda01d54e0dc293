"""How far confidence can be trusted, and what more views of a page are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from munseo._report.facts.values import pair, real


@dataclass(frozen=True)
class Bin:
    """Pages of similar confidence: their number, mean confidence, share of right answers."""

    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """Expected calibration error before and after temperature scaling, and the diagram after it."""

    part: str
    """``val`` or ``shifted``."""
    ece_before: float | None
    ece_after: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Coverage:
    """What a wanted precision costs: pages below ``threshold`` go to a person; ``None`` where none reaches it."""

    target: float
    threshold: float | None
    coverage: float
    precision: float | None


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling and selective classification."""

    temperature: float | None
    fitted_on: str
    reliability: tuple[Reliability, ...]
    """Clean, then shifted, as far as they were measured."""
    coverage: tuple[Coverage, ...]
    curve: tuple[tuple[float, float], ...]
    """Coverage and precision, by rising coverage."""

    @property
    def num_panels(self) -> int:
        """Panels of the picture: a diagram for each part that has bins, and the curve."""
        return sum(bool(part.bins) for part in self.reliability) + bool(self.curve)

    @property
    def drawable(self) -> bool:
        """Whether there is anything for a picture."""
        return self.num_panels > 0


@dataclass(frozen=True)
class View:
    """One view: macro-F1 alone and averaged with the page as it stands, and what that adds, with a 90 % interval."""

    name: str
    alone: float | None
    with_identity: float | None
    gain: float
    interval: tuple[float, float] | None
    verdict: str
    """``helps``, ``hurts`` or ``unclear``."""


@dataclass(frozen=True)
class Views:
    """What test-time augmentation is worth."""

    space: str
    configured: tuple[str, ...]
    base: float
    configured_macro_f1: float | None
    rows: tuple[View, ...]
    """The largest gain first."""

    @property
    def hurting(self) -> tuple[str, ...]:
        """Views that clearly hurt, the worst first."""
        return tuple(row.name for row in reversed(self.rows) if row.verdict == "hurts")

    @property
    def hurting_and_configured(self) -> tuple[str, ...]:
        """Those of them that prediction averages."""
        return tuple(name for name in self.hurting if name in self.configured)


@dataclass(frozen=True)
class SecondLook:
    """Pages under the ``gate`` are predicted again with more views, and blended; the gain is cross-validated."""

    gate: float
    blend: float
    views: tuple[str, ...]
    share: float
    before: float
    after: float
    gain: float
    interval: tuple[float, float] | None
    used: bool


def read_calibration(entry: dict[str, Any] | None) -> Calibration | None:
    """``results.json["calibration"]``."""
    if not entry:
        return None
    curve = [(point["coverage"], point["precision"]) for point in entry.get("curve") or ()]
    known = sorted((float(share), float(precision)) for share, precision in curve if precision is not None)
    return Calibration(
        temperature=real(entry.get("temperature")),
        fitted_on=str(entry.get("fitted_on") or "val"),
        reliability=tuple(_reliability(part, entry[part]) for part in ("val", "shifted") if entry.get(part)),
        coverage=tuple(
            Coverage(
                target=float(row["target_precision"]),
                threshold=real(row.get("threshold")),
                coverage=float(row.get("coverage") or 0),
                precision=real(row.get("precision")),
            )
            for row in entry.get("coverage") or ()
        ),
        curve=tuple(known),
    )


def read_views(entry: dict[str, Any] | None) -> Views | None:
    """``results.json["views"]``; ``None`` where the page as it stands is the only view that was tried."""
    if not entry or not entry.get("rows"):
        return None
    rows = [
        View(
            name=str(row["view"]),
            alone=real(row.get("alone")),
            with_identity=real(row.get("with_identity")),
            gain=float(row["gain"]),
            interval=pair(row.get("interval")),
            verdict=str(row.get("verdict") or "unclear"),
        )
        for row in entry["rows"]
        if row.get("gain") is not None
    ]
    rows.sort(key=lambda row: -row.gain)
    return Views(
        space=str(entry.get("space") or "probability"),
        configured=tuple(str(name) for name in entry.get("configured") or ()),
        base=float(entry["base"]),
        configured_macro_f1=real(entry.get("configured_macro_f1")),
        rows=tuple(rows),
    )


def read_second_look(entry: dict[str, Any] | None) -> SecondLook | None:
    """``results.json["second_look"]``."""
    if not entry:
        return None
    gate, blend, share, before, after, gain = (
        float(entry[key]) for key in ("gate", "blend", "share", "before", "after", "gain")
    )
    views = tuple(str(name) for name in entry.get("views") or ())
    interval, used = pair(entry.get("interval")), bool(entry.get("used"))
    return SecondLook(gate, blend, views, share, before, after, gain, interval, used)


def _reliability(part: str, entry: dict[str, Any]) -> Reliability:
    bins = tuple(
        Bin(int(row["count"]), float(row["confidence"]), float(row["accuracy"])) for row in entry.get("bins") or ()
    )
    return Reliability(part, real(entry.get("ece_before")), real(entry.get("ece_after")), bins)
