"""The ``document`` policy: photographs and rough scans of a page, simulated fast enough for online training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from munseo.augment.recipe import DOCUMENT, Recipe, apply_recipe


@dataclass(frozen=True)
class Document:
    """A policy that damages pages as a recipe says."""

    recipe: Recipe = DOCUMENT
    name: str = "document"

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augment a page."""
        return apply_recipe(image, self.recipe, rng)


def build_document(parameters: Mapping[str, Any] | None) -> Document:
    """The policy with some rows of its recipe changed, such as ``{"mirror": {"probability": 0}}``.

    Raises:
        UserError: A damage, probability or severity is wrong: all of them in one message.
    """
    return Document(DOCUMENT.changed(parameters or {}, "augmentation_params.document"))
