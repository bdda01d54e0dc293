"""Which files a run folder holds, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass

from munseo._run import RunFolder

FILES = (
    "config.yaml",
    "manifest.json",
    "weights.safetensors",
    "model.json",
    "members",
    "stack.safetensors",
    "{submission}",
    "loss_plot.png",
    "accuracy_plot.png",
    "f1_plot.png",
    "val_confusion_matrix.png",
    "robustness.png",
    "calibration.png",
    "views.png",
    "misclassified.png",
    "augmentation_samples.png",
    "gallery",
    "robustness",
    "shift.yaml",
    "results.json",
    "scores.json",
    "metrics.csv",
    "timing.csv",
    "pages.parquet",
    "val_predictions.parquet",
    "shifted_predictions.parquet",
    "view_predictions.parquet",
    "damage_predictions.parquet",
    "state.ckpt",
)
"""Everything of docs/run-folder.md but the report itself, most wanted first."""


@dataclass(frozen=True)
class Entry:
    """A file or folder; ``key`` names the phrase that says what it holds."""

    name: str
    key: str
    num_bytes: int
    num_files: int = 1


def inventory(run: RunFolder) -> tuple[Entry, ...]:
    """What is there, in the order of ``FILES``, then the folds."""
    entries = []
    for key in FILES:
        path = run.submission_file if key == "{submission}" else run.path / key
        key = "submission" if key == "{submission}" else key
        if path.is_file():
            entries.append(Entry(path.name, key, path.stat().st_size))
        elif path.is_dir():
            entries.append(_folder(RunFolder(path), key))
    return (*entries, *(_folder(fold, "fold") for fold in run.folds))


def _folder(run: RunFolder, key: str) -> Entry:
    files = [file for file in run.path.rglob("*") if file.is_file()]
    return Entry(f"{run.path.name}/", key, sum(file.stat().st_size for file in files), len(files))
