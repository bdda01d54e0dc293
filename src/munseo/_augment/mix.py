"""MixUp and CutMix: batches whose pages and targets are mixtures of two pages each.

Nothing here imports torch: the functions index, slice and add, which NumPy arrays and torch tensors do alike.
MixUp: Zhang et al., "mixup: beyond empirical risk minimization", 2018. CutMix: Yun et al., "CutMix", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

Array = TypeVar("Array")

ALPHA = {"mixup": 0.3, "cutmix": 1.0}
"""Parameter of the Beta distribution of the fraction; the papers chose 0.1 to 0.4, and 1."""


@dataclass(frozen=True)
class Mix:
    """The parameters by which a batch is mixed."""

    kind: str  # ``mixup`` or ``cutmix``
    permutation: np.ndarray  # page b is mixed with page ``permutation[b]``, int64 (B,)
    fraction: float  # how much page b keeps of itself, 0 to 1; for CutMix the fraction of its area that is really left
    # For CutMix, top, bottom, left and right of the area that comes from the other page, px.
    box: tuple[int, int, int, int] | None = None


def draw_mix(
    rng: np.random.Generator, batch_size: int, height: int, width: int, kinds: Sequence[str], probability: float
) -> Mix | None:
    """Decide at random how to mix a batch; return None for a batch that stays as it is.

    Sizes are in px. Each of ``kinds`` (``mixup``, ``cutmix``) is equally likely, and ``probability`` is the fraction of
    batches that are mixed.
    """
    if not kinds or batch_size < 2 or rng.random() >= probability:
        return None
    kind = kinds[int(rng.integers(len(kinds)))]
    permutation = rng.permutation(batch_size)
    fraction = float(rng.beta(ALPHA[kind], ALPHA[kind]))
    if kind == "mixup":
        return Mix(kind, permutation, fraction)
    side = (1 - fraction) ** 0.5
    middle_y, middle_x = rng.integers(0, height), rng.integers(0, width)
    top, bottom = (int(np.clip(middle_y + s * side * height / 2, 0, height)) for s in (-1, 1))
    left, right = (int(np.clip(middle_x + s * side * width / 2, 0, width)) for s in (-1, 1))
    return Mix(kind, permutation, 1 - (bottom - top) * (right - left) / (height * width), (top, bottom, left, right))


def mix_images(images: Array, mix: Mix) -> Array:
    """Mix pages (B, C, H, W) of a float type; the input is not changed."""
    other = images[mix.permutation]  # type: ignore[index]
    if mix.box is None:
        return images * mix.fraction + other * (1 - mix.fraction)  # type: ignore[operator,no-any-return]
    top, bottom, left, right = mix.box
    mixed: Any = images * 1  # type: ignore[operator] # a copy, in NumPy and torch alike
    mixed[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
    return cast(Array, mixed)


def mix_targets(targets: Array, mix: Mix) -> Array:
    """Mix soft targets (B, K) in the same proportion as the pages."""
    return targets * mix.fraction + targets[mix.permutation] * (1 - mix.fraction)  # type: ignore[operator,index,no-any-return]
