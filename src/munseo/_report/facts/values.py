"""Single values of JSON files, which may be null or missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from munseo._locale import Remark


def real(value: Any) -> float | None:
    """A number."""
    return None if value is None or value != value else float(value)


def whole(value: Any) -> int | None:
    """A whole number."""
    return None if value is None or value != value else int(value)


def pair(value: Any) -> tuple[float, float] | None:
    """Both ends of an interval."""
    return (float(value[0]), float(value[1])) if value and None not in value else None


def remarks(entries: Iterable[Any] | None) -> tuple[Remark, ...]:
    """Remarks, or plain sentences as earlier versions wrote them."""
    return tuple(
        Remark(str(entry["key"]), dict(entry["values"]), str(entry["text"]))
        if isinstance(entry, dict)
        else Remark("", text=str(entry))
        for entry in entries or ()
    )
