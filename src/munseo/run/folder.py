"""The run folder: where each thing lies, and the only way in and out of it.

A folder of a k-fold run holds one folder a fold (``fold0`` …), each a run folder of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from munseo.config import Config, parse_config
from munseo.errors import UserError
from munseo.run.atomic import replacing, write_json, write_text

FORMAT = 1
"""Raised when a reader of an older run would misread a newer one."""

METRICS = (
    *("epoch", "lr", "train_loss", "train_accuracy", "train_macro_f1", "val_loss", "val_accuracy", "val_macro_f1"),
    *("val_shifted_loss", "val_shifted_accuracy", "val_shifted_macro_f1"),
)
"""Columns of ``metrics.csv``; the last three are there where a run validates under shift."""


@dataclass(frozen=True)
class RunFolder:
    """Paths and typed reading and writing of one run."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name; ``<run>/fold0`` for a fold."""
        return f"{self.path.parent.name}/{self.path.name}" if self.is_fold else self.path.name

    @property
    def is_fold(self) -> bool:
        """Whether this is one fold of a k-fold run."""
        return self.path.name.startswith("fold") and (self.path.parent / "config.yaml").is_file()

    @property
    def folds(self) -> list[RunFolder]:
        """The folds of a k-fold run in their order; empty for a run with one split."""
        found = [
            path for path in self.path.glob("fold*") if path.name[4:].isdigit() and (path / "config.yaml").is_file()
        ]
        return [RunFolder(path) for path in sorted(found, key=lambda path: int(path.name[4:]))]

    def fold(self, number: int) -> RunFolder:
        """The folder of one fold, whether it exists yet or not."""
        return RunFolder(self.path / f"fold{number}")

    # Files, in the order in which they come to be.
    config_file = property(lambda self: self.path / "config.yaml")
    manifest_file = property(lambda self: self.path / "manifest.json")
    pages_file = property(lambda self: self.path / "pages.parquet")
    shift_file = property(lambda self: self.path / "shift.yaml")
    samples_picture = property(lambda self: self.path / "augmentation_samples.png")
    metrics_file = property(lambda self: self.path / "metrics.csv")
    timing_file = property(lambda self: self.path / "timing.csv")
    state_file = property(lambda self: self.path / "state.ckpt")
    weights_file = property(lambda self: self.path / "weights.safetensors")
    model_file = property(lambda self: self.path / "model.json")
    val_predictions_file = property(lambda self: self.path / "val_predictions.parquet")
    shifted_predictions_file = property(lambda self: self.path / "shifted_predictions.parquet")
    view_predictions_file = property(lambda self: self.path / "view_predictions.parquet")
    damage_predictions_file = property(lambda self: self.path / "damage_predictions.parquet")
    results_file = property(lambda self: self.path / "results.json")
    gallery_dir = property(lambda self: self.path / "gallery")
    robustness_dir = property(lambda self: self.path / "robustness")
    scores_file = property(lambda self: self.path / "scores.json")

    @property
    def submission_file(self) -> Path:
        """``<name>.csv``, as in the reference."""
        return self.path / f"{self.name.replace('/', '-')}.csv"

    def export_dir(self, name: str) -> Path:
        """Where an exported model lies: ``onnx``, ``onnx-int8``, ``openvino`` or ``openvino-int8``."""
        return self.path / "export" / name

    def read_config(self) -> Config:
        """The resolved configuration of the run."""
        try:
            values = yaml.safe_load(self._need(self.config_file).read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{self.config_file}: not valid YAML ({reason}); restore it from a copy.") from None
        return parse_config(values or {}, str(self.config_file))

    def read_json(self, file: Path) -> dict[str, Any]:
        """One of the JSON files of the run."""
        try:
            value = json.loads(self._need(file).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: not valid JSON ({error}); restore it from a copy, or train again.") from None
        if not isinstance(value, dict):
            raise UserError(f"{file}: should hold a JSON object; restore it from a copy, or train again.")
        return value

    def read_manifest(self) -> dict[str, Any]:
        """What is known about the run: identity, machine, data, effective settings, how it ended."""
        manifest = self.read_json(self.manifest_file)
        if manifest.get("format", 0) > FORMAT:
            raise UserError(f"{self.manifest_file}: written by a newer Munseo; update this one.")
        return manifest

    def update_manifest(self, **values: Any) -> None:
        """Set top-level entries of the manifest, keeping the others."""
        manifest = self.read_manifest() if self.manifest_file.exists() else {"format": FORMAT}
        write_json(self.manifest_file, {**manifest, **values})

    def read_metrics(self) -> pd.DataFrame:
        """Metrics, one row an epoch (columns ``METRICS``, then counts of augmented pages)."""
        return pd.read_csv(self._need(self.metrics_file))

    def write_table(self, file: Path, table: pd.DataFrame) -> None:
        """Write a table as CSV or parquet, by the file's ending."""
        if file.suffix == ".parquet":
            with replacing(file) as beside:
                table.to_parquet(beside, index=False)
        else:
            write_text(file, table.to_csv(index=False, lineterminator="\n"))

    def read_predictions(self, file: Path) -> pd.DataFrame:
        """Probabilities: ``ID``, ``target`` (class index), ``fold`` in k-fold runs, ``p_0`` … ``p_{n-1}``."""
        return pd.read_parquet(self._need(file))

    def _need(self, file: Path) -> Path:
        if not file.is_file():
            raise UserError(f"{file}: missing; {self._hint()}")
        return file

    def _hint(self) -> str:
        if not self.path.is_dir():
            return "there is no such run folder."
        if not self.config_file.is_file():
            return f"{self.path} is not a run folder (it has no config.yaml)."
        return f"if the run was interrupted, `munseo resume {self.path}` finishes it."


def open_run(path: Path | str) -> RunFolder:
    """Open an existing run folder.

    Raises:
        UserError: It is not there, or not a run folder.
    """
    run = RunFolder(Path(path).resolve())
    if not run.config_file.is_file() or not run.manifest_file.is_file():
        raise UserError(f"{path}: {run._hint() if not run.config_file.is_file() else 'its manifest.json is missing.'}")
    return run
