"""Several processes, one run: who writes, and how all of them come to know the folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

FOLDER_VARIABLE = "MUNSEO_RUN_FOLDER"


def rank() -> int:
    """Number of this process among all of a run; 0 writes."""
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return 0


def launched_outside() -> bool:
    """Whether a launcher such as torchrun started all processes at once."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "MASTER_ADDR" in os.environ and "RANK" in os.environ


def announced_folder() -> Path | None:
    """The run folder, where the first process made it before it started this one."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder) if folder and rank() > 0 else None


def announce(folder: Path | None, device_type: str) -> Path:
    """Let every process know the folder that the first one made.

    Processes that Lightning starts later inherit it; processes that torchrun started together are sent it.
    """
    if launched_outside():
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if device_type == "cuda" else "gloo")
        shared = [str(folder) if folder else None]
        torch.distributed.broadcast_object_list(shared, src=0)
        assert shared[0] is not None
        return Path(shared[0])
    assert folder is not None
    os.environ[FOLDER_VARIABLE] = str(folder)
    return folder


def gather(value: Any, world_size: int) -> list[Any]:
    """What every process has, in the order of their ranks; all of them have to ask."""
    if world_size == 1:
        return [value]
    values: list[Any] = [None] * world_size
    torch.distributed.all_gather_object(values, value)
    return values
