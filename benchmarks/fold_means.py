"""Check what k-fold runs state about the mean of their folds: calibration and expected score, on pages that came later.

    python benchmarks/fold_means.py rvl5                        # trains two runs of five folds first
    python benchmarks/fold_means.py rvl5 --runs runs/A runs/B

The runs are trained on only the pages of train.csv; a tenth of them is held out of all folds. Runs of earlier versions
may be given too: if their data folder has a val.csv, which they did not use, their mean is judged on it here first. The
pages of val.csv, which the runs never saw, are predicted by ``munseo predict``: as they are, and damaged by two recipes
that are written only in ``expected_score.py``. The table compares temperature and expected score with those from the
out-of-fold predictions of single folds, as versions before this benchmark took them. ``ECE mean matched`` is with the
temperature of the mix of held-out pages that the expected score matches to the test set, ``ECE best`` with the one that
fits the test labels best. Predictions are kept in ``--work``, so that a second call is quick.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from expected_score import COMMON, UNKNOWN, WITH_POLICY, WITHOUT_POLICY, train_table_alone, write_test_files

import munseo
from munseo._config import Config
from munseo._data import Page, load_pages
from munseo._evaluation import macro_f1
from munseo._evaluation.calibration import apply_temperature, fit_temperature, reliability
from munseo._evaluation.expectation import Validation, expect_macro_f1
from munseo._evaluation.held_out import arrays, by_draw, held_out, validated_pipeline
from munseo._prediction.inference import read_card
from munseo._run import RunFolder, open_run
from munseo._shift.recipe_file import read_recipe
from munseo._training.joined_folds import join_folds, predict_held_out
from munseo._training.training_data import collect, make_splits

FOLDS = {"n_folds": 5, "image_size": 112, "robustness_pages": 0}
EPOCHS = {"eda": 5, "document": 4}
CLEAN = "clean"
RECIPES = [recipe for recipe in UNKNOWN if recipe.name in ("desk scan", "phone")]


def train_models(data: Path, work: Path) -> list[RunFolder]:
    """Train two runs of five folds on the pages of train.csv only."""
    where = train_table_alone(data, work)
    runs = []
    for (name, epochs), policy in zip(EPOCHS.items(), (WITHOUT_POLICY, WITH_POLICY), strict=True):
        print(f"training five folds with {name}", flush=True)
        settings = {**COMMON, **FOLDS, **policy, **where, "epochs": epochs, "patience": epochs}
        runs.append(open_run(munseo.train(Config.model_validate(settings))))
    return runs


def judge_mean(run: RunFolder) -> None:
    """Judge the mean of the folds of an earlier version's run on the val.csv of its data folder."""
    config = run.read_config()
    collection = collect(config)
    split = make_splits(config, collection, read_recipe(run))[0]
    predict_held_out(run, config, split)
    run.update_manifest(fingerprints={})
    join_folds(run, config, read_card(run), collection)


def write_pages(pages: Sequence[Page], work: Path) -> dict[str, list[Page]]:
    """Write the test sets as files, and return their pages by the name of the set."""
    clean = work / "test" / CLEAN
    clean.mkdir(parents=True, exist_ok=True)
    sets = {CLEAN: [Page(page.id, Path(shutil.copy(page.path, clean / page.id)), page.label) for page in pages]}
    return sets | {recipe.name: write_test_files(pages, recipe, work / "test" / recipe.name) for recipe in RECIPES}


def judge(run: RunFolder, sets: dict[str, list[Page]], work: Path) -> list[dict[str, object]]:
    """Return one row for each test set."""
    card, seed = read_card(run), run.read_config().random_seed
    out_of_fold = run.read_predictions(run.val_predictions_file)
    shifted = run.read_predictions(run.shifted_predictions_file)
    temperature = fit_temperature(*arrays(shifted, card.num_classes))
    own = run.read_results("calibration").calibration
    assert own is not None, "the mean of the folds was judged"
    assert own.temperature is not None, "the mean of the folds was judged"
    rows = []
    for name, pages in sets.items():
        output = work / "predictions" / run.path.name / f"{name}.csv"
        if not output.with_suffix(".expected.json").is_file():
            munseo.predict(run.path, [pages[0].path.parent], output, proba=True)
        table = pd.read_csv(output, dtype={"ID": str}).set_index("ID")
        calibrated = table.filter(like="p_").loc[[page.path.name for page in pages]].to_numpy(np.float32)
        labels = np.array([page.label for page in pages])
        raw = apply_temperature(calibrated, 1 / own.temperature)
        real = macro_f1(labels, raw.argmax(axis=1), card.num_classes)
        expected = json.loads(output.with_suffix(".expected.json").read_text(encoding="utf-8"))
        single = expect_macro_f1(
            *arrays(out_of_fold, card.num_classes), by_draw(out_of_fold, shifted, card.num_classes), raw, seed
        )
        rows.append({
            "model": "document" if run.read_config().augmentation.document else "eda",
            "pages": name,
            "ECE raw": reliability(labels, raw)[1],
            "ECE single": reliability(labels, apply_temperature(raw, temperature))[1],
            "ECE mean": reliability(labels, calibrated)[1],
            "ECE mean matched": reliability(labels, apply_temperature(raw, _matched_temperature(run, raw)))[1],
            "ECE best": reliability(labels, apply_temperature(raw, fit_temperature(labels, raw)))[1],
            "confidence": float(calibrated.max(axis=1).mean()),
            "accuracy": float((raw.argmax(axis=1) == labels).mean()),
            "real": real,
            "expected single": single.macro_f1,
            **_interval("single", None if single.interval is None else single.interval, real),
            "expected mean": expected["macro_f1"],
            **_interval("mean", expected["interval"], real),
        })  # fmt: skip
    return rows


def _matched_temperature(run: RunFolder, test: np.ndarray) -> float:
    """Return the temperature of the mix of clean and shifted pages that the expected score matches to these pages."""
    held = held_out(run, validated_pipeline(run))
    assert held is not None, "the mean of the folds was judged"
    assert held.clean is not None, "clean pages were predicted"
    pages = np.arange(len(held.labels))
    return (
        Validation(held.labels, held.clean, held.draws, pages).match(np.ones(len(pages)), test.max(axis=1)).temperature
    )


def _interval(name: str, ends: Sequence[float] | None, real: float) -> dict[str, object]:
    if ends is None:
        return {f"low {name}": np.nan, f"high {name}": np.nan, f"covered {name}": "not stated"}
    return {f"low {name}": ends[0], f"high {name}": ends[1], f"covered {name}": bool(ends[0] <= real <= ends[1])}


def main() -> None:
    """Train or read the runs, predict the test sets, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train.csv, val.csv and train/")
    parser.add_argument(
        "--runs", nargs="+", type=Path, help="k-fold runs trained on only train.csv; default: train them"
    )
    parser.add_argument("--work", type=Path, default=Path("fold-means"), help="where files and figures are kept")
    options = parser.parse_args()
    work, data = options.work.resolve(), options.data.resolve()
    work.mkdir(parents=True, exist_ok=True)
    runs = [open_run(path) for path in options.runs] if options.runs else train_models(data, work)
    sets = write_pages(load_pages(data).val or (), work)
    rows = []
    for run in runs:
        if not run.held_out_predictions_file.exists():
            judge_mean(run)
        rows += judge(run, sets, work)
    table = pd.DataFrame(rows)
    table.to_csv(work / "fold_means.csv", index=False)
    for kind in ("single", "mean"):
        print(table[[name for name in table if kind in name or name in ("model", "pages", "real", "ECE raw", "accuracy",
                     "confidence")]].to_string(index=False, float_format=lambda value: f"{value:.4f}"))  # fmt: skip
    covered = {kind: sum(value is True for value in table[f"covered {kind}"]) for kind in ("single", "mean")}
    print(f"ECE of the mean: at most {table['ECE mean'].max():.4f} (temperature of single folds: "
          f"{table['ECE single'].max():.4f}); covered: {covered['mean']} of {len(table)} (from single folds: "
          f"{covered['single']})")  # fmt: skip


if __name__ == "__main__":
    main()
