"""Held-out predictions of a run, page by page, on clean and damaged pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from munseo._evaluation.calibration import calibrate
from munseo._evaluation.held_out import measured_temperature, validated_pipeline
from munseo._evaluation.metrics import probability_columns
from munseo._run import RunFolder
from munseo._run.run_inputs import read_classes
from munseo._ui.site import Site


@dataclass(frozen=True)
class PageDamage:
    """The damage under which a validation page was predicted: ``clean``, ``recipe`` or the name of one, as ``blur``.

    A recipe has the number of its repetition, ``draw``, and one damage its ``severity`` from 0 to 1.
    """

    kind: str = "clean"
    draw: int = 0
    severity: float = 1.0

    @property
    def key(self) -> str:
        """The damage in an address, such as ``clean``, ``recipe:0`` or ``blur:0.33``."""
        if self.kind == "clean":
            return self.kind
        return f"recipe:{self.draw}" if self.kind == "recipe" else f"{self.kind}:{self.severity:.2f}"


CLEAN = PageDamage()
RECIPE = "recipe"


@dataclass(frozen=True)
class PagePrediction:
    """The prediction of a run for one page that it held out.

    Attributes:
        true: Index of the labelled class; -1 for a page without a label.
        probabilities: Calibrated probabilities, float64 (num_classes,).
    """

    id: str
    true: int
    probabilities: np.ndarray

    @property
    def predicted(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """Probability of the most probable class."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class PageFilter:
    """The pages that a reader asked for, by classes (indices, None for any) and by confidence, or only mistakes."""

    true: int | None = None
    predicted: int | None = None
    wrong: bool = False
    least: float = 0.0
    most: float = 1.0

    def accepts(self, page: PagePrediction) -> bool:
        """Return whether a page is shown."""
        return (
            (self.true is None or page.true == self.true)
            and (self.predicted is None or page.predicted == self.predicted)
            and not (self.wrong and page.predicted == page.true)
            and self.least <= page.confidence <= self.most
        )


class RunPredictions:
    """The tables of held-out predictions of one run; the site keeps those that were read."""

    def __init__(self, site: Site, run: RunFolder) -> None:
        self._site = site
        self.run = run
        self.classes: Sequence[str] = read_classes(run)
        # The temperature of a k-fold run is that of the mean of its folds; these predictions are of single folds.
        one = self.exist and not run.folds
        self.temperature = measured_temperature(run, validated_pipeline(run)) or 1.0 if one else 1.0

    @property
    def exist(self) -> bool:
        """Whether the run has validated its best weights already."""
        return bool(self.run.val_predictions_file.exists())

    @cached_property
    def damages(self) -> dict[str, PageDamage]:
        """Every damage of the validation pages by its key, clean pages first."""
        damages = [CLEAN] if self.exist else []
        if self.run.shifted_predictions_file.exists():
            draws = sorted(self._site.table(self.run, self.run.shifted_predictions_file)["draw"].unique())
            damages += [PageDamage(RECIPE, draw=int(draw)) for draw in draws]
        if self.run.damage_predictions_file.exists():
            table = self._site.table(self.run, self.run.damage_predictions_file)
            pairs = table[["damage", "severity"]].drop_duplicates().itertuples(index=False)
            damages += [PageDamage(kind, severity=float(severity)) for kind, severity in pairs]
        return {damage.key: damage for damage in damages}

    def pages(self, damage: PageDamage = CLEAN) -> list[PagePrediction]:
        """Return all pages under one of ``damages`` in the order of the table."""
        return self._predictions(self._rows(damage))

    def page(self, page_id: str, damage: PageDamage = CLEAN) -> PagePrediction | None:
        """Return one page under one of ``damages``; None where the run did not validate it."""
        table = self._rows(damage)
        return next(iter(self._predictions(table[table["ID"].astype(str) == page_id])), None)

    def matching(self, damage: PageDamage, page_filter: PageFilter) -> list[PagePrediction]:
        """Return the pages of a filter: mistakes first, the most confident ones at the top."""
        pages = [page for page in self.pages(damage) if page_filter.accepts(page)]
        return sorted(pages, key=lambda page: (page.predicted == page.true, -page.confidence))

    def _rows(self, damage: PageDamage) -> pd.DataFrame:
        if damage == CLEAN:
            return self._site.table(self.run, self.run.val_predictions_file)
        if damage.kind == RECIPE:
            table = self._site.table(self.run, self.run.shifted_predictions_file)
            return table[table["draw"] == damage.draw]
        table = self._site.table(self.run, self.run.damage_predictions_file)
        return table[(table["damage"] == damage.kind) & (table["severity"] == damage.severity)]

    def _predictions(self, table: pd.DataFrame) -> list[PagePrediction]:
        rows = table[probability_columns(len(self.classes))].to_numpy(np.float64)
        rows = calibrate(rows, self.temperature)
        targets = table["target"].fillna(-1).astype(int)
        return [
            PagePrediction(page_id, target, row)
            for page_id, target, row in zip(table["ID"].astype(str), targets, rows, strict=True)
        ]
