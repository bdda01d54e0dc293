"""The judgement of a run: every entry of ``results.json`` that its tables of predictions give.

Judging needs neither the model nor the data, so a single run, joined folds and an ensemble are judged by this code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from munseo._config import Config
from munseo._data import Page, decode, letterbox
from munseo._evaluation.calibration import (
    apply_temperature,
    coverage_curve,
    cross_fitted_temperatures,
    reliability,
)
from munseo._evaluation.epoch_choice import judge_epoch_choice
from munseo._evaluation.fold_mean import read_mean
from munseo._evaluation.held_out import (
    Pipeline,
    arrays,
    default_pipeline,
    held_out,
    judges_its_predictions,
    view_table_file,
)
from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.metrics import summarise
from munseo._evaluation.promised_threshold import can_be_promised, promised_threshold
from munseo._evaluation.robustness import robustness_profile
from munseo._evaluation.second_look import choose_second_look, second_predictions
from munseo._evaluation.view_gains import BASE, average, by_view, weigh_quickly, weigh_views
from munseo._jpeg import encode_jpeg
from munseo._model import ModelCard
from munseo._run import RunFolder
from munseo._run.atomic import replacing, write_json
from munseo._run.results import Results, SecondLookGain
from munseo._shift.recipe_file import read_recipe

Tables = tuple[pd.DataFrame, pd.DataFrame | None]
"""Predictions of the same pages, clean and, if there are any, shifted."""

PRECISIONS = (0.9, 0.95, 0.98, 0.99)
"""Precisions for which the report says what fraction of the pages needs no person."""
GALLERY_PAGES = 60
"""Most misclassified pages that a gallery shows."""
GALLERY_PX = 256
"""Longest side of their pictures."""


def judge_tables(run: RunFolder, config: Config, card: ModelCard) -> Results:
    """Return all entries of ``results.json`` that the tables of a run give; what was not measured has no entry.

    What is stated about the mean of the folds is measured on the pages that no fold used; without such pages it is not
    stated.
    """
    tables = validation_tables(run)
    results = _scores(run, tables, card, config)
    if (choice := judge_epoch_choice(run, config.monitor, card.num_classes)) is not None:
        results["epoch_choice"] = choice
    if run.folds and (mean := read_mean(run)) is not None:
        results["fold_mean"] = _scores(run, mean, card, config)
    by_mean = judges_its_predictions(run)
    views = view_table_file(run) if by_mean else run.view_predictions_file
    if views.exists():
        results |= judge_views(run, run.read_predictions(views), card, config)
    if not by_mean:
        results.pop("second_look", None)
    elif calibration := _calibration(run, _default_pipeline(run, results.get("second_look"))):
        results["calibration"] = calibration
    if run.damage_predictions_file.exists():
        damaged = run.read_predictions(run.damage_predictions_file)
        groups = page_groups(run, tables[0]["ID"].tolist()) if config.damages_are_judged_quickly else None
        profile = robustness_profile(damaged, _clean_images(run, tables[0]), card.class_names, groups)
        _name_pictures(run, profile)
        results["robustness"] = profile
    return Results.model_validate(results)


def _clean_images(run: RunFolder, clean: pd.DataFrame) -> pd.DataFrame:
    """Return what the image alone says about clean pages, since single damages are judged without words."""
    if not run.image_predictions_file.is_file():
        return clean
    table = run.read_predictions(run.image_predictions_file)
    return table[table["draw"] < 0].reset_index(drop=True)


def validation_tables(run: RunFolder) -> Tables:
    """Read the predictions of the validation pages; those of a k-fold run are by single folds."""
    file = run.shifted_predictions_file
    return run.read_predictions(run.val_predictions_file), run.read_predictions(file) if file.exists() else None


def _scores(run: RunFolder, tables: Tables, card: ModelCard, config: Config) -> dict[str, Any]:
    """Return the scores of clean and shifted pages: ``val`` and, if there are any, ``shifted``."""
    clean, shifted = tables
    groups = page_groups(run, clean["ID"].tolist())
    results: dict[str, Any] = {"val": summarise(*arrays(clean, card.num_classes), card.class_names, groups)}
    if shifted is None:
        return results
    labels, rows = arrays(shifted, card.num_classes)
    recipe = read_recipe(run)
    # The draws of a page go wrong together, and so do pages of one group.
    groups = page_groups(run, shifted["ID"].tolist())
    results["shifted"] = {
        **summarise(labels, rows, card.class_names, groups),
        "num_pages": int(shifted["ID"].nunique()),
        "draws": int(shifted["draw"].nunique()),
        "recipe": recipe.name if recipe else config.shift,
    }
    return results


def _default_pipeline(run: RunFolder, entry: dict[str, Any] | None) -> Pipeline:
    """Return the pipeline that predicts by default, given the entry ``second_look`` of the results."""
    return default_pipeline(run, None if entry is None else SecondLookGain.model_validate(entry))


def _calibration(run: RunFolder, pipeline: Pipeline) -> dict[str, Any] | None:
    """Fit on the pages that are most like those to come, the shifted ones where there are any, by what predicts."""
    held = held_out(run, pipeline)
    if held is None:
        return None
    fitted_on = "val" if held.shifted is None else "shifted"
    labels, rows = held.rows
    temperature = held.temperature
    entry: dict[str, Any] = {"temperature": temperature, "fitted_on": fitted_on, "pipeline": pipeline.to_dict()}
    groups = np.tile(page_groups(run, held.ids), held.num_draws)
    by_others = cross_fitted_temperatures(labels, rows, groups)[: len(held.ids)]
    for name, draws in (("val", None if held.clean is None else held.clean[None]), ("shifted", held.shifted)):
        if draws is not None:
            set_labels, set_rows = np.tile(held.labels, len(draws)), np.concatenate(list(draws))
            bins, after = reliability(set_labels, apply_temperature(set_rows, np.tile(by_others, len(draws))))
            entry[name] = {"ece_before": reliability(set_labels, set_rows)[1], "ece_after": after, "bins": bins}
    calibrated = apply_temperature(rows, temperature)
    targets = PRECISIONS if can_be_promised(run, pipeline) else ()
    entry["coverage"] = [promised_threshold(run, pipeline, held, temperature, target) for target in targets]
    entry["curve"] = coverage_curve(labels, calibrated)
    return entry


def judge_views(run: RunFolder, table: pd.DataFrame, card: ModelCard, config: Config) -> dict[str, Any]:
    """Return the entries ``views`` and ``second_look``, given the predictions of shifted pages by single views."""
    # All folds of a run predict its held-out pages, so that an ID may come once for each of them.
    ids = list(dict.fromkeys(table.loc[table["view"] == BASE, "ID"]))
    groups = page_groups(run, ids)
    labels, rows = by_view(table, card.num_classes)
    complete = table[table["view"].isin(rows)]
    views = weigh_views(complete, card.num_classes, card.tta_views, card.tta_space, groups)
    if config.views_are_judged_quickly:
        views["rows"] = weigh_quickly(table, card.num_classes, card.tta_space, groups)
    if not second_predictions(rows, card.tta_space):
        return {"views": views}  # quick judging left every other view early, so that none can be a second look
    first = average(np.stack([rows[name] for name in card.tta_views]), card.tta_space)
    look = choose_second_look(labels, first, rows, card.tta_space, config.random_seed, groups)
    return {"views": views, "second_look": {**look, "used": config.second_look and look["gain"] > 0}}


def _name_pictures(run: RunFolder, profile: dict[str, Any]) -> None:
    """Add the picture files of broken pages, which lie in this folder or in its folds'."""
    known: dict[str, dict[str, str]] = {}
    for folder in run.folds or [run]:
        file = folder.robustness_dir / "pages.json"
        prefix = f"{folder.path.name}/" if run.folds else ""
        for damage, pictures in (folder.read_json(file) if file.exists() else {}).items():
            known.setdefault(damage, {}).update({page: f"{prefix}{name}" for page, name in pictures.items()})
    for row in profile["damages"]:
        for page in row["broken"]:
            page["file"] = known.get(row["damage"], {}).get(page["id"])


def save_gallery(run: RunFolder, pages: Sequence[Page], probabilities: np.ndarray, class_names: Sequence[str]) -> None:
    """Write small copies of the misclassified pages, so that a report needs no data."""

    def write_picture(index: int, file: Path) -> None:
        picture = letterbox(decode(pages[index].path), GALLERY_PX)
        with replacing(file) as temporary:
            temporary.write_bytes(encode_jpeg(picture, 80))

    labels = np.array([page.label for page in pages])
    write_gallery(run, [page.id for page in pages], labels, probabilities, class_names, write_picture)


def write_gallery(
    run: RunFolder,
    ids: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    write_picture: Callable[[int, Path], object],
) -> None:
    """Write ``gallery/`` with the most confident mistakes first, and ``pages.json``, which says what they are.

    ``write_picture`` writes the picture of the page with an index to a file.
    """
    run.gallery_dir.mkdir(exist_ok=True)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    entries = []
    for number, index in enumerate(wrong[np.argsort(-confidence[wrong], kind="stable")][:GALLERY_PAGES]):
        file = run.gallery_dir / f"{number:03}.jpg"
        write_picture(index, file)
        entries.append(
            {
                "file": file.name,
                "id": ids[index],
                "true": class_names[labels[index]],
                "predicted": class_names[predicted[index]],
                "confidence": float(confidence[index]),
                "p_true": float(probabilities[index, labels[index]]),
            }
        )
    write_json(run.gallery_dir / "pages.json", entries)
