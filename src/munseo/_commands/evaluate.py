"""``munseo evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from munseo._commands.options import Device, MovedData, Quiet, RunArgument, Tta
from munseo._console import quietly
from munseo._errors import UserError

if TYPE_CHECKING:
    from munseo._prediction import Predictor
    from munseo._training import Collection

EXAMPLES = ("`munseo evaluate runs/2507… --data data/rvl5`",)


def evaluate(
    run: RunArgument, data: MovedData = None, *, tta: Tta = None, device: Device = None, quiet: Quiet = False
) -> dict[str, Any]:
    """Evaluate a run's weights again on its validation pages.

    A k-fold run is evaluated out of fold: each page is predicted by the model that was not trained on it. So are the
    members of an ensemble, whose weights are fitted again without the pages that they are evaluated on.

    Returns:
        The `val` entry of `results.json`, measured again.

    Raises:
        UserError: There is no run, or its data are not there.
    """
    from munseo._run import open_run

    folder = open_run(run)
    import numpy as np

    from munseo._evaluation import summarise
    from munseo._prediction import PredictOptions, Predictor, predict_run
    from munseo._prediction.combination import is_ensemble
    from munseo._shift.recipe_file import read_recipe
    from munseo._training import collect, make_splits

    with quietly(quiet):
        config = folder.read_config()
        if data is not None:
            config = config.model_copy(update={"data_dir": Path(data)})
        # Each page is predicted once, so its pixels are not worth caching.
        collection = collect(config.model_copy(update={"cache": False}))
        predictor = Predictor.load(folder, PredictOptions(tta=tta, device=device))
        if is_ensemble(folder):
            return _evaluate_ensemble(predictor, collection)
        labels, rows = [], []
        loaded = predictor.runs[0]
        splits = make_splits(config, collection, read_recipe(folder))
        for split, model in zip(splits, loaded.classifiers, strict=True):
            rows.append(predict_run([model], split.val, loaded.setup, loaded.views))
            labels += [page.label for page in split.val]
        return summarise(np.array(labels), np.concatenate(rows), predictor.card.class_names, config.random_seed)


def _evaluate_ensemble(predictor: Predictor, collection: Collection) -> dict[str, Any]:
    """Predict each member's held-out pages again, and fit the combination without the pages that it is judged on."""
    import numpy as np

    from munseo._ensemble import align, honest_probabilities, read_members
    from munseo._evaluation import summarise
    from munseo._prediction import predict_run
    from munseo._prediction.combination import member_folders

    folder, card = predictor.folder, predictor.card
    entry = folder.read_results("ensemble").ensemble
    if entry is None:
        raise UserError(f"{folder.results_file}: has no entry of the ensemble; restore it from a copy.")
    known = {page.id: page for page in (*collection.pages.train, *(collection.pages.val or ()))}
    ids = folder.read_predictions(folder.val_predictions_file)["ID"].tolist()
    missing = [f"{page_id}: not in the data" for page_id in ids if page_id not in known]
    if missing:
        raise UserError(f"{folder.path}: these pages judged the ensemble; say where they are with --data.", missing)
    pages = [known[page_id] for page_id in ids]
    rows = np.empty((len(predictor.runs), len(pages), card.num_classes), dtype=np.float32)
    for number, (run, member) in enumerate(zip(predictor.runs, member_folders(folder), strict=True)):
        table = member.read_predictions(member.val_predictions_file).set_index("ID").loc[ids]
        folds = table["fold"].to_numpy() if "fold" in table else np.zeros(len(ids), dtype=np.int64)
        for fold, model in enumerate(run.classifiers):
            held_out = np.flatnonzero(folds == fold)
            predicted = predict_run([model], [pages[index] for index in held_out], run.setup, run.views)
            rows[number, held_out] = predicted[:, run.columns(card.class_names)]
    names = collection.pages.class_names
    labels = np.array([card.class_names.index(names[page.label or 0]) for page in pages])
    aligned = align(read_members([member.path for member in member_folders(folder)]))
    probabilities = honest_probabilities(aligned, entry.method, entry.seed, rows)
    return summarise(labels, probabilities, card.class_names, entry.seed)


def show(result: dict[str, Any]) -> None:
    """Print the scores."""
    low, high = result["macro_f1_interval"]
    typer.echo(f"macro-F1  {result['macro_f1']:.4f}  (95 % interval {low:.4f} to {high:.4f})")
    typer.echo(f"accuracy  {result['accuracy']:.4f}\nloss      {result['loss']:.4f}\npages     {result['num_pages']}")
