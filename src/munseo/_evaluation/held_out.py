"""Held-out predictions of a pipeline: what its temperature, its threshold and its expected score are measured on.

A number that was measured on one pipeline says nothing about another: a second look, other views or eight-bit
arithmetic change how far confidence can be trusted. ``held_out`` therefore gives the predictions of exactly the
pipeline that it is asked for, or none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from munseo._evaluation.calibration import fit_temperature
from munseo._evaluation.fold_mean import read_mean
from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.metrics import probability_columns
from munseo._evaluation.second_look import CrossFittedLook, SecondLook, applied_rule, cross_fit, second_predictions
from munseo._evaluation.view_gains import BASE, average, by_view
from munseo._model import ModelCard
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._run.results import SecondLookGain

FULL = "fp32"
"""The precision of torch, and of exports in full precision: these are kept only if they predict as torch does."""
ONE, FOLDS, ENSEMBLE = "one", "mean of the folds", "ensemble"
"""Which models predict: that of a run, those of all its folds, or all members of an ensemble."""

MEAN_NOT_JUDGED = (
    "no pages were held out of all folds, so the mean of the folds was not judged: its confidence is not calibrated, "
    "no threshold is promised and no score is expected; for these, train with held_out_ratio above 0"
)
"""What is said of a k-fold run whose mean was not judged."""


@dataclass(frozen=True)
class Pipeline:
    """Everything between a page and its probabilities that changes them beyond their last digits.

    Attributes:
        models: ``ONE``, ``FOLDS`` or ``ENSEMBLE``.
        views: The views that each combined run averages: one tuple for a run, one for each member of an ensemble.
        spaces: In which space each of them averages its views: ``probability`` or ``logit``.
        second_look: How uncertain pages are predicted again; None where they are not.
        precision: ``FULL``, or the name of an export in eight bits, such as ``onnx-int8``.
        text: Whether the words of a page are fused with its image.
    """

    models: str
    views: tuple[tuple[str, ...], ...]
    spaces: tuple[str, ...]
    second_look: SecondLook | None = None
    precision: str = FULL
    text: bool = False

    def __str__(self) -> str:
        """What distinguishes it, in words."""
        averaged = [", ".join(views) for views in dict.fromkeys(self.views)]
        words = [f"views {'; '.join(averaged)}", "with a second look" if self.second_look else "without a second look"]
        words += ["with the words of the page"] if self.text else []
        return ", ".join(words + ([] if self.precision == FULL else [f"in eight bits by {self.precision}"]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``text`` only where it is used, as in runs of versions that had no text."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {key: value for key, value in values.items() if key != "text" or value}

    @property
    def digest(self) -> str:
        """A short name that no other pipeline has."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class HeldOut:
    """The predictions of a pipeline for N labelled pages that its models were not trained on, before any temperature.

    Attributes:
        ids: The IDs of the pages.
        labels: True classes, int64 (N,).
        clean: Probabilities of the pages as they are, float32 (N, K); None where they were not measured.
        shifted: Probabilities of the same pages under the recipe, float32 (draws, N, K); None where they were not
            measured. One of the two is there.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    clean: np.ndarray | None
    shifted: np.ndarray | None

    @property
    def draws(self) -> np.ndarray:
        """The predictions that calibrate, float32 (draws, N, K): those most like pages to come, the shifted ones."""
        rows = self.clean[None] if self.shifted is None and self.clean is not None else self.shifted
        assert rows is not None, "clean or shifted pages were predicted"
        return rows

    @property
    def num_draws(self) -> int:
        """How many rows each page has in ``rows``."""
        return len(self.draws)

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels (draws · N,) and probabilities (draws · N, K) that calibrate: all pages of draw 0, and so on."""
        return np.tile(self.labels, self.num_draws), np.concatenate(list(self.draws))

    @property
    def temperature(self) -> float:
        """The temperature that calibrates the pipeline."""
        return fit_temperature(*self.rows)


def validated_pipeline(run: RunFolder) -> Pipeline:
    """Return the pipeline whose predictions a run's own tables hold: the views of its card, without a second look."""
    cards = [_card((member.folds or [member])[0]) for member in run.members or [run]]
    models = ENSEMBLE if run.members else FOLDS if run.folds else ONE
    text = any(member.fusion_file.is_file() for member in run.members or [run])
    return Pipeline(models, tuple(card.tta_views for card in cards), tuple(card.tta_space for card in cards), text=text)


def default_pipeline(run: RunFolder, second_look: SecondLookGain | None) -> Pipeline:
    """Return the pipeline that predicts for a run by default: with the second look, if it is used."""
    look = None
    if second_look is not None and second_look.used:
        look = SecondLook(second_look.gate, second_look.blend, second_look.views)
    return replace(validated_pipeline(run), second_look=look)


def held_out(run: RunFolder, pipeline: Pipeline) -> HeldOut | None:
    """Return the held-out predictions of a pipeline of a run; None where it has not been measured.

    They are the run's own tables, those that were measured for this pipeline later (``measured_folder``), or the mean
    of the stored predictions of single views, which know the shifted pages in draw 0 only. Those of a k-fold run are
    the mean of the folds on the pages that no fold used: its other tables hold what single folds predict.
    """
    if not judges_its_predictions(run):
        return None
    validated = validated_pipeline(run)
    if pipeline == validated:
        mean = read_mean(run) if run.folds else None
        return read_held_out(run.path) if mean is None else _of_tables(*mean)
    if pipeline == replace(validated, text=False) and run.image_predictions_file.is_file():
        return _of_sides(run.read_predictions(run.image_predictions_file))
    measured = read_held_out(measured_folder(run, pipeline))
    return measured or _from_views(run, pipeline, validated)


def view_table_file(run: RunFolder) -> Path:
    """Return the table of single views: of a k-fold run that on the pages that no fold used."""
    return Path(run.held_out_view_predictions_file if run.folds else run.view_predictions_file)


def judges_its_predictions(run: RunFolder) -> bool:
    """Return whether the run was validated by what predicts: not if only single folds were, as in earlier versions.

    This also holds for an ensemble with k-fold runs as members.
    """
    if run.folds:
        return bool(run.held_out_predictions_file.exists())
    if not any(member.folds for member in run.members):
        return True
    ensemble = run.read_results("ensemble").ensemble
    return bool(ensemble and ensemble.judged_by_mean)


def is_measurable(run: RunFolder, pipeline: Pipeline) -> bool:
    """Return whether ``munseo evaluate`` can measure a pipeline of a run, so that its predictions are held out.

    Ensembles are measured when they are made. Exports of a k-fold run lie in its folds, and a measurement of all of
    them would outlive the export of one.
    """
    if pipeline.text:
        return False  # the words of damaged pages are only at hand while the run is validated
    if pipeline.models == FOLDS:
        return pipeline.precision == FULL and judges_its_predictions(run)
    return pipeline.models == ONE


def measured_temperature(run: RunFolder, pipeline: Pipeline) -> float | None:
    """Return the temperature that calibrates a pipeline; None where it has not been measured."""
    calibration = run.read_results("calibration").calibration
    # Earlier versions always measured the first predictions, and do not say so.
    known = None if calibration is None else calibration.pipeline or validated_pipeline(run).to_dict()
    if calibration is not None and calibration.temperature is not None and known == pipeline.to_dict():
        return calibration.temperature
    held = held_out(run, pipeline)
    return None if held is None else held.temperature


def measured_folder(run: RunFolder, pipeline: Pipeline) -> Path:
    """Return the folder with the held-out predictions of a pipeline other than the validated one.

    Those of an export in eight bits lie next to its graph, so that another export replaces both.
    """
    folder = run if pipeline.precision == FULL else RunFolder(run.export_dir(pipeline.precision))
    return Path(folder.measured_dir / pipeline.digest)


def read_held_out(folder: Path) -> HeldOut | None:
    """Read the tables of predictions in a folder; None where it has none."""
    tables = RunFolder(folder)
    if not tables.val_predictions_file.exists():
        return None
    file = tables.shifted_predictions_file
    clean = tables.read_predictions(tables.val_predictions_file).dropna(subset=["target"])
    return _of_tables(clean, tables.read_predictions(file) if file.exists() else None)


def _of_tables(clean: pd.DataFrame, shifted: pd.DataFrame | None) -> HeldOut:
    num_classes = num_probabilities(clean)
    labels, rows = arrays(clean, num_classes)
    draws = None if shifted is None else by_draw(clean, shifted, num_classes)
    return HeldOut(tuple(clean["ID"]), labels, rows, draws)


def _of_sides(table: pd.DataFrame) -> HeldOut:
    """Return the predictions of a table with clean pages as draw -1 beside the damaged ones."""
    clean, shifted = table[table["draw"] < 0], table[table["draw"] >= 0]
    return _of_tables(clean.reset_index(drop=True), shifted.reset_index(drop=True) if len(shifted) else None)


def write_held_out(folder: Path, pipeline: Pipeline, held: HeldOut) -> None:
    """Write the predictions of a pipeline into a folder as ``read_held_out`` reads them, and what the pipeline is."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "pipeline.json", pipeline.to_dict())
    tables = RunFolder(folder)
    if held.shifted is not None:
        draws = [_table(held, rows).assign(draw=number) for number, rows in enumerate(held.shifted)]
        tables.write_table(tables.shifted_predictions_file, pd.concat(draws, ignore_index=True))
    assert held.clean is not None, "clean pages are always measured"
    # Last, because a folder with this table counts as whole.
    tables.write_table(tables.val_predictions_file, _table(held, held.clean))


def _table(held: HeldOut, rows: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=probability_columns(rows.shape[1]))
    table.insert(0, "target", pd.Series(held.labels, dtype="Int64"))
    table.insert(0, "ID", list(held.ids))
    return table


def cross_fitted_look(run: RunFolder, ids: Sequence[str]) -> CrossFittedLook | None:
    """Return the rules that stand for a run's second look on pages that chose it, in the order of these IDs.

    None where the run has not measured single views.
    """
    validated = validated_pipeline(run)
    if validated.models == ENSEMBLE or not view_table_file(run).exists():
        return None
    known, labels, views = _read_views(run)
    look = _cross_fit(run, known, labels, views, validated)
    places = {page: index for index, page in enumerate(known)}
    return CrossFittedLook(look.folds[[places[page] for page in ids]], look.rules)


def _cross_fit(
    run: RunFolder,
    ids: tuple[str, ...],
    labels: np.ndarray,
    views: Mapping[str, np.ndarray],
    validated: Pipeline,
) -> CrossFittedLook:
    [configured], [space] = validated.views, validated.spaces
    seconds, seed = second_predictions(views, space), run.read_config().random_seed
    return cross_fit(labels, _mean(views, configured, space), seconds, seed, page_groups(run, ids))


def _read_views(run: RunFolder) -> tuple[tuple[str, ...], np.ndarray, dict[str, np.ndarray]]:
    """Read IDs, labels (N,) and the probabilities (N, K) by each single view of the shifted pages in draw 0."""
    table = run.read_predictions(view_table_file(run))
    labels, views = by_view(table, num_probabilities(table))
    return tuple(table.loc[table["view"] == BASE, "ID"].drop_duplicates()), labels, views


def _from_views(run: RunFolder, pipeline: Pipeline, validated: Pipeline) -> HeldOut | None:
    """Compute the predictions of a pipeline from the run's table of single views.

    The rule of a second look was chosen on these very pages; each page is therefore predicted by the rule that the
    pages of other folds chose.
    """
    known = _is_of_views(run, pipeline)
    if not known or pipeline.spaces != validated.spaces:
        return None
    ids, labels, views = _read_views(run)
    [wanted], [configured], [space] = pipeline.views, validated.views, validated.spaces
    if not set(wanted) | set(configured) <= set(views):
        return None
    first = _mean(views, wanted, space)
    if pipeline.second_look is None:
        return HeldOut(ids, labels, None, first[None])
    chosen = run.read_results("second_look").second_look  # None while the run is judged
    if chosen is not None and pipeline.second_look != SecondLook(chosen.gate, chosen.blend, chosen.views):
        return None
    look = _cross_fit(run, ids, labels, views, validated)
    return HeldOut(ids, labels, None, look.applied(first, second_predictions(views, space))[None])


def _is_of_views(run: RunFolder, pipeline: Pipeline) -> bool:
    """Return whether the table of single views can tell what a pipeline predicts; it knows nothing of words."""
    one = pipeline.models != ENSEMBLE and pipeline.precision == FULL and not pipeline.text
    return one and view_table_file(run).exists()


def looked_at(run: RunFolder, pipeline: Pipeline) -> HeldOut | None:
    """Return the predictions of a second look by its own rule, for the shifted pages in draw 0; None without views.

    The rule was chosen on these pages, which ``held_out`` avoids. A test of the rule itself needs its own predictions,
    and has to count the candidates that it was chosen from (``RATE_OF_A_CHOSEN_LOOK``).
    """
    known = _is_of_views(run, pipeline)
    if not known or pipeline.second_look is None:
        return None
    ids, labels, views = _read_views(run)
    [wanted], [space] = pipeline.views, pipeline.spaces
    seconds = second_predictions(views, space)
    if not set(wanted) <= set(views) or pipeline.second_look.views not in seconds:
        return None
    return HeldOut(ids, labels, None, applied_rule(pipeline.second_look, _mean(views, wanted, space), seconds)[None])


def _mean(views: Mapping[str, np.ndarray], names: tuple[str, ...], space: str) -> np.ndarray:
    return average(np.stack([views[name] for name in names]), space)


def num_probabilities(table: pd.DataFrame) -> int:
    """Return the number of classes of a table of predictions."""
    return sum(name.startswith("p_") and name[2:].isdigit() for name in table.columns)


def arrays(table: pd.DataFrame, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, int (N,), and probabilities, float32 (N, K), of a table."""
    return table["target"].to_numpy(np.int64), table[probability_columns(num_classes)].to_numpy(np.float32)


def by_draw(clean: pd.DataFrame, shifted: pd.DataFrame, num_classes: int) -> np.ndarray:
    """Return shifted probabilities, float32 (draws, N, K), with the pages in the order of the clean table."""
    if "draw" not in shifted:
        return arrays(shifted, num_classes)[1][None]
    draws = [shifted[shifted["draw"] == draw] for draw in sorted(shifted["draw"].unique())]
    return np.stack([arrays(table.set_index("ID").loc[clean["ID"].tolist()], num_classes)[1] for table in draws])


def _card(model: RunFolder) -> ModelCard:
    return ModelCard.from_dict(model.read_json(model.model_file), str(model.model_file))
