"""The runs that are to be combined, as their folders tell: classes, held-out predictions, what they trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from munseo._augment import Recipe
from munseo._errors import UserError
from munseo._evaluation.metrics import probability_columns
from munseo._model import ModelCard
from munseo._prediction.combination import is_ensemble
from munseo._prediction.inference import read_card
from munseo._run import RunFolder, check_fingerprints, open_run
from munseo._shift.recipe_file import read_recipe

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Member:
    """One run.

    Attributes:
        run: Its folder.
        name: What messages call it.
        card: Its classes, in its own order.
        predictions: Its held-out pages, a row each, with the ID as index: ``target`` (class index in its own order),
            ``fold`` (0 where there are no folds), ``p_0`` … in its own order.
        pages: Every page of every fold: ``ID``, ``part``, ``sha256``, ``fold``.
        shifted: The same pages under the recipe, as in ``shifted_predictions.parquet``; None where there are none.
        recipe: That recipe; None without one.
    """

    run: RunFolder
    name: str
    card: ModelCard
    predictions: pd.DataFrame
    pages: pd.DataFrame
    shifted: pd.DataFrame | None = None
    recipe: Recipe | None = None

    @property
    def num_draws(self) -> int:
        """How often each page was damaged; 0 where none was."""
        return 0 if self.shifted is None else int(self.shifted["draw"].nunique())

    def classes(self) -> dict[str, str]:
        """The class name of every held-out page."""
        targets = self.predictions["target"].astype(int).tolist()
        return {page_id: self.card.class_names[k] for page_id, k in zip(self.predictions.index, targets, strict=True)}

    def probabilities(self, ids: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
        """Held-out probabilities, float64 (num_pages, num_classes), in the order of these IDs and these classes."""
        return self.predictions.loc[list(ids), self._columns(class_names)].to_numpy(np.float64)

    def shifted_probabilities(self, ids: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
        """The same of the shifted pages, float64 (num_draws, num_pages, num_classes)."""
        assert self.shifted is not None
        draws = [table.set_index("ID") for _, table in self.shifted.groupby("draw")]
        return np.stack([draw.loc[list(ids), self._columns(class_names)].to_numpy(np.float64) for draw in draws])

    def _columns(self, class_names: Sequence[str]) -> list[str]:
        return [f"p_{self.card.class_names.index(name)}" for name in class_names]

    def digests(self) -> dict[str, str]:
        """SHA-256 of the images of the held-out pages."""
        held_out = self.pages[(self.pages["part"] == "val") & self.pages["sha256"].notna()]
        return dict(zip(held_out["ID"], held_out["sha256"], strict=True))

    def trained_ids(self) -> set[str]:
        """Pages that trained the run and that it did not hold out in any fold."""
        return set(self.pages.loc[self.pages["part"] == "train", "ID"]) - set(self.predictions.index)

    def trained_images(self) -> dict[tuple[int, str], list[str]]:
        """The images that trained each fold: (fold, SHA-256) to their IDs."""
        trained = self.pages[(self.pages["part"] == "train") & self.pages["sha256"].notna()]
        found: dict[tuple[int, str], list[str]] = {}
        for page_id, fold, digest in zip(trained["ID"], trained["fold"], trained["sha256"], strict=True):
            found.setdefault((fold, digest), []).append(page_id)
        return found


def read_members(paths: Sequence[Path | str]) -> list[Member]:
    """Open the runs and read what they say about their held-out pages.

    Raises:
        UserError: Fewer than two, one given twice, one without usable predictions, one that was edited, or an ensemble
            among them.
    """
    runs = [open_run(path) for path in paths]
    if len(runs) < 2:
        raise UserError("An ensemble needs at least two runs: munseo ensemble RUN RUN… -o NAME")
    counts = Counter(run.path for run in runs)
    repeats = [f"{path}: given {count} times" for path, count in counts.items() if count > 1]
    if repeats:
        raise UserError("Each run can be a member once.", repeats)
    names = Counter(run.name for run in runs)
    return [_read(run, run.name if names[run.name] == 1 else str(run.path)) for run in runs]


def _read(run: RunFolder, name: str) -> Member:
    if is_ensemble(run):
        members = " ".join(entry["name"] for entry in run.read_manifest()["ensemble"]["members"])
        raise UserError(f"{run.path}: is an ensemble itself; give its members instead: {members}")
    check_fingerprints(run)
    card = read_card(run)
    table = run.read_predictions(run.val_predictions_file)
    problems = _problems(table, card)
    if problems:
        raise UserError(f"{run.val_predictions_file}: cannot be combined; train the run again.", problems)
    if "fold" not in table:
        table["fold"] = 0
    shifted = run.read_predictions(run.shifted_predictions_file) if run.shifted_predictions_file.exists() else None
    return Member(run, name, card, table.set_index("ID"), _pages(run), shifted, read_recipe(run))


def _pages(run: RunFolder) -> pd.DataFrame:
    """``pages.parquet`` of the run, or of each of its folds."""
    parts = run.folds or [run]
    missing = [f"{part.pages_file}: missing" for part in parts if not part.pages_file.is_file()]
    if missing:
        raise UserError(f"{run.path}: does not say which pages it was trained on; restore the files.", missing)
    tables = [pd.read_parquet(part.pages_file, columns=["ID", "part", "sha256"]) for part in parts]
    return pd.concat([table.assign(fold=number) for number, table in enumerate(tables)])


def _problems(table: pd.DataFrame, card: ModelCard) -> list[str]:
    columns = probability_columns(card.num_classes)
    needed = {"ID", "target", *columns}
    found = {str(name) for name in table.columns if str(name).startswith("p_")} | (set(table.columns) & needed)
    if found != needed:
        return [f"column {name}: " + ("missing" if name in needed else "unknown") for name in sorted(found ^ needed)]
    problems = [f"{page_id}: stands there twice" for page_id in table["ID"][table["ID"].duplicated()].unique()]
    target = table["target"]
    outside = target.isna() | (target < 0) | (target >= card.num_classes)
    problems += [f"{page_id}: its class is none of the model's" for page_id in table["ID"][outside.fillna(True)]]
    rows = table[columns].to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        bad = ~(np.isfinite(rows).all(axis=1) & (rows >= 0).all(axis=1) & (abs(rows.sum(axis=1) - 1) < SUM_TOLERANCE))
    problems += [f"{page_id}: its numbers are no probabilities" for page_id in table["ID"][bad]]
    return problems
