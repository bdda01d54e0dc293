"""Held-out predictions of a run, page by page, clean and damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from munseo._evaluation.calibration import apply_temperature
from munseo._evaluation.metrics import probability_columns
from munseo._run import RunFolder
from munseo._run.run_inputs import read_classes
from munseo._ui.site import Site

CLEAN = "clean"
RECIPE = "recipe"


@dataclass(frozen=True)
class PageScore:
    """What a run says of a page that it has not seen.

    Attributes:
        id: Of the page.
        true: Index of the class that its label says, -1 without one.
        probabilities: Calibrated, float64 (K,).
        damage: ``clean``, ``recipe:DRAW``, or ``NAME:SEVERITY``.
    """

    id: str
    true: int
    probabilities: np.ndarray
    damage: str = CLEAN

    @property
    def predicted(self) -> int:
        """Index of the likeliest class."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """Its probability."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class Choice:
    """Which pages are wanted; None: any.

    Attributes:
        true: Class by the label.
        predicted: Class by the run.
        wrong: Mistakes alone.
        least: Lowest confidence.
        most: Highest.
    """

    true: int | None = None
    predicted: int | None = None
    wrong: bool = False
    least: float = 0.0
    most: float = 1.0

    def takes(self, page: PageScore) -> bool:
        """Whether a page is among them."""
        return (
            (self.true is None or page.true == self.true)
            and (self.predicted is None or page.predicted == self.predicted)
            and not (self.wrong and page.predicted == page.true)
            and self.least <= page.confidence <= self.most
        )


class Predictions:
    """The tables of one run.

    Args:
        site: Keeps tables that were read.
        run: The run.
    """

    def __init__(self, site: Site, run: RunFolder) -> None:
        self._site = site
        self.run = run
        self.classes: Sequence[str] = read_classes(run)
        self.temperature = run.read_temperature()

    @property
    def exist(self) -> bool:
        """Whether the run has validated its best weights already."""
        return bool(self.run.val_predictions_file.exists())

    def damages(self) -> list[str]:
        """Everything that the validation pages went through, clean first."""
        found = [CLEAN] if self.exist else []
        if self.run.shifted_predictions_file.exists():
            draws = sorted(self._site.table(self.run, self.run.shifted_predictions_file)["draw"].unique())
            found += [f"{RECIPE}:{draw}" for draw in draws]
        if self.run.damage_predictions_file.exists():
            table = self._site.table(self.run, self.run.damage_predictions_file)
            pairs = table[["damage", "severity"]].drop_duplicates().itertuples(index=False)
            found += [f"{name}:{severity:.2f}" for name, severity in pairs]
        return found

    def pages(self, damage: str = CLEAN) -> list[PageScore]:
        """All pages under one damage, in the order of the table; empty where the run does not know it."""
        name, _, strength = damage.partition(":")
        if damage not in self.damages():
            return []
        if name == CLEAN:
            table = self._site.table(self.run, self.run.val_predictions_file)
        elif name == RECIPE:
            table = self._site.table(self.run, self.run.shifted_predictions_file)
            table = table[table["draw"] == int(strength)]
        else:
            table = self._site.table(self.run, self.run.damage_predictions_file)
            table = table[(table["damage"] == name) & (table["severity"].round(2) == float(strength))]
        return self._scores(table, damage)

    def page(self, page_id: str, damage: str = CLEAN) -> PageScore | None:
        """One page, if the run has validated it."""
        return next((page for page in self.pages(damage) if page.id == page_id), None)

    def matching(self, damage: str, choice: Choice) -> list[PageScore]:
        """The wanted pages: mistakes first, the most confident of them at the top."""
        found = [page for page in self.pages(damage) if choice.takes(page)]
        return sorted(found, key=lambda page: (page.predicted == page.true, -page.confidence))

    def _scores(self, table: pd.DataFrame, damage: str) -> list[PageScore]:
        rows = table[probability_columns(len(self.classes))].to_numpy(np.float64)
        if self.temperature != 1:
            rows = apply_temperature(rows, self.temperature)
        targets = table["target"].fillna(-1).astype(int)
        return [
            PageScore(page_id, target, row, damage)
            for page_id, target, row in zip(table["ID"].astype(str), targets, rows, strict=True)
        ]
