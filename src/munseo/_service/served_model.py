"""What the service has to know of a model: how a page is prepared, how pages are answered, and what to say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ServedModel:
    """A model, loaded.

    Attributes:
        prepare: From pixels (H, W, 3) uint8, upright RGB, to what ``answer`` takes; called in several threads.
        answer: From prepared pages to calibrated probabilities, float32 (N, num_classes); called in one thread. The
            row of a page is the same to the bit whatever comes with it.
        batch_size: Pages that ``answer`` is given at most.
        class_names: K names.
        class_targets: What a submission writes for each.
        needs_person_below: Confidence under which a page needs a person; None where that was not asked for.
        card: What ``GET /v1/model`` says.
    """

    prepare: Callable[[np.ndarray], Any]
    answer: Callable[[Sequence[Any]], np.ndarray]
    batch_size: int
    class_names: Sequence[str]
    class_targets: Sequence[str]
    needs_person_below: float | None
    card: Mapping[str, Any]
