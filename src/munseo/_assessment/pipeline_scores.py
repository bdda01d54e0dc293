"""Another pipeline of a run, measured on its validation pages, so that its confidence is known when it predicts.

Training measures the pipeline that predicts by default. Other views, a second look or an export in eight bits have
another confidence; ``munseo evaluate RUN --tta`` measures them, and ``munseo predict RUN --tta`` then has temperature,
thresholds and an expected score (``munseo._evaluation.held_out``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from munseo._assessment.own_validation import find_recorded
from munseo._assessment.run_pages import read_run_pages
from munseo._console import say
from munseo._evaluation import summarise
from munseo._evaluation.fold_mean import average_folds
from munseo._evaluation.held_out import (
    HeldOut,
    cross_fitted_look,
    is_measurable,
    measured_folder,
    validated_pipeline,
    write_held_out,
)
from munseo._evaluation.held_out_groups import page_groups
from munseo._prediction import Predictor
from munseo._prediction.inference import predict_dataset
from munseo._prediction.loader import PageDataset
from munseo._prediction.measurement import measure
from munseo._run import claim
from munseo._shift.recipe_file import read_recipe


def is_other_pipeline(predictor: Predictor) -> bool:
    """Return whether a predictor's pipeline is another one than validation measured, and can be measured."""
    run, pipeline = predictor.folder, predictor.pipeline
    return is_measurable(run, pipeline) and pipeline != validated_pipeline(run)


def measure_pipeline(predictor: Predictor, data: Path | None) -> dict[str, Any]:
    """Predict a run's validation pages as the predictor does, clean and under the run's recipe, and keep the result.

    Of a k-fold run these are the pages that no fold used. A rule of the second look was chosen on these pages; each is
    therefore looked at by the rule that other pages chose.

    Args:
        predictor: The run with a pipeline that can be measured (``is_other_pipeline``).
        data: Where the data are now; None: where they were.

    Returns:
        As ``val`` in ``results.json``; ``shifted`` likewise, if the run validates damaged pages; ``pipeline``, and the
        ``temperature`` that calibrates it.

    Raises:
        UserError: Validation pages are gone, or their image or label is not what it was. All of them are named.
    """
    run, card, pipeline = predictor.folder, predictor.card, predictor.pipeline
    loaded, config = predictor.runs[0], run.read_config()
    recorded = [page for page in read_run_pages(run).validation if page.fold is None or not run.folds]
    pages = find_recorded(run, card, recorded, data)
    look = None if pipeline.second_look is None else cross_fitted_look(run, [page.id for page in recorded])

    def predict(dataset: PageDataset, views: Sequence[str]) -> np.ndarray:
        rows = [predict_dataset(model, dataset, loaded.setup, views, "measuring") for model in loaded.classifiers]
        return average_folds(np.stack(rows))

    labels = np.array([page.label for page in recorded], dtype=np.int64)
    held = measure(pages, labels, card, read_recipe(run), config.shifted_draws, pipeline, look, predict)
    with claim(run):
        write_held_out(measured_folder(run, pipeline), pipeline, held)
    say(f"measured, and kept in the run folder: {pipeline}")
    return _scores(predictor, held)


def _scores(predictor: Predictor, held: HeldOut) -> dict[str, Any]:
    names, groups = predictor.card.class_names, page_groups(predictor.folder, held.ids)
    assert held.clean is not None, "clean pages are always measured"
    result = summarise(held.labels, held.clean, names, groups)
    if held.shifted is not None:
        labels, rows = held.rows
        shifted = summarise(labels, rows, names, np.tile(groups, held.num_draws))
        result["shifted"] = {**shifted, "num_pages": len(held.ids), "draws": held.num_draws}
    return {**result, "pipeline": predictor.pipeline.to_dict(), "temperature": held.temperature}
