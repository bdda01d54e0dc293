"""What the best weights answer, page by page, to every question that is asked of a run: tables of its folder.

The tables hold probabilities, so that everything that is said of them later (``judging``) needs neither model nor data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd

from munseo._augment import Recipe
from munseo._config import Config
from munseo._console import track
from munseo._data import Page
from munseo._evaluation.metrics import probability_columns
from munseo._evaluation.robustness import DamagedPages, chosen_pages, robustness_profile
from munseo._model import Classifier
from munseo._prediction import Settings
from munseo._prediction.inference import predict_dataset, predict_pages, predict_views
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._prediction.tta import VIEWS
from munseo._run import RunFolder
from munseo._run.atomic import replacing, write_json


def measure(
    run: RunFolder,
    config: Config,
    classifier: Classifier,
    val: Sequence[Page],
    recipe: Recipe | None,
    settings: Settings,
) -> None:
    """Predict the validation pages clean, shifted, by every view, and under every kind of damage.

    Args:
        run: Gets the parquet tables ``{val,shifted,view,damage}_predictions``.
        config: The run's configuration.
        classifier: With the best weights.
        val: Validation pages.
        recipe: Of the second validation; without one only the clean pages are predicted.
        settings: Device, batch, workers, precision.
    """
    card = classifier.card
    clean = predict_pages(classifier, val, settings, card.tta_views, "validating the best weights")
    run.write_table(run.val_predictions_file, prediction_table(val, clean))
    if recipe is None:
        return
    shifted = ShiftedPages(val, card.image_size, recipe, config.shifted_draws, card.orientation)
    rows = predict_dataset(classifier, shifted, settings, card.tta_views, "validating under shift")
    tables = [
        prediction_table(val, part).assign(draw=draw) for draw, part in enumerate(np.split(rows, config.shifted_draws))
    ]
    run.write_table(run.shifted_predictions_file, pd.concat(tables, ignore_index=True))
    once = ShiftedPages(val, card.image_size, recipe, 1, card.orientation)
    by_view = predict_views(classifier, once, settings, VIEWS)
    tables = [prediction_table(val, by_view[number]).assign(view=name) for number, name in enumerate(VIEWS)]
    run.write_table(run.view_predictions_file, pd.concat(tables, ignore_index=True))
    if config.robustness_pages:
        _measure_damages(run, classifier, chosen_pages(val, config.robustness_pages), settings)


def prediction_table(pages: Sequence[Page], probabilities: np.ndarray) -> pd.DataFrame:
    """``ID, target, p_0 … p_{n-1}``; target is empty where a page has no label."""
    table = pd.DataFrame(probabilities, columns=probability_columns(probabilities.shape[1]))
    table.insert(0, "target", pd.Series([page.label for page in pages], dtype="Int64"))
    table.insert(0, "ID", [page.id for page in pages])
    return table


def _measure_damages(run: RunFolder, classifier: Classifier, pages: Sequence[Page], settings: Settings) -> None:
    damaged = DamagedPages(pages, classifier.card)
    rows = predict_dataset(classifier, damaged, settings, ("identity",), "damaging pages, kind by kind")
    tables = [
        prediction_table(pages, part).assign(damage=name, severity=severity)
        for (name, severity), part in zip(damaged.cells, np.split(rows, len(damaged.cells)), strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    run.write_table(run.damage_predictions_file, table)
    clean = run.read_predictions(run.val_predictions_file)
    _save_broken(run, damaged, robustness_profile(table, clean, classifier.card.class_names)["damages"])


def _save_broken(run: RunFolder, damaged: DamagedPages, rows: Sequence[dict[str, Any]]) -> None:
    """Small pictures of the pages that break, as they broke; ``pages.json`` says which file is which."""
    places = {page.id: place for place, page in enumerate(damaged.pages)}
    run.robustness_dir.mkdir(exist_ok=True)
    files: dict[str, dict[str, str]] = {}
    for row in track(rows, "pages that break"):
        name: str = row["damage"]
        for number, page in enumerate(row["broken"]):
            file = run.robustness_dir / f"{name}_{number:02}.jpg"
            picture = damaged.image(places[page["id"]], name, page["severity"])
            _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
            with replacing(file) as beside:
                beside.write_bytes(encoded.tobytes())
            files.setdefault(name, {})[page["id"]] = f"{run.robustness_dir.name}/{file.name}"
    write_json(run.robustness_dir / "pages.json", files)
