"""Parameters of the policies. Their defaults are the reference solution's values; users may set any of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from munseo._errors import UserError

Range = tuple[float, float]
P = TypeVar("P")


@dataclass(frozen=True)
class GeometryParameters:
    """Parameters of one warp and a transposition."""

    geometry_p: float = 0.9  # fraction of pages that are shifted, scaled and rotated
    shift: Range = (-0.05, 0.05)  # range of the shift to the right and down, as fractions of the side
    scale: Range = (0.85, 1.15)  # range of the factor
    rotation_deg: Range = (-20.0, 30.0)  # range of the angle, counter-clockwise
    transpose_p: float = 0.5  # fraction of pages that are transposed


@dataclass(frozen=True)
class EdaParameters(GeometryParameters):
    """Parameters of the policy that exploring the competition's test pages (EDA) suggested."""

    blur_p: float = 0.3  # fraction of pages that are blurred, with a Gaussian or a box
    blur_sigma_px: Range = (0.4, 1.4)  # range of the Gaussian's sigma at 320 px; it grows with the page
    noise_p: float = 0.8  # fraction of pages with Gaussian noise
    noise_sigma: Range = (2.0, 18.0)  # range of the noise's standard deviation, grey levels
    jitter_p: float = 0.8  # fraction of pages with colour jitter
    brightness: Range = (0.8, 1.2)
    contrast: Range = (0.8, 1.2)
    saturation: Range = (0.8, 1.2)
    hue_deg: Range = (-18.0, 18.0)  # range of the rotation of colours


@dataclass(frozen=True)
class MorphologyParameters(GeometryParameters):
    """Parameters of thinner or bolder print."""

    kernel_px: int = 3  # largest side of the kernel; the smallest side is 2
    rgb_shift_p: float = 0.5  # fraction of pages whose channels are shifted
    rgb_shift: Range = (-20.0, 20.0)  # range of the shift, grey levels
    light_p: float = 0.5  # fraction of pages with changed brightness and contrast
    gain: Range = (0.8, 1.2)  # range of the contrast factor
    offset: Range = (-25.0, 25.0)  # range of the brightness, grey levels


def read_parameters(kind: type[P], policy: str, given: Mapping[str, Any] | None) -> P:
    """Put the given values in place of the defaults, or raise a ``UserError`` with every problem."""
    known = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
    problems, values = [], {}
    for key, value in (given or {}).items():
        where = f"augmentation_params.{policy}.{key}"
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            problems.append(
                f"{where}: unknown" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}")
            )
            continue
        allowed = _allowed_instead(key, value, known[key])
        if allowed:
            problems.append(f"{where}: {value!r} is not allowed; should be {allowed}")
        values[key] = tuple(map(float, value)) if isinstance(value, list | tuple) and not allowed else value
    if problems:
        raise UserError(f"augmentation_params.{policy}: {len(problems)} wrong.", problems)
    return kind(**values)


def _allowed_instead(key: str, value: Any, default: Any) -> str | None:
    """Return what would be allowed, or None if the value is."""
    if isinstance(default, tuple):
        numbers = isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
        fine = numbers and value[0] <= value[1]
        if fine and key in ("scale", "brightness", "contrast", "saturation", "gain", "blur_sigma_px", "noise_sigma"):
            fine = value[0] >= 0 and (key != "scale" or value[0] > 0.1)
            return None if fine else "[low, high] with low greater than 0"
        return None if fine else "[low, high], two numbers in this order"
    if key.endswith("_p"):
        return None if _is_number(value) and 0 <= value <= 1 else "a number from 0 to 1"
    fine = isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= 15
    return None if fine else "a whole number from 2 to 15"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
