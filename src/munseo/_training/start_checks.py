"""What is checked before a run begins: device, processes, trackers, views and model.

Nothing is read or written for it, and nothing is downloaded: a run that cannot work on this machine ends before its
data are read and before its folder is made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

from munseo._config import Config
from munseo._errors import UserError
from munseo._model import check_model
from munseo._packages import missing_packages
from munseo._prediction import check_views
from munseo._prediction.device import choose_device
from munseo._prediction.words_of_pages import reading_settings
from munseo._training.hardware import launched_outside, num_launched, rank
from munseo._training.trackers import TRACKERS

COMMAND = "munseo"
"""Name of the command line's program."""


def check_start(config: Config) -> None:
    """Check whether a run of this configuration can begin on this machine.

    Raises:
        UserError: It cannot: all reasons are in one message.
    """
    errors: list[UserError] = []
    for check in CHECKS:
        try:
            check(config)
        except UserError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        problems = [line for error in errors for line in (error.message, *error.problems)]
        raise UserError("The run cannot begin; nothing was read or written.", problems)


def check_device(config: Config) -> None:
    """Check that the device is there, and as many of it as the configuration asks for.

    Raises:
        UserError: It is not there, or there are fewer.
    """
    device = choose_device(config.device)
    if device.type == "cuda" and torch.cuda.device_count() < config.devices:
        count = torch.cuda.device_count()
        raise UserError(f"devices: {config.devices}, but this machine has {count} GPUs; set devices={count}.")
    if device.type == "mps" and config.devices > 1:
        raise UserError("devices: Metal computes in one process only; set devices=1.")


def check_processes(config: Config) -> None:
    """Check that the processes of the configuration are there, or can be started by this one.

    Raises:
        UserError: They cannot, or a launcher has started another number of them.
    """
    planned = config.devices * config.num_nodes
    if launched_outside():
        started = num_launched()
        if started != planned:
            raise UserError(
                f"devices, num_nodes: {config.devices} x {config.num_nodes} processes are configured, and the launcher "
                f"has started {started}; make the two equal."
            )
    elif config.num_nodes > 1:
        raise UserError(
            f"num_nodes: the processes of {config.num_nodes} machines are started by a launcher: torchrun --nnodes "
            f"{config.num_nodes} --nproc-per-node {config.devices} … -m munseo train …, or srun."
        )
    elif planned > 1 and rank() == 0 and not _is_command_line():
        # Lightning starts the others by the command of this process. In a notebook or a larger program they would do
        # all of it again, and those that do not come as far as the training would be waited for without an end.
        raise UserError(
            f"devices: a Python program is one process, and {planned} are needed. Start it with torchrun "
            f"--nproc-per-node {planned} PROGRAM.py, or train with the command line: munseo train … devices={planned}."
        )


def check_trackers(config: Config) -> None:
    """Check that the packages of all trackers are installed that the configuration switches on.

    Raises:
        UserError: One is missing.
    """
    for package in TRACKERS:
        if getattr(config, package).log and missing_packages([package]):
            raise UserError(f"{package}.log is true, but {package} is not installed: pip install 'munseo[{package}]'.")


def check_views_of(config: Config) -> None:
    """Check the names of the views of test-time augmentation; ``UserError`` names those that do not exist."""
    check_views(config.tta_views)


def check_model_of(config: Config) -> None:
    """Check by a dry pass that the model takes its options, every size of a training page, and the batch size.

    Raises:
        UserError: It does not; sizes that it takes are named.
    """
    sizes = {"image_size": config.image_size}
    for index, stage in enumerate(config.progressive_resizing):
        sizes[f"progressive_resizing.{index}.image_size"] = stage.image_size
    # An automatic batch has at least two pages where they fit.
    check_model(config, sizes, 2 if config.batch_size == "auto" else config.batch_size)


def check_words(config: Config) -> None:
    """Check that the engine that reads words, and its languages, are there, if words may have to be read.

    Raises:
        UserError: One is missing.
    """
    if config.text != "none":
        reading_settings(config).check()


CHECKS: tuple[Callable[[Config], None], ...] = (
    check_device,
    check_processes,
    check_trackers,
    check_views_of,
    check_words,
    check_model_of,
)
"""The checks, from the cheapest to the dearest."""


def _is_command_line() -> bool:
    """Return whether the command of this process is ``munseo`` or ``python -m munseo``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return Path(sys.argv[0]).stem == COMMAND or (spec is not None and spec.name == f"{COMMAND}.__main__")
