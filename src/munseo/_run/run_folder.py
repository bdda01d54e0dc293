"""The run folder: where its files are, and the only way to read and write them.

The folder of a k-fold run contains one folder for each fold (``fold0`` …), which is a run folder itself.

The typed records, the configuration and pandas are imported where they are read: a wrong path is reported before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from munseo._errors import UserError
from munseo._run.atomic import plain, replacing, write_json, write_text
from munseo._run.manifest import seal
from munseo._run.run_reference import find_run

if TYPE_CHECKING:
    import pandas as pd

    from munseo._config import Config
    from munseo._run.evaluations import TestScores
    from munseo._run.records import Continuation, Course, RunRecord, RunStart, ServerScores
    from munseo._run.results import Results, ResultsEntry

Record = TypeVar("Record", bound="RunRecord")
FORMAT = 1
"""The format of the manifest: raised when readers of this version would misread it."""

FOLD_MEAN = "fold_mean"
"""The entry of ``results.json`` that says that the mean of the folds was judged."""
OF_THE_MEAN = ("calibration", "expected")
"""The entries of a k-fold run that are about the mean of the folds."""

MAX_JSON_BYTES = 2**26
"""JSON files that are larger are refused: a hundred times the size of the largest results."""
MAX_TABLE_BYTES = 2**32
"""Predictions that take more memory are refused: a million pages of a thousand classes."""

METRICS = (
    *("epoch", "lr", "train_loss", "train_accuracy", "train_macro_f1", "val_loss", "val_accuracy", "val_macro_f1"),
    *("val_shifted_loss", "val_shifted_accuracy", "val_shifted_macro_f1"),
)
"""Columns of ``metrics.csv``; only runs that validate damaged pages have the last three."""


@dataclass(frozen=True)
class RunFolder:
    """Paths and typed reading and writing of one run.

    >>> run = open_run("runs/2507051934-efficientnet_b4")
    >>> run.read_config().image_size, run.read_results().val.macro_f1
    (320, 0.9164)
    """

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
        paths = [
            path for path in self.path.glob("fold*") if path.name[4:].isdigit() and (path / "config.yaml").is_file()
        ]
        return [RunFolder(path) for path in sorted(paths, key=lambda path: int(path.name[4:]))]

    @property
    def members(self) -> list[RunFolder]:
        """The members of an ensemble in their order; empty for any other run."""
        paths = [file.parent for file in self.path.glob("members/*/config.yaml") if file.parent.name.isdigit()]
        return [RunFolder(path) for path in sorted(paths, key=lambda path: int(path.name))]

    def fold(self, number: int) -> RunFolder:
        """Return the folder of one fold, whether it exists yet or not."""
        return RunFolder(self.path / f"fold{number}")

    # Files, in the order in which they are written.
    config_file = property(lambda self: self.path / "config.yaml")
    manifest_file = property(lambda self: self.path / "manifest.json")
    pages_file = property(lambda self: self.path / "pages.parquet")
    shift_file = property(lambda self: self.path / "shift.yaml")
    samples_picture = property(lambda self: self.path / "augmentation_samples.png")
    metrics_file = property(lambda self: self.path / "metrics.csv")
    timing_file = property(lambda self: self.path / "timing.csv")
    epoch_predictions_file = property(lambda self: self.path / "epoch_predictions.parquet")
    state_file = property(lambda self: self.path / "state.ckpt")
    lock_file = property(lambda self: self.path / ".lock")
    weights_file = property(lambda self: self.path / "weights.safetensors")
    model_file = property(lambda self: self.path / "model.json")
    val_predictions_file = property(lambda self: self.path / "val_predictions.parquet")
    shifted_predictions_file = property(lambda self: self.path / "shifted_predictions.parquet")
    view_predictions_file = property(lambda self: self.path / "view_predictions.parquet")
    damage_predictions_file = property(lambda self: self.path / "damage_predictions.parquet")
    measured_dir = property(lambda self: self.path / "measured")
    held_out_predictions_file = property(lambda self: self.path / "held_out_predictions.parquet")
    held_out_shifted_predictions_file = property(lambda self: self.path / "held_out_shifted_predictions.parquet")
    held_out_view_predictions_file = property(lambda self: self.path / "held_out_view_predictions.parquet")
    image_predictions_file = property(lambda self: self.path / "image_predictions.parquet")
    text_predictions_file = property(lambda self: self.path / "text_predictions.parquet")
    words_file = property(lambda self: self.path / "words.parquet")
    text_dir = property(lambda self: self.path / "text")
    fusion_file = property(lambda self: self.path / "text" / "fusion.json")
    results_file = property(lambda self: self.path / "results.json")
    gallery_dir = property(lambda self: self.path / "gallery")
    robustness_dir = property(lambda self: self.path / "robustness")
    scores_file = property(lambda self: self.path / "scores.json")

    evaluations_dir = property(lambda self: self.path / "evaluations")

    def evaluation_dir(self, name: str) -> Path:
        """Return the folder of one evaluation on a labelled test set."""
        return self.path / "evaluations" / name

    @property
    def submission_file(self) -> Path:
        """``<name>.csv``, as in the reference."""
        return self.path / f"{self.name.replace('/', '-')}.csv"

    def export_dir(self, name: str) -> Path:
        """Return the folder of an exported model: ``onnx``, ``onnx-int8``, ``openvino`` or ``openvino-int8``."""
        return self.path / "export" / name

    def read_config(self) -> Config:
        """Return the resolved configuration of the run."""
        from munseo._config import parse_config, read_yaml

        values, lines = read_yaml(self._need(self.config_file))
        if values.get("n_folds"):  # Earlier versions held no pages out of the folds, and have no such key.
            values.setdefault("held_out_ratio", 0.0)
        return parse_config(values, str(self.config_file), lines)

    def read_json(self, file: Path) -> dict[str, Any]:
        """Return the content of a JSON file of the run."""
        try:
            if self._need(file).stat().st_size > MAX_JSON_BYTES:
                raise UserError(f"{file}: larger than {MAX_JSON_BYTES:,} bytes; restore it from a copy.")
            text = file.read_text(encoding="utf-8")
            value = json.loads(text)
            if "\\ud" in text.lower():
                # Half of a surrogate pair: no file and no terminal would take it later.
                json.dumps(value, ensure_ascii=False).encode()
        # Numbers of too many digits raise a plain ValueError.
        except (ValueError, RecursionError, OSError) as error:
            if isinstance(error, UserError):
                raise
            reason = "too deep" if isinstance(error, RecursionError) else str(error)[:200]
            raise UserError(f"{file}: not valid JSON ({reason}); restore it from a copy, or train again.") from None
        if not isinstance(value, dict):
            raise UserError(f"{file}: should hold a JSON object; restore it from a copy, or train again.")
        return value

    def read_manifest(self) -> dict[str, Any]:
        """Return the manifest: identity, machine, data, effective settings, course and end of the run."""
        manifest = self.read_json(self.manifest_file)
        number = manifest.get("format", 0)
        if not isinstance(number, int):
            raise UserError(
                f"{self.manifest_file}: its format is not a number; restore it from a copy, or train again."
            )
        if number > FORMAT:
            raise UserError(f"{self.manifest_file}: written by a newer Munseo; update this one.")
        return manifest

    def read_course(self) -> Course:
        """Return how training went, from the manifest; empty before training ended.

        Raises:
            UserError: The manifest is damaged.
        """
        from munseo._run.records import Course

        manifest = self.read_manifest() if self.manifest_file.is_file() else {}
        return self._parse(self.manifest_file, Course, manifest.get("course") or {})

    def read_start(self) -> RunStart:
        """Return what the run began with, from the manifest; empty in runs of earlier versions.

        Raises:
            UserError: The manifest is damaged.
        """
        from munseo._run.records import RunStart

        return self._parse(self.manifest_file, RunStart, self.read_manifest().get("start") or {})

    def read_continuations(self) -> tuple[Continuation, ...]:
        """Return how often more epochs than planned were asked for, from the manifest, the oldest first.

        Raises:
            UserError: The manifest is damaged.
        """
        from munseo._run.records import Continuation

        entries = self.read_manifest().get("continuations") or []
        if not isinstance(entries, list):
            raise UserError(f"{self.manifest_file}: its continuations are no list; restore it from a copy.")
        return tuple(self._parse(self.manifest_file, Continuation, entry) for entry in entries)

    def update_manifest(self, **values: Any) -> None:
        """Set top-level entries of the manifest; the others stay."""
        manifest = self.read_manifest() if self.manifest_file.exists() else {"format": FORMAT}
        write_json(self.manifest_file, seal(plain({**manifest, **values})))

    def read_results(self, *entries: ResultsEntry) -> Results:
        """Return what was measured on the run; all entries are None if nothing was measured yet.

        Where the mean of the folds was not judged, in a k-fold run or an ensemble of such runs, calibration and
        expected score are left out: earlier versions took them from single models.

        Args:
            entries: The entries to read; the others are None, and may be damaged. By default
                all of them.

        Raises:
            UserError: The file is damaged, or an entry is not what Munseo wrote.
        """
        from munseo._run.results import Results

        if not self.results_file.is_file():
            return Results()
        values = self.read_json(self.results_file)
        if self._mean_is_unjudged(values):
            values = {key: value for key, value in values.items() if key not in OF_THE_MEAN}
        return self._parse(
            self.results_file, Results, {key: values[key] for key in values if not entries or key in entries}
        )

    def _mean_is_unjudged(self, results: dict[str, Any]) -> bool:
        """Return whether folds predict here, and single folds alone were judged."""
        if self.folds:
            return FOLD_MEAN not in results
        if not any(member.folds for member in self.members):
            return False
        ensemble = results.get("ensemble")
        return not (isinstance(ensemble, dict) and ensemble.get("judged_by_mean"))

    def write_results(self, results: Results) -> None:
        """Write ``results.json``; entries and values that were never set are left out."""
        write_json(self.results_file, results.model_dump(by_alias=True, exclude_unset=True))

    def read_evaluation(self, name: str) -> TestScores | None:
        """Return the evaluation on a labelled test set; None where its folder holds none."""
        from munseo._run.evaluations import TestScores

        file = self.evaluation_dir(name) / "results.json"
        return self._parse(file, TestScores, {**self.read_json(file), "name": name}) if file.is_file() else None

    def read_evaluations(self) -> tuple[TestScores, ...]:
        """Return all evaluations on labelled test sets, the latest first.

        Raises:
            UserError: One of their files is damaged.
        """
        names = sorted(path.parent.name for path in self.evaluations_dir.glob("*/results.json"))
        read = [self.read_evaluation(name) for name in names if not name.startswith(".")]
        return tuple(sorted((one for one in read if one is not None), key=lambda one: one.evaluated, reverse=True))

    def read_scores(self) -> ServerScores:
        """Return the scores that a server gave for the run, as far as they were recorded.

        Raises:
            UserError: The file is damaged.
        """
        from munseo._run.records import ServerScores

        values = self.read_json(self.scores_file) if self.scores_file.is_file() else {}
        return self._parse(self.scores_file, ServerScores, values)

    def read_metrics(self) -> pd.DataFrame:
        """Return the metrics, a row for each epoch (columns ``METRICS``, then counts of augmented pages)."""
        import pandas as pd

        file = self._need(self.metrics_file)
        if file.stat().st_size > MAX_JSON_BYTES:
            raise UserError(f"{file}: larger than {MAX_JSON_BYTES:,} bytes; restore it from a copy.")
        try:
            table = pd.read_csv(file)
        # pandas raises ParserError and EmptyDataError, which are ValueErrors.
        except (ValueError, OSError) as error:
            reason = str(error)[:200]
            raise UserError(f"{file}: not a table of metrics ({reason}); restore it from a copy.") from None
        if "epoch" not in table:
            raise UserError(f"{file}: not a table of metrics (no column 'epoch'); restore it from a copy.")
        return table

    def write_table(self, file: Path, table: pd.DataFrame) -> None:
        """Write a table as CSV or parquet, depending on the file's extension."""
        if file.suffix == ".parquet":
            with replacing(file) as temporary:
                table.to_parquet(temporary, index=False)
        else:
            write_text(file, table.to_csv(index=False, lineterminator="\n"))

    def read_predictions(self, file: Path) -> pd.DataFrame:
        """Return probabilities: ``ID``, ``target`` (class index), ``fold`` in k-fold runs, ``p_0`` … ``p_{n-1}``."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._need(file)
        try:
            metadata = pq.read_metadata(file)
            size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
            if max(size, metadata.num_rows * metadata.num_columns * 4) > MAX_TABLE_BYTES:
                raise UserError(f"{file}: unpacks to more than {MAX_TABLE_BYTES:,} bytes; restore it from a copy.")
            return pd.read_parquet(file)
        # For damaged files and tables of other programs, pyarrow and pandas raise all of these.
        except (pa.ArrowException, ValueError, TypeError, LookupError, OSError) as error:
            if isinstance(error, UserError):
                raise
            raise damaged_table(file, error) from None

    def _parse(self, file: Path, kind: type[Record], values: dict[str, Any]) -> Record:
        try:
            return kind.model_validate(values)
        # Validators may raise more than ValueError on edited files, and Pydantic passes that on.
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
            raise UserError(
                f"{file}: not what Munseo wrote ({_reason(error)}); restore it from a copy, or train again."
            ) from error

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


def damaged_table(file: Path, error: Exception) -> UserError:
    """Return the error that says that a parquet file of a run is not what Munseo wrote."""
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return UserError(f"{file}: a damaged parquet file ({reason}); restore it from a copy.")


def _reason(error: Exception) -> str:
    """Return in one line what is wrong; for a record its first problem."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def open_run(path: Path | str) -> RunFolder:
    """Open an existing run folder.

    Args:
        path: Its path, or what ``find_run`` knows it by: the beginning of its name, such as ``2507051934``, or
            ``latest``.

    Raises:
        UserError: It does not exist, is not a run folder, or several runs begin so.
    """
    folder = Path(path)
    run = RunFolder((folder if folder.exists() else find_run(path) or folder).resolve())
    if not run.config_file.is_file() or not run.manifest_file.is_file():
        raise UserError(
            f"{path}: {run._hint() if not run.config_file.is_file() else 'its manifest.json is missing; restore it.'}"
        )
    return run
