"""How numbers are written in reports; a value that is not known is a dash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from munseo._locale import Texts
from munseo._run.scores import Scores

UNKNOWN = "–"
"""Shown in place of a value that is not known."""
MINUTE_S = 60
HOUR_S = 3600


def score(value: float | None) -> str:
    """Write a metric in [0, 1] or a loss with four decimals: ``0.9164``."""
    return UNKNOWN if value is None else f"{value:.4f}"


def percent(value: float | None, places: int = 1) -> str:
    """Write a fraction as a percentage: ``94.1%``."""
    return UNKNOWN if value is None else f"{100 * value:.{places}f}%"


def signed(value: float | None, places: int = 4) -> str:
    """Write a difference with its sign, a true minus: ``−0.0122``."""
    return UNKNOWN if value is None else f"{value:+.{places}f}".replace("-", "−")


def points(value: float) -> str:
    """Write a fraction in percentage points, without their name: ``5``."""
    return f"{100 * value:g}"


def gap(value: float | None, subtracted: float | None) -> str:
    """Write the signed difference of two values, if both are known."""
    return UNKNOWN if value is None or subtracted is None else signed(value - subtracted)


def span(interval: tuple[float, float] | None) -> str:
    """Write both ends of an interval: ``0.8812–0.9497``."""
    return UNKNOWN if interval is None else "–".join(score(bound) for bound in interval)


def signed_span(interval: tuple[float, float] | None) -> str:
    """Write both ends of the interval of a difference: ``−0.0031 … +0.0077``."""
    return UNKNOWN if interval is None else " … ".join(signed(bound) for bound in interval)


def bounds(
    interval: tuple[float, float] | None, key: str, texts: Texts, write: Callable[[float], str] = score, **values: Any
) -> str:
    """Return the text of a key with both ends of an interval as ``low`` and ``high``; empty without an interval."""
    return texts(key, low=write(interval[0]), high=write(interval[1]), **values) if interval else ""


def interval_of(scores: Scores, texts: Texts) -> str:
    """Return the 95% interval of macro-F1 with its remark, if any; empty without an interval."""
    ends = bounds(scores.macro_f1_interval, "interval_of", texts)
    return f"{ends}; {texts.remark(scores.few_groups)}" if ends and scores.few_groups else ends


def channels(values: Sequence[float]) -> str:
    """Write the values of the colour channels: ``[0.485, 0.456, 0.406]``."""
    return f"[{', '.join(f'{value:.4g}' for value in values)}]"


def count(value: float | None) -> str:
    """Write a whole number with commas: ``1,460``."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Write a learning rate without exponent, with three significant digits: ``0.000399``."""
    if value is None:
        return UNKNOWN
    return np.format_float_positional(float(f"{value:.3g}"), trim="-")


def short_hash(value: str | None) -> str:
    """Write the first twelve digits of a hash."""
    return UNKNOWN if not value else value.removeprefix("sha256:")[:12]


def duration(value_s: float | None, texts: Texts) -> str:
    """Write a time in the two units that matter: ``24 min 20 s``."""
    if value_s is None:
        return UNKNOWN
    if value_s < MINUTE_S:
        return texts("seconds", seconds=f"{value_s:.0f}" if value_s >= 10 else f"{value_s:.1f}")
    whole = round(value_s)
    if whole < HOUR_S:
        return texts("minutes_seconds", minutes=whole // MINUTE_S, seconds=whole % MINUTE_S)
    minutes = round(whole / MINUTE_S)
    return texts("hours_minutes", hours=minutes // 60, minutes=minutes % 60)


def moment(value: str | None, texts: Texts) -> str:
    """Write an ISO time as usual in the language, with its time zone."""
    if not value:
        return UNKNOWN
    try:
        time = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return str(value)
    offset = time.strftime("%z")
    zone = f"UTC{offset[:3]}:{offset[3:5]}" if offset else ""
    month = texts("months").split()[time.month - 1]
    return texts("moment", year=time.year, month=month, day=time.day, clock=f"{time:%H:%M:%S}", zone=zone).strip()


def size(num_bytes: float | None) -> str:
    """Write the size of a memory or a file in binary units: ``64 GiB``."""
    if num_bytes is None:
        return UNKNOWN
    for unit in ("B", "KiB", "MiB", "GiB"):
        if num_bytes < 1024 or unit == "GiB":
            break
        num_bytes /= 1024
    places = 0 if unit == "B" or num_bytes >= 10 or num_bytes == int(num_bytes) else 1
    return f"{num_bytes:,.{places}f} {unit}"
