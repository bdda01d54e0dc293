"""Experiment trackers; each works without a network, and none is imported unless it is switched on.

A run or fold is one run of a tracker, also where training was interrupted: its ID there and the last step that was sent
are in the manifest.

To add a tracker, add its settings and its key to ``_config/tracker_settings.py``, and a subclass of ``Tracker`` and an
entry of ``TRACKERS`` here. The name of the key is that of its package, and of the extra that installs it.
"""

from __future__ import annotations

import os
import socket
import uuid
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from munseo._config import Config
from munseo._console import say
from munseo._data import decode
from munseo._run import RunFolder
from munseo._training.hardware import rank

SENT_PLOTS = ("loss_plot.png", "accuracy_plot.png", "f1_plot.png", "val_confusion_matrix.png")
"""Pictures of the run folder that trackers are sent."""
LONGEST_NAME = 128
"""Most characters of the name of a run that W&B takes."""


class TrackerRecord:
    """What the manifest of a run or fold has about one tracker: ``id``, the last ``step`` sent, ``endings`` sent."""

    def __init__(self, run: RunFolder, tracker: str) -> None:
        self._run, self._tracker = run, tracker

    def read(self, entry: str) -> Any:
        """Return an entry, or None."""
        return self._all().get(self._tracker, {}).get(entry)

    def write(self, **entries: Any) -> None:
        """Set entries; the others stay."""
        known = self._all()
        self._run.update_manifest(trackers={**known, self._tracker: {**known.get(self._tracker, {}), **entries}})

    def _all(self) -> dict[str, dict[str, Any]]:
        known = self._run.read_manifest().get("trackers")
        return (
            {name: entry for name, entry in known.items() if isinstance(entry, dict)} if isinstance(known, dict) else {}
        )


class EpochLog(Logger):
    """Sends the metrics of every epoch once: those of an epoch that is done again were sent before.

    The run is not closed when training ends, since its final metrics and plots are still to come.
    """

    def __init__(self, logger: Any, record: TrackerRecord) -> None:
        super().__init__()
        self._logger, self._record = logger, record
        self._last_step: int | None = record.read("step")

    @property
    def name(self) -> str | None:
        """The name of the experiment or project."""
        return str(self._logger.name)

    @property
    def version(self) -> str | int | None:
        """The ID of the run there."""
        version: str | int | None = self._logger.version
        return version

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *rest: Any, **options: Any) -> None:
        """Leave the settings to the tracker, which sends all of them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send the metrics of an epoch, unless a process sent those of its step before it was killed."""
        if step is None or self._last_step is None or step > self._last_step:
            self._logger.log_metrics(metrics, step)
            self._logger.save()
            self._record.write(step=step)


class Tracker(ABC):
    """A tracker of one run or fold; its ``logger`` is Lightning's, and ``epochs`` is what training logs to.

    Args:
        config: The settings of the run.
        run: The folder of the run or fold.
        record: What is known of it; ``id`` is None in a run that begins.
    """

    logger: Any

    def __init__(self, config: Config, run: RunFolder, record: TrackerRecord) -> None:
        self.record = record
        known = record.read("id")
        self.logger = self.connect(config, run, known)
        if known is None or record.read("id") != known:
            self.logger.log_hyperparams(config.to_dict())
        else:
            self.note_epochs(config.epochs)
        self.epochs = EpochLog(self.logger, record)

    @abstractmethod
    def connect(self, config: Config, run: RunFolder, known: str | None) -> Any:
        """Return Lightning's logger of the run that has the ID ``known``, or of a new one, whose ID is recorded."""

    @abstractmethod
    def note_epochs(self, epochs: int) -> None:
        """Tell a run that goes on how many epochs are planned by now."""

    def finish(self, run: RunFolder, class_names: Sequence[str]) -> None:
        """Send the final metrics and the plots, unless this was done, then close the tracker."""
        endings = 1 + len(run.read_continuations())
        if self.record.read("endings") != endings:
            scores = run.read_results("val").val
            finals = {f"final_{key}": float(getattr(scores, key)) for key in ("macro_f1", "accuracy", "loss")}
            self.logger.log_metrics(finals, self.record.read("step"))
            plots = [run.path / name for name in SENT_PLOTS if (run.path / name).is_file()]
            self.send_results(run, plots, class_names)
            self.record.write(endings=endings)
        self.close("success")

    @abstractmethod
    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots and what else the tracker can take."""

    def close(self, outcome: str) -> None:
        """Close the run; the outcome is ``success``, ``failed``, or ``KILLED`` for a run that can be resumed."""
        self.logger.finalize(outcome)


class WandbTracker(Tracker):
    """Weights & Biases; offline where there is no key or no network.

    Offline, every process writes a folder of its own, all with the ID of the run, for ``wandb sync`` in their order.
    """

    def connect(self, config: Config, run: RunFolder, known: str | None) -> WandbLogger:
        """Choose the ID here, so that it is recorded before the run exists."""
        import wandb

        if known is None:
            known = uuid.uuid4().hex[:16]
            self.record.write(id=known)
        offline = os.environ.get("WANDB_MODE") == "offline" or not _wandb_is_reachable()
        if offline:
            folder = run.path / "wandb"
            say(f"W&B: no key or no network; writing offline into {folder} (send it later with `wandb sync`)")
        return WandbLogger(
            name=shortened(run.name),
            id=known,
            resume="allow",
            project=config.wandb.project,
            entity=config.wandb.entity,
            tags=config.wandb.tags,
            save_dir=str(run.path),
            offline=offline,
            settings=wandb.Settings(silent=True),
        )

    def note_epochs(self, epochs: int) -> None:
        """Change the setting of the run."""
        self.logger.experiment.config.update({"epochs": epochs}, allow_val_change=True)

    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots, and the confusion matrix as a table."""
        import wandb

        for plot in plots:
            self.logger.log_image(plot.stem, [str(plot)])
        table = run.read_predictions(run.val_predictions_file)
        predicted = table.filter(regex=r"^p_\d+$").to_numpy().argmax(axis=1)
        matrix = wandb.plot.confusion_matrix(
            y_true=table["target"].tolist(), preds=predicted.tolist(), class_names=list(class_names)
        )
        self.logger.experiment.log({"val_confusion_matrix_table": matrix})

    def close(self, outcome: str) -> None:
        """End the run, which W&B would otherwise go on with in the next run of this process."""
        self.logger.experiment.finish(exit_code=0 if outcome == "success" else 1)


def shortened(name: str) -> str:
    """Return the name of a run or fold with at most ``LONGEST_NAME`` characters: its ID and its end stay."""
    if len(name) <= LONGEST_NAME:
        return name
    end = name[name.rindex("/") :] if "/" in name else ""
    return f"{name[: LONGEST_NAME - len(end) - 1]}…{end}"


def _wandb_is_reachable() -> bool:
    """Return whether there is a key, and a server that accepts connections; this takes at most three seconds."""
    from urllib.parse import urlparse

    netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    in_netrc = netrc.is_file() and "wandb" in netrc.read_text(encoding="utf-8", errors="replace")
    if not os.environ.get("WANDB_API_KEY") and not in_netrc:
        return False
    address = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"))
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), timeout=3):
            return True
    except OSError:
        return False


class MlflowTracker(Tracker):
    """MLflow; by default an SQLite file next to the runs."""

    def connect(self, config: Config, run: RunFolder, known: str | None) -> MLFlowLogger:
        """Continue the run if the server still has it."""
        uri = config.mlflow.tracking_uri or f"sqlite:///{(config.runs_dir / 'mlflow.db').resolve()}"
        if known is not None and not self._is_there(uri, known):
            say(f"MLflow: {uri} has no run {known}; a new one begins")
            known = None
        logger = MLFlowLogger(config.mlflow.experiment, run_name=run.name, tracking_uri=uri, run_id=known)
        if known is None:
            self.record.write(id=logger.run_id, step=None)
        else:
            logger.experiment.update_run(known, status="RUNNING")
        return logger

    @staticmethod
    def _is_there(uri: str, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
        from mlflow.tracking import MlflowClient

        try:
            return str(MlflowClient(uri).get_run(run_id).info.lifecycle_stage) == "active"
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise
            return False

    def note_epochs(self, epochs: int) -> None:
        """Set a tag: parameters of a run cannot change."""
        self.logger.experiment.set_tag(self.logger.run_id, "epochs", str(epochs))

    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots, the results and the configuration as files."""
        for file in (*plots, run.results_file, run.config_file):
            self.logger.experiment.log_artifact(self.logger.run_id, str(file))


class TensorboardTracker(Tracker):
    """TensorBoard event files in the run folder."""

    def connect(self, config: Config, run: RunFolder, known: str | None) -> TensorBoardLogger:
        """Write into the same folder as before."""
        if known is None:
            self.record.write(id="tensorboard")
        return TensorBoardLogger(str(run.path), name="", version="tensorboard")

    def note_epochs(self, epochs: int) -> None:
        """Leave the settings: TensorBoard shows those of the first event file."""

    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots as images."""
        for plot in plots:
            self.logger.experiment.add_image(plot.stem, decode(plot), self.record.read("step"), dataformats="HWC")


TRACKERS: dict[str, type[Tracker]] = {"wandb": WandbTracker, "mlflow": MlflowTracker, "tensorboard": TensorboardTracker}
"""Configuration key to the tracker that it switches on."""


@contextmanager
def tracking(config: Config, run: RunFolder) -> Iterator[list[Tracker]]:
    """Open the trackers that the configuration switches on, and close them if the work on the run ends early.

    Of several processes only the first one has trackers.

    The packages of all of them are installed: ``check_start`` has looked.
    """
    trackers: list[Tracker] = []
    if rank() > 0:
        yield trackers
        return
    try:
        for package, tracker in TRACKERS.items():
            if getattr(config, package).log:
                trackers.append(tracker(config, run, TrackerRecord(run, package)))
        yield trackers
    except BaseException as error:
        for opened in trackers:
            with suppress(Exception):  # Whatever a server may say now, the first error is the one to report.
                opened.close("KILLED" if isinstance(error, KeyboardInterrupt) else "failed")
        raise
