"""Counts, sizes and colours of the pages, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._doctor.issue import Sheet

COLOURED = 8.0
"""Mean difference of channels from which on a page counts as coloured; JPEG's own errors stay below 3."""


@dataclass(frozen=True)
class ClassCensus:
    """One class; sizes and colours are those of its readable train and validation pages.

    Attributes:
        name: Of the class.
        num_train: Pages.
        num_val: Pages.
        width: Median, px.
        height: Median, px.
        brightness: Median grey level.
        coloured: Share of coloured pages.
    """

    name: str
    num_train: int
    num_val: int
    width: float
    height: float
    brightness: float
    coloured: float


def count_classes(sheets: Sequence[Sheet], class_names: Sequence[str]) -> list[ClassCensus]:
    """A row a class, in the order of the classes."""
    rows = []
    for label, name in enumerate(class_names):
        own = [sheet for sheet in sheets if sheet.page.label == label and sheet.part != "test"]
        read = [sheet for sheet in own if sheet.problem is None]
        middle = {
            key: float(np.median([getattr(sheet, key) for sheet in read])) if read else 0.0
            for key in ("width", "height", "brightness")
        }
        coloured = float(np.mean([sheet.colour >= COLOURED for sheet in read])) if read else 0.0
        num_train = sum(sheet.part == "train" for sheet in own)
        rows.append(ClassCensus(name, num_train, len(own) - num_train, **middle, coloured=coloured))
    return rows
