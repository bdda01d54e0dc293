"""Online augmentation: one of the active policies, or the clean page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from munseo.augment.policy import Policy

CLEAN = -1


class Augmenter:
    """Gives most pages one of several policies.

    Args:
        policies: The active ones; each is chosen equally often.
        probability: Share of pages that get one; the others stay clean.
    """

    def __init__(self, policies: Sequence[Policy], probability: float = 0.85) -> None:
        self.policies = tuple(policies)
        self.probability = probability

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Augment a page (S, S, 3); also says which policy it got, by its place, or -1 for the clean page."""
        if not self.policies or rng.random() >= self.probability:
            return image, CLEAN
        chosen = int(rng.integers(len(self.policies)))
        return self.policies[chosen](image, rng), chosen
