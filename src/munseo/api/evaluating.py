"""``munseo evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from munseo import _ensemble as ensembles
from munseo import _training as training
from munseo._console import quietly
from munseo._errors import UserError
from munseo._evaluation import summarise
from munseo._prediction import PredictOptions, Predictor, predict_run
from munseo._prediction.combination import is_ensemble, member_folders
from munseo._run import open_run
from munseo._shift.recipe_file import read_recipe


def evaluate(
    run: Path | str,
    data: Path | str | None = None,
    *,
    tta: bool | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Judge a run's weights again on its validation pages.

    Args:
        run: The run folder; a k-fold run is judged out of fold, each page by the model that did not see it; the
            members of an ensemble are too, and the weights are fitted again without the pages that they are judged on.
        data: Where the data are now; None: where they were.
        tta: Average the configured views of a page; None: as configured.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; None: the run's own.
        quiet: Print nothing but errors.

    Returns:
        The ``val`` entry of ``results.json``, measured anew.
    """
    with quietly(quiet):
        folder = open_run(run)
        config = folder.read_config()
        if data is not None:
            config = config.model_copy(update={"data_dir": Path(data)})
        # Each page is predicted once: nothing is worth keeping for a next time.
        collection = training.collect(config.model_copy(update={"cache": False}))
        predictor = Predictor.load(folder, PredictOptions(tta=tta, device=device))
        if is_ensemble(folder):
            return _evaluate_ensemble(predictor, collection)
        labels, rows = [], []
        loaded = predictor.runs[0]
        splits = training.divide(config, collection, read_recipe(folder))
        for split, model in zip(splits, loaded.classifiers, strict=True):
            rows.append(predict_run([model], split.val, loaded.settings, loaded.views))
            labels += [page.label for page in split.val]
        return summarise(np.array(labels), np.concatenate(rows), predictor.card.class_names, config.random_seed)


def _evaluate_ensemble(predictor: Predictor, collection: training.Collection) -> dict[str, Any]:
    """Every member predicts its held-out pages anew; the combination is fitted again without the pages it judges."""
    folder = predictor.folder
    entry = folder.read_results("ensemble").ensemble
    if entry is None:
        raise UserError(f"{folder.results_file}: has no entry of the ensemble; restore it from a copy.")
    known = {page.id: page for page in (*collection.pages.train, *(collection.pages.val or ()))}
    ids = folder.read_predictions(folder.val_predictions_file)["ID"].tolist()
    missing = [f"{page_id}: not in the data" for page_id in ids if page_id not in known]
    if missing:
        raise UserError(f"{folder.path}: these pages judged the ensemble; say where they are with --data.", missing)
    pages = [known[page_id] for page_id in ids]
    rows = np.empty((len(predictor.runs), len(pages), predictor.card.num_classes), dtype=np.float32)
    for number, (run, member) in enumerate(zip(predictor.runs, member_folders(folder), strict=True)):
        table = member.read_predictions(member.val_predictions_file).set_index("ID").loc[ids]
        folds = table["fold"].to_numpy() if "fold" in table else np.zeros(len(ids), dtype=np.int64)
        for fold, model in enumerate(run.classifiers):
            places = np.flatnonzero(folds == fold)
            chosen = [pages[place] for place in places]
            predicted = predict_run([model], chosen, run.settings, run.views)
            rows[number, places] = predicted[:, run.columns(predictor.card.class_names)]
    names = collection.pages.class_names
    labels = np.array([predictor.card.class_names.index(names[page.label or 0]) for page in pages])
    aligned = ensembles.align(ensembles.read_members([member.path for member in member_folders(folder)]))
    probabilities = ensembles.honest_probabilities(aligned, entry.method, entry.seed, rows)
    return summarise(labels, probabilities, predictor.card.class_names, entry.seed)
