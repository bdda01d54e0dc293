"""Check whether the expected macro-F1 of an unlabelled, damaged test set comes true.

    python benchmarks/expected_score.py rvl5                    # trains two models first
    python benchmarks/expected_score.py rvl5 --runs runs/A runs/B
    python benchmarks/expected_score.py rvl5 --runs runs/A runs/B --recipe competition

Two models are trained and validated on only the pages of train.csv: one without the document policy, one with it. The
pages of val.csv, which they never saw, are damaged by five recipes that exist only in this file, and written as JPEG
files: they are the unlabelled test set. The score is estimated for each model and recipe and compared with the real
one.

``--recipe measured`` (the default) is the case of a user with a test set: the validation damage is fitted by
``munseo._shift`` to the damaged files, without their labels. ``competition`` and ``document`` are built in, and do not
depend on the test set. Files and probabilities are kept in ``--work``, so that a second call is quick.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

import munseo
from munseo._augment import COMPETITION, DOCUMENT, Recipe, apply_recipe
from munseo._config import Config
from munseo._data import Page, decode, letterbox, load_pages
from munseo._evaluation import macro_f1
from munseo._evaluation.expectation import Expectation, expect_macro_f1
from munseo._model import Classifier
from munseo._prediction import InferenceSetup, choose_device, load_members, predict_pages
from munseo._prediction.inference import predict_dataset
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._randomness import generator
from munseo._run import RunFolder, open_run
from munseo._shift import find_shift

NUM_DRAWS = 3
TEST_SEED = 2024
UNKNOWN = (
    Recipe.of(
        "desk scan",
        rotation=(0.7, 0.0, 0.03),
        brightness=(0.3, 0.05, 0.3),
        noise=(0.4, 0.02, 0.2),
        jpeg=(0.6, 0.2, 0.7),
    ),
    Recipe.of(
        "phone",
        bend=(0.3, 0.1, 0.7),
        rotation=(0.6, 0.0, 0.12),
        perspective=(0.8, 0.2, 0.9),
        table=(0.9, 0.2, 1.0),
        gradient=(0.6, 0.2, 0.9),
        shadow=(0.4, 0.2, 0.9),
        focus_blur=(0.4, 0.1, 0.6),
        motion_blur=(0.2, 0.1, 0.6),
        jpeg=(0.7, 0.3, 0.9),
    ),
    Recipe.of(
        "fax",
        ink_fade=(0.4, 0.2, 0.8),
        quarter_turn=(0.2, 1.0, 1.0),
        rotation=(0.5, 0.0, 0.05),
        contrast=(0.6, 0.2, 0.9),
        noise=(0.9, 0.2, 0.9),
        rescale=(0.7, 0.3, 0.8),
    ),
    Recipe.of(
        "turned",
        mirror=(0.4, 1.0, 1.0),
        quarter_turn=(0.5, 1.0, 1.0),
        rotation=(0.8, 0.0, 1.0),
        darkness=(0.3, 0.1, 0.5),
        noise=(0.4, 0.05, 0.4),
        occlusion=(0.3, 0.1, 0.5),
    ),
    Recipe.of(
        "harsh",
        overlay=(0.4, 0.3, 0.9),
        mirror=(0.5, 1.0, 1.0),
        rotation=(0.95, 0.0, 1.0),
        gradient=(0.5, 0.3, 1.0),
        focus_blur=(0.5, 0.2, 0.8),
        brightness=(0.5, 0.2, 0.7),
        noise=(0.8, 0.2, 0.8),
        occlusion=(0.6, 0.3, 0.9),
    ),
)
COMMON = {
    "model_name": "tf_efficientnet_lite0",
    "image_size": 192,
    "drop_rate": 0.2,
    "drop_path_rate": 0.1,
    "optimizer_name": "AdamW",
    "lr": 0.0015,
    "weight_decay": 0.02,
    "scheduler_name": "OneCycleLR",
    "scheduler_params": {"pct_start": 0.15},
    "gradient_clip_norm": 5.0,
    "ema_decay": 0.997,
    "label_smoothing": 0.1,
    "batch_size": 32,
    "val_split_ratio": 0.2,
    "monitor": "val_macro_f1",
    "mixed_precision": False,
}
UPRIGHT = {"rotation_deg": [-5, 5], "transpose_p": 0.0}
WITHOUT_POLICY = {
    "epochs": 6,
    "patience": 6,
    "augmentation": {"eda": True, "dilation": True, "erosion": True},
    "augmentation_params": {
        "eda": {**UPRIGHT, "noise_p": 0.4, "jitter_p": 0.5},
        "dilation": UPRIGHT,
        "erosion": UPRIGHT,
    },
}
WITH_POLICY = {"epochs": 10, "patience": 10, "augmentation": {"eda": False, "document": True}}


def train_table_alone(data: Path, work: Path) -> dict[str, str]:
    """Make a folder that has train.csv but no val.csv, and return the settings of a run that trains on it."""
    train_only = work / "train-alone"
    train_only.mkdir(parents=True, exist_ok=True)
    for name in ("train.csv", "meta.csv"):
        if (data / name).is_file():
            shutil.copy(data / name, train_only / name)
    return {"data_dir": str(train_only), "image_dir": str(data / "train"), "runs_dir": str(work / "runs")}


def train_models(data: Path, work: Path) -> list[RunFolder]:
    """Train two runs on the pages of train.csv only."""
    where = train_table_alone(data, work)
    return [
        open_run(munseo.train(Config.model_validate({**COMMON, **policy, **where})))
        for policy in (WITHOUT_POLICY, WITH_POLICY)
    ]


def write_test_files(pages: Sequence[Page], recipe: Recipe, folder: Path) -> list[Page]:
    """Write the pages, damaged at their original size, as JPEG files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for page in pages:
        file = folder / f"{Path(page.id).stem}.jpg"
        if not file.is_file():
            picture = decode(page.path)
            rng = generator(TEST_SEED, f"unknown/{recipe.name}/{page.id}")
            damaged = apply_recipe(letterbox(picture, max(picture.shape[:2])), recipe, rng)
            cv2.imwrite(str(file), cv2.cvtColor(damaged, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
        written.append(Page(page.id, file, page.label))
    return written


def validation_recipe(choice: str, train: Sequence[Page], test: Sequence[Page], image_size: int, file: Path) -> Recipe:
    """Return the recipe that damages the validation pages."""
    if choice != "measured":
        return {"competition": COMPETITION, "document": DOCUMENT}[choice]
    if not file.is_file():
        unlabelled = [Page(page.id, page.path, None) for page in test]
        found = find_shift(train, unlabelled, "measured", image_size, 400, seed=42).fit.recipe
        file.write_text(json.dumps(found.to_dict()))
    return Recipe.from_dict(json.loads(file.read_text()))


def cached(file: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Read probabilities from a file, or compute them and keep them in it."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, make())
    return np.load(file)


def held_out(run: RunFolder, pages: Sequence[Page]) -> list[Page]:
    """Return the pages that the run validated on, in the order of the data folder."""
    table = pd.read_parquet(run.pages_file)
    ids = set(table.loc[table["part"] == "val", "ID"])
    return [page for page in pages if page.id in ids]


def judge(run: RunFolder, choice: str, work: Path, data: Path) -> list[dict[str, object]]:
    """Return one row per test set."""
    pages = load_pages(data)
    [classifier] = load_members(run)
    card, settings = classifier.card, InferenceSetup(choose_device("auto"))
    val = held_out(run, pages.train)
    kept = work / "probabilities" / run.path.name
    labels = np.array([page.label for page in val])
    clean = cached(kept / "clean.npy", lambda: predict_pages(classifier, val, settings))
    rows = []
    for place, unknown in enumerate(UNKNOWN):
        test = write_test_files(pages.val, unknown, work / "test" / unknown.name)
        probabilities = cached(kept / f"test-{place}.npy", lambda test=test: predict_pages(classifier, test, settings))
        file = work / f"measured-{place}-{card.image_size}.json"
        recipe = validation_recipe(choice, pages.train, test, card.image_size, file)
        name = f"{choice}-{place}" if choice == "measured" else choice
        shifted = cached(
            kept / f"shifted-{name}.npy", lambda recipe=recipe: predict_draws(classifier, val, recipe, settings)
        )
        found = expect_macro_f1(labels, clean, shifted, probabilities, seed=0)
        real = macro_f1(np.array([page.label for page in test]), probabilities.argmax(axis=1), card.num_classes)
        rows.append(row(run, unknown.name, found, real))
    return rows


def predict_draws(classifier: Classifier, val: Sequence[Page], recipe: Recipe, settings: InferenceSetup) -> np.ndarray:
    dataset = ShiftedPages(val, classifier.card.image_size, recipe, NUM_DRAWS, classifier.card.orientation)
    rows = predict_dataset(classifier, dataset, settings)
    return rows.reshape(NUM_DRAWS, len(val), -1)


def row(run: RunFolder, name: str, found: Expectation, real: float) -> dict[str, object]:
    low, high = found.interval or (np.nan, np.nan)
    augmented = run.read_config().augmentation.document
    return {
        "policy": "document" if augmented else "without",
        "test": name,
        "clean": found.clean_val,
        "clean_error": found.clean_val - real,
        "shifted": found.shifted_val,
        "shifted_error": found.shifted_val - real,
        "expected": found.macro_f1,
        "real": real,
        "error": found.macro_f1 - real,
        "low": low,
        "high": high,
        "notes": " ".join(note.key for note in found.notes),
        "covered": low <= real <= high if found.interval else None,
        "width": high - low,
    }


def show(table: pd.DataFrame) -> None:
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    for name in ("clean_error", "shifted_error", "error"):
        print(f"mean absolute {name.replace('_', ' ')}: {table[name].abs().mean():.4f}")
    widths = table["width"]
    stated = table["covered"].dropna()
    print(
        f"covered {stated.sum()} of {len(stated)} stated intervals, {len(table) - len(stated)} not stated; "
        f"width {widths.mean():.4f}, at most {widths.max():.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train.csv, val.csv and train/")
    parser.add_argument("--runs", nargs="+", type=Path, help="runs trained on only train.csv; default: train them")
    parser.add_argument("--recipe", choices=("measured", "competition", "document"), default="measured")
    parser.add_argument("--work", type=Path, default=Path("expected-score"), help="where files and figures are kept")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    data = options.data.resolve()
    runs = [open_run(path) for path in options.runs] if options.runs else train_models(data, work)
    table = pd.DataFrame([line for run in runs for line in judge(run, options.recipe, work, data)])
    table.to_csv(work / f"{options.recipe}.csv", index=False)
    show(table)


if __name__ == "__main__":
    main()
