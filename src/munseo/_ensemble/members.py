"""Reads the runs that are to be combined: their classes, held-out predictions and training pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from munseo._augment import Recipe
from munseo._errors import UserError
from munseo._evaluation.fold_mean import read_mean
from munseo._evaluation.held_out import judges_its_predictions
from munseo._evaluation.judgement import validation_tables
from munseo._evaluation.metrics import probability_columns
from munseo._model import ModelCard
from munseo._prediction.combination import is_ensemble
from munseo._prediction.inference import read_card
from munseo._run import RunFolder, check_fingerprints, open_run
from munseo._shift.recipe_file import read_recipe

MIN_PAGES = 100
"""Number of common pages that is enough where the members held out different pages."""
MIN_FRACTION = 0.9
"""Fraction of every member's held-out pages that is enough as well: one skipped image must not exclude a small set."""
SUM_TOLERANCE = 1e-3
"""Largest difference between the sum of a page's probabilities and 1."""


@dataclass(frozen=True)
class EnsembleMember:
    """A run as a member of an ensemble.

    Attributes:
        run: The run folder.
        name: The name that messages use.
        card: The classes of the run, in the run's order.
        predictions: One row for each held-out page, with the ID as index: ``target`` (class index in the run's order),
            ``fold`` (0 except where single folds predicted), ``p_0`` … in the run's order.
        pages: Every page of every fold: ``ID``, ``part`` (``val`` for held-out pages), ``sha256``, ``fold``.
        shifted: Predictions of the same pages damaged by the recipe, as in ``shifted_predictions.parquet``, or None.
        recipe: The recipe of the shifted pages, or None.
        out_of_fold: Whether single folds predicted, each the pages that it did not see. Otherwise the run predicted as
            it predicts new pages; for a k-fold run this is the mean of the folds on pages that no fold used.
    """

    run: RunFolder
    name: str
    card: ModelCard
    predictions: pd.DataFrame
    pages: pd.DataFrame
    shifted: pd.DataFrame | None = None
    recipe: Recipe | None = None
    out_of_fold: bool = False

    @property
    def num_draws(self) -> int:
        """The number of damaged versions of each page; 0 where there are none."""
        return 0 if self.shifted is None else int(self.shifted["draw"].nunique())

    def classes(self) -> dict[str, str]:
        """Return the class name of every held-out page by its ID."""
        targets = self.predictions["target"].astype(int).tolist()
        return {page_id: self.card.class_names[k] for page_id, k in zip(self.predictions.index, targets, strict=True)}

    def probabilities(self, ids: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
        """Return held-out probabilities in the order of these IDs and classes, float64 (num_pages, num_classes)."""
        return self.predictions.loc[list(ids), self._columns(class_names)].to_numpy(np.float64)

    def shifted_probabilities(self, ids: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
        """Return probabilities of the shifted pages, float64 (num_draws, num_pages, num_classes)."""
        assert self.shifted is not None
        draws = [table.set_index("ID") for _, table in self.shifted.groupby("draw")]
        return np.stack([draw.loc[list(ids), self._columns(class_names)].to_numpy(np.float64) for draw in draws])

    def _columns(self, class_names: Sequence[str]) -> list[str]:
        return [f"p_{self.card.class_names.index(name)}" for name in class_names]

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of the image of every held-out page by its ID."""
        held_out = self.pages[(self.pages["part"] == "val") & self.pages["sha256"].notna()]
        return dict(zip(held_out["ID"], held_out["sha256"], strict=True))

    def trained_ids(self) -> set[str]:
        """Return the IDs of pages that trained the run and were not held out in any fold."""
        return set(self.pages.loc[self.pages["part"] == "train", "ID"]) - set(self.predictions.index)

    def trained_images(self) -> dict[tuple[int, str], list[str]]:
        """Return the IDs of the training pages of each fold by (fold, SHA-256 of the image)."""
        trained = self.pages[(self.pages["part"] == "train") & self.pages["sha256"].notna()]
        ids: dict[tuple[int, str], list[str]] = {}
        for page_id, fold, digest in zip(trained["ID"], trained["fold"], trained["sha256"], strict=True):
            ids.setdefault((fold, digest), []).append(page_id)
        return ids


def read_members(paths: Sequence[Path | str]) -> list[EnsembleMember]:
    """Open runs and read their held-out predictions.

    K-fold runs are judged by the mean of their folds, which predicts, if all members held enough of the same pages out.
    Otherwise they are judged by the out-of-fold predictions of their single folds.

    Raises:
        UserError: There are fewer than two runs, one is given twice, one has no usable predictions, one was edited, or
            one is an ensemble.
    """
    runs = [open_run(path) for path in paths]
    if len(runs) < 2:
        raise UserError("An ensemble needs at least two runs: munseo ensemble RUN RUN… -o NAME")
    counts = Counter(run.path for run in runs)
    repeats = [f"{path}: given {count} times" for path, count in counts.items() if count > 1]
    if repeats:
        raise UserError("Each run can be a member once.", repeats)
    names = Counter(run.name for run in runs)
    named = {run.path: run.name if names[run.name] == 1 else str(run.path) for run in runs}
    if all(judges_its_predictions(run) for run in runs):
        members = [_read(run, named[run.path]) for run in runs]
        if not any(run.folds for run in runs) or has_enough(*common_pages(members)):
            return members
    return [_read(run, named[run.path], out_of_fold=bool(run.folds)) for run in runs]


def common_pages(members: Sequence[EnsembleMember]) -> tuple[set[str], int]:
    """Return the IDs of the pages that every member held out, and the largest number of pages that one held out."""
    held_out = [set(member.predictions.index) for member in members]
    return set.intersection(*held_out), max(map(len, held_out))


def has_enough(common: set[str], most: int) -> bool:
    """Return whether these common pages can judge members of which one held ``most`` pages out."""
    return len(common) >= MIN_PAGES or len(common) >= MIN_FRACTION * most


def _read(run: RunFolder, name: str, out_of_fold: bool = False) -> EnsembleMember:
    if is_ensemble(run):
        members = " ".join(entry["name"] for entry in run.read_manifest()["ensemble"]["members"])
        raise UserError(f"{run.path}: is an ensemble itself; give its members instead: {members}")
    check_fingerprints(run)
    card = read_card(run)
    by_mean = bool(run.folds) and not out_of_fold
    file = run.held_out_predictions_file if by_mean else run.val_predictions_file
    judged = read_mean(run) if by_mean else None
    table, shifted = judged or validation_tables(run)
    problems = _problems(table, card)
    if problems:
        raise UserError(f"{file}: cannot be combined; train the run again.", problems)
    if "fold" not in table:
        table["fold"] = 0
    pages = _pages(run)
    if by_mean:
        # The mean has seen what any fold has seen.
        pages["part"] = pages["part"].replace({"val": "train", "held_out": "val"})
        pages = pages.assign(fold=0).drop_duplicates(["ID", "part"])
    return EnsembleMember(run, name, card, table.set_index("ID"), pages, shifted, read_recipe(run), out_of_fold)


def _pages(run: RunFolder) -> pd.DataFrame:
    """Read ``pages.parquet`` of the run, or of each of its folds."""
    folders = run.folds or [run]
    missing = [f"{folder.pages_file}: missing" for folder in folders if not folder.pages_file.is_file()]
    if missing:
        raise UserError(f"{run.path}: does not record which pages trained it; restore the files.", missing)
    tables = [pd.read_parquet(folder.pages_file, columns=["ID", "part", "sha256"]) for folder in folders]
    return pd.concat([table.assign(fold=fold) for fold, table in enumerate(tables)])


def _problems(table: pd.DataFrame, card: ModelCard) -> list[str]:
    columns = probability_columns(card.num_classes)
    needed = {"ID", "target", *columns}
    present = {str(name) for name in table.columns if str(name).startswith("p_")} | (set(table.columns) & needed)
    if present != needed:
        return [f"column {name}: " + ("missing" if name in needed else "unknown") for name in sorted(present ^ needed)]
    problems = [f"{page_id}: appears twice" for page_id in table["ID"][table["ID"].duplicated()].unique()]
    target = table["target"]
    outside = target.isna() | (target < 0) | (target >= card.num_classes)
    problems += [f"{page_id}: its class is not one of the model's" for page_id in table["ID"][outside.fillna(True)]]
    rows = table[columns].to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        bad = ~(np.isfinite(rows).all(axis=1) & (rows >= 0).all(axis=1) & (abs(rows.sum(axis=1) - 1) < SUM_TOLERANCE))
    problems += [f"{page_id}: its numbers are not probabilities" for page_id in table["ID"][bad]]
    return problems
