"""Experiment trackers by choice; each works without a network, and none is imported unless it is switched on."""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from munseo._config import Config
from munseo._console import say
from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.results import Results

PLOTS = ("loss_plot.png", "accuracy_plot.png", "f1_plot.png", "val_confusion_matrix.png")


def build_trackers(config: Config, run: RunFolder) -> list[Logger]:
    """The loggers that the configuration switches on.

    Raises:
        UserError: A tracker is switched on and its package is not installed.
    """
    trackers: list[Logger] = []
    if config.wandb.log:
        _need("wandb")
        trackers.append(_wandb(config, run))
    if config.mlflow.log:
        _need("mlflow")
        uri = config.mlflow.tracking_uri or f"sqlite:///{(config.runs_dir / 'mlflow.db').resolve()}"
        trackers.append(MLFlowLogger(config.mlflow.experiment, run_name=run.name, tracking_uri=uri))
    if config.tensorboard.log:
        _need("tensorboard")
        trackers.append(TensorBoardLogger(str(run.path), name="", version="tensorboard"))
    for tracker in trackers:
        tracker.log_hyperparams(config.model_dump(mode="json"))
    return trackers


def log_results(
    trackers: Sequence[Logger],
    run: RunFolder,
    results: Results,
    labels: Sequence[int],
    predicted: Sequence[int],
    class_names: Sequence[str],
) -> None:
    """Send the final metrics, the four plots and the confusion matrix, then close the trackers."""
    final = {f"final_{key}": float(getattr(results.val, key)) for key in ("macro_f1", "accuracy", "loss")}
    pictures = [run.path / name for name in PLOTS if (run.path / name).is_file()]
    for tracker in trackers:
        tracker.log_metrics(final)
        if isinstance(tracker, WandbLogger):
            for picture in pictures:
                tracker.log_image(picture.stem, [str(picture)])
            _wandb_matrix(tracker, labels, predicted, class_names)
            tracker.experiment.finish()
        elif isinstance(tracker, MLFlowLogger):
            for file in (*pictures, run.results_file, run.config_file):
                tracker.experiment.log_artifact(tracker.run_id, str(file))
            tracker.finalize("success")
        elif isinstance(tracker, TensorBoardLogger):
            _tensorboard_pictures(tracker, pictures)
            tracker.finalize("success")


def _wandb(config: Config, run: RunFolder) -> Logger:
    offline = os.environ.get("WANDB_MODE") == "offline" or not _wandb_reachable()
    if offline:
        say(f"W&B: no key or no network; writing offline into {run.path / 'wandb'} (send it later with `wandb sync`)")
    return WandbLogger(
        name=run.name,
        project=config.wandb.project,
        entity=config.wandb.entity,
        tags=config.wandb.tags,
        save_dir=str(run.path),
        offline=offline,
        settings=_wandb_settings(),
    )


def _wandb_settings() -> Any:
    import wandb

    return wandb.Settings(silent=True)


def _wandb_reachable() -> bool:
    """A key and a server that accepts connections; asked once, for at most three seconds."""
    from urllib.parse import urlparse

    has_key = bool(os.environ.get("WANDB_API_KEY")) or _has_netrc_key()
    if not has_key:
        return False
    address = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"))
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), timeout=3):
            return True
    except OSError:
        return False


def _has_netrc_key() -> bool:
    file = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return file.is_file() and "wandb" in file.read_text(encoding="utf-8", errors="replace")


def _wandb_matrix(
    tracker: WandbLogger, labels: Sequence[int], predicted: Sequence[int], class_names: Sequence[str]
) -> None:
    import wandb

    matrix = wandb.plot.confusion_matrix(y_true=list(labels), preds=list(predicted), class_names=list(class_names))
    tracker.experiment.log({"val_confusion_matrix_table": matrix})


def _tensorboard_pictures(tracker: TensorBoardLogger, pictures: Sequence[Path]) -> None:
    from munseo._data import decode

    for picture in pictures:
        tracker.experiment.add_image(picture.stem, decode(picture), dataformats="HWC")


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise UserError(f"{package}.log is true, but {package} is not installed: pip install 'munseo[{package}]'.")
