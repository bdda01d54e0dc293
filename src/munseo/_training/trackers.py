"""Experiment trackers; each works without a network, and none is imported unless it is switched on.

To add a tracker, add its settings and its key to ``_config/tracker_settings.py``, and a subclass of ``Tracker`` and an
entry of ``TRACKERS`` here. The name of the key is that of its package, and of the extra that installs it.
"""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger, TensorBoardLogger, WandbLogger

from munseo._config import Config
from munseo._console import say
from munseo._data import decode
from munseo._errors import UserError
from munseo._packages import missing_packages
from munseo._run import RunFolder

SENT_PLOTS = ("loss_plot.png", "accuracy_plot.png", "f1_plot.png", "val_confusion_matrix.png")
"""Pictures of the run folder that trackers are sent."""


class Tracker(ABC):
    """A tracker of one run or fold; its ``logger`` is Lightning's, which is sent the metrics of every epoch."""

    logger: Any

    @abstractmethod
    def __init__(self, config: Config, run: RunFolder) -> None: ...

    def finish(self, run: RunFolder, class_names: Sequence[str]) -> None:
        """Send the final metrics and the plots, then close the tracker."""
        scores = run.read_results("val").val
        self.logger.log_metrics(
            {f"final_{key}": float(getattr(scores, key)) for key in ("macro_f1", "accuracy", "loss")}
        )
        self.send_results(run, [run.path / name for name in SENT_PLOTS if (run.path / name).is_file()], class_names)

    @abstractmethod
    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots and what else the tracker can take, and close it."""


class WandbTracker(Tracker):
    """Weights & Biases; offline where there is no key or no network."""

    def __init__(self, config: Config, run: RunFolder) -> None:
        import wandb

        offline = os.environ.get("WANDB_MODE") == "offline" or not _wandb_is_reachable()
        if offline:
            folder = run.path / "wandb"
            say(f"W&B: no key or no network; writing offline into {folder} (send it later with `wandb sync`)")
        self.logger: WandbLogger = WandbLogger(
            name=run.name,
            project=config.wandb.project,
            entity=config.wandb.entity,
            tags=config.wandb.tags,
            save_dir=str(run.path),
            offline=offline,
            settings=wandb.Settings(silent=True),
        )

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
        self.logger.experiment.finish()


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

    def __init__(self, config: Config, run: RunFolder) -> None:
        uri = config.mlflow.tracking_uri or f"sqlite:///{(config.runs_dir / 'mlflow.db').resolve()}"
        self.logger: MLFlowLogger = MLFlowLogger(config.mlflow.experiment, run_name=run.name, tracking_uri=uri)

    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots, the results and the configuration as files."""
        for file in (*plots, run.results_file, run.config_file):
            self.logger.experiment.log_artifact(self.logger.run_id, str(file))
        self.logger.finalize("success")


class TensorboardTracker(Tracker):
    """TensorBoard event files in the run folder."""

    def __init__(self, config: Config, run: RunFolder) -> None:
        self.logger: TensorBoardLogger = TensorBoardLogger(str(run.path), name="", version="tensorboard")

    def send_results(self, run: RunFolder, plots: Sequence[Path], class_names: Sequence[str]) -> None:
        """Send the plots as images."""
        for plot in plots:
            self.logger.experiment.add_image(plot.stem, decode(plot), dataformats="HWC")
        self.logger.finalize("success")


TRACKERS: dict[str, type[Tracker]] = {"wandb": WandbTracker, "mlflow": MlflowTracker, "tensorboard": TensorboardTracker}
"""Configuration key to the tracker that it switches on."""


def build_trackers(config: Config, run: RunFolder) -> list[Tracker]:
    """Build the trackers that the configuration switches on, and send them the configuration.

    Raises:
        UserError: A tracker is switched on and its package is not installed.
    """
    trackers = []
    for package, tracker in TRACKERS.items():
        if getattr(config, package).log:
            if missing_packages([package]):
                raise UserError(
                    f"{package}.log is true, but {package} is not installed: pip install 'munseo[{package}]'."
                )
            trackers.append(tracker(config, run))
    for built in trackers:
        built.logger.log_hyperparams(config.to_dict())
    return trackers
