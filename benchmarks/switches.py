"""Measure what each training option changes in a small baseline, on clean and on shifted validation pages.

    python benchmarks/switches.py data/rvl5 --epochs 8 --image-size 160 --seeds 1 2

Every option is trained with the seeds and epochs of the baseline. Differences to the baseline are paired: a bootstrap
over pages resamples both runs alike, so that pages which are hard for both cancel. A finished run in --runs is not
trained again. Logit adjustment has no effect on equal classes: its pair trains on a table with two thinned classes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

import munseo
from munseo._config import Config
from munseo._randomness import generator
from munseo._run import RunFolder, open_run

NUM_RESAMPLES = 2000
LEVEL = 0.9
NUM_THINNED = 2
KEPT = 0.15
BASELINE = {
    "model_name": "tf_efficientnet_lite0", "lr": 0.0015, "weight_decay": 0.02, "batch_size": 32,
    "scheduler_name": "OneCycleLR", "scheduler_params": {"pct_start": 0.15}, "gradient_clip_norm": 5.0,
    "label_smoothing": 0.1, "drop_rate": 0.2, "drop_path_rate": 0.1, "monitor": "val_macro_f1", "shift": "competition",
}  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A baseline with some keys changed."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    thinned: bool = False
    baseline: str = "baseline"


def list_trials(epochs: int, image_size: int) -> list[Trial]:
    small = 16 * round(0.6 * image_size / 16)
    stages = [{"from_epoch": 0, "image_size": small}, {"from_epoch": max(1, epochs // 2), "image_size": image_size}]
    imbalanced = "baseline (imbalanced)"
    return [
        Trial("baseline"),
        Trial("ema_decay 0.997", {"ema_decay": 0.997}),
        Trial("snapshot_epochs 3", {"snapshot_epochs": 3}),
        Trial("layer_decay 0.8", {"layer_decay": 0.8}),
        Trial(f"progressive_resizing {small}→{image_size}", {"progressive_resizing": stages}),
        Trial("augment matched", {"augmentation": {"eda": False, "matched": True}}),
        Trial("augment document", {"augmentation": {"eda": False, "document": True}}),
        Trial(imbalanced, thinned=True, baseline=imbalanced),
        Trial("logit_adjustment 1.0", {"logit_adjustment": 1.0}, thinned=True, baseline=imbalanced),
    ]


def make_data(data: Path, folder: Path, thinned: bool) -> Path:
    """Copy the tables of a data folder without its test split, which is not needed. Images stay where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("meta.csv", "val.csv"):
        if (data / name).exists():
            shutil.copyfile(data / name, folder / name)
    table = pd.read_csv(data / "train.csv", dtype=str)
    if thinned:
        target = table.columns[1]
        for number, label in enumerate(sorted(table[target].unique())[:NUM_THINNED]):
            own = table.index[table[target] == label]
            kept = round(KEPT * len(own))
            table = table.drop(generator(0, "thin", number).permutation(own)[kept:])
    table.to_csv(folder / "train.csv", index=False)
    return folder


def train(trial: Trial, seed: int, data: Path, options: argparse.Namespace) -> RunFolder:
    """Train a run, or return the one that was trained before."""
    runs = options.runs / f"{trial.name.replace(' ', '_')}-seed{seed}"
    for manifest in sorted(runs.glob("*/manifest.json")):
        run = open_run(manifest.parent)
        if run.read_manifest()["status"] == "finished":
            return run
    given = dict(word.split("=", 1) for word in options.set)
    keys = {
        **BASELINE,
        "image_size": options.image_size,
        "epochs": options.epochs,
        "patience": options.epochs,
        **{key: yaml.safe_load(value) for key, value in given.items()},
        **trial.changes,
        "random_seed": seed,
        "data_dir": str(data),
        "image_dir": str((options.data / "train").resolve()),
        "runs_dir": str(runs),
    }
    print(f"{trial.name}, seed {seed}", file=sys.stderr, flush=True)
    return open_run(munseo.train(Config.model_validate(keys), quiet=True))


@dataclass(frozen=True)
class PageCounts:
    """The predictions of a run, counted by page.

    Attributes:
        ids: IDs of the pages.
        counts: How often each true class got each predicted class on a page, int (num_pages, K·K).
    """

    ids: pd.Index
    counts: np.ndarray

    @staticmethod
    def of(table: pd.DataFrame) -> PageCounts:
        """Count a table of predictions; a page that was damaged twice has two predictions."""
        probabilities = table.filter(regex=r"^p_\d+$").to_numpy()
        num_classes = probabilities.shape[1]
        places, ids = pd.factorize(table["ID"])
        counts = np.zeros((len(ids), num_classes**2), np.int64)
        cells = table["target"].to_numpy(np.int64) * num_classes + probabilities.argmax(axis=1)
        np.add.at(counts, (places, cells), 1)
        return PageCounts(pd.Index(ids), counts)

    def macro_f1(self, weights: pd.DataFrame) -> np.ndarray:
        """Return the macro-F1 of each resample; ``weights`` (num_ids, num_resamples) counts its pages."""
        num_classes = round(self.counts.shape[1] ** 0.5)
        drawn = weights.loc[self.ids].to_numpy().T @ self.counts
        matrix = drawn.reshape(-1, num_classes, num_classes)
        hits, occurring = np.diagonal(matrix, axis1=1, axis2=2), matrix.sum(axis=1) + matrix.sum(axis=2)
        return (2 * hits / np.maximum(occurring, 1)).sum(axis=1) / (occurring > 0).sum(axis=1)


def read_counts(run: RunFolder) -> dict[str, PageCounts]:
    files = {"clean": "val_predictions.parquet", "shifted": "shifted_predictions.parquet"}
    return {part: PageCounts.of(run.read_predictions(run.path / file)) for part, file in files.items()}


def compare(trials: list[Trial], runs: dict[str, list[RunFolder]]) -> pd.DataFrame:
    """Return one row per trial: scores as means over the seeds, and their differences to the baseline."""
    answers = {name: [read_counts(run) for run in of_seeds] for name, of_seeds in runs.items()}
    ids = sorted({i for of_seeds in answers.values() for parts in of_seeds for own in parts.values() for i in own.ids})
    draws = generator(0, "bootstrap").multinomial(len(ids), np.full(len(ids), 1 / len(ids)), NUM_RESAMPLES)
    # The first column has every page once.
    weights = pd.DataFrame(np.vstack([np.ones_like(draws[:1]), draws]).T, index=ids)
    scores = {
        name: {part: np.mean([parts[part].macro_f1(weights) for parts in of_seeds], axis=0) for part in of_seeds[0]}
        for name, of_seeds in answers.items()
    }
    rows = []
    for trial in trials:
        row: dict[str, Any] = {"switch": trial.name}
        for part, column in (("clean", "val_macro_f1"), ("shifted", "val_shifted_macro_f1")):
            own, other = scores[trial.name][part], scores[trial.baseline][part]
            row[column] = with_interval(own)
            row[f"{column} − baseline"] = "" if trial.name == trial.baseline else with_interval(own - other, "+.4f")
        seconds = [run.read_manifest()["course"]["seconds"] for run in runs[trial.name]]
        rows.append({**row, "seconds": f"{np.mean(seconds):.0f}"})
    return pd.DataFrame(rows)


def with_interval(values: np.ndarray, form: str = ".4f") -> str:
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return f"{values[0]:{form}} ({low:{form}} to {high:{form}})"


def to_markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="data folder with train.csv, images in train/ (and val.csv)")
    parser.add_argument("--epochs", type=int, default=8, help="of every run (default 8)")
    parser.add_argument("--image-size", type=int, default=160, help="px (default 160)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="each trial is trained with each (default 1)")
    parser.add_argument("--only", nargs="+", default=[], help="options whose name contains one of these words")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="keys of every run")
    parser.add_argument("--runs", type=Path, default=Path("switches"), help="where the runs are (default switches/)")
    parser.add_argument("--out", type=Path, help="Markdown table (default: switches.md next to the runs)")
    options = parser.parse_args()
    trials = list_trials(options.epochs, options.image_size)
    if options.only:
        asked = [trial for trial in trials if any(word in trial.name for word in options.only)]
        needed = {name for trial in asked for name in (trial.name, trial.baseline)}
        trials = [trial for trial in trials if trial.name in needed]
    data = {
        thinned: make_data(options.data, options.runs / ("data_thinned" if thinned else "data"), thinned)
        for thinned in (False, True)
    }
    # All trials of a seed before the next seed, so that an early table has complete rows.
    runs: dict[str, list[RunFolder]] = {trial.name: [] for trial in trials}
    for seed in options.seeds:
        for trial in trials:
            runs[trial.name].append(train(trial, seed, data[trial.thinned], options))
        text = to_markdown(compare(trials, runs))
        (options.out or options.runs / "switches.md").write_text(text, encoding="utf-8")
    print(
        f"{options.image_size} px, {options.epochs} epochs, seeds {', '.join(map(str, options.seeds))}; "
        f"{LEVEL:.0%} bootstrap intervals over pages\n\n{text}"
    )


if __name__ == "__main__":
    main()
