"""What is chosen for the machine: device, precision, batch, workers, threads. The choice is printed and can be set."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

import torch

from munseo._config import Config
from munseo._prediction import Settings, choose_device
from munseo._prediction.loader import collate, single_threaded


@dataclass(frozen=True)
class Machine:
    """Effective settings of a run on this machine."""

    device: torch.device
    precision: str
    batch_size: int
    val_batch_size: int
    num_workers: int
    num_threads: int
    batches_per_epoch: int = 0

    @property
    def loading(self) -> dict[str, Any]:
        """Arguments of a training ``DataLoader``."""
        return {
            "num_workers": self.num_workers,
            "collate_fn": collate,
            "worker_init_fn": begin_worker,
            "pin_memory": self.device.type == "cuda",
            "prefetch_factor": 4 if self.num_workers else None,
        }

    @property
    def settings(self) -> Settings:
        """The same machine for prediction."""
        return Settings(self.device, self.val_batch_size, self.num_workers, self.precision)


def begin_worker(number: int) -> None:
    """A loader worker decodes with one thread, in a process group of its own.

    Ctrl-C, and signals to the whole group, then reach the main process alone, which still needs its workers for the
    step that it is in.
    """
    single_threaded(number)
    if hasattr(os, "setpgrp"):
        os.setpgrp()


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_workers(wish: int | str, device: torch.device) -> int:
    """Loader workers: on a CPU the model needs every core and decoding 2 % of one; a GPU has to be fed."""
    if wish != "auto":
        return int(wish)
    if device.type == "cpu":
        return 0 if num_cores() <= 4 else 2
    return max(1, min(16, num_cores() - 1))


def choose_precision(mixed: bool, device: torch.device) -> str:
    """Lightning's word for the precision: bf16 where the chip has it, fp16 on an older GPU, otherwise 32 bits.

    A processor without instructions for bf16 emulates them: with AVX2 alone a step took more than ten times as long.
    """
    if not mixed or (device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return "32-true"
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return "16-mixed"
    return "bf16-mixed"


def choose_machine(config: Config, batch_size: int, val_batch_size: int) -> Machine:
    """Settle everything but the length of an epoch.

    Args:
        config: The configuration.
        batch_size: As written, or as found by ``largest_batch``.
        val_batch_size: The same for prediction.
    """
    device = choose_device(config.device)
    threads = num_cores() if config.num_threads == "auto" else config.num_threads
    processes = config.devices if device.type == "cpu" else 1
    threads = max(1, threads // processes) if config.num_threads == "auto" else threads
    return Machine(
        device=device,
        precision=choose_precision(config.mixed_precision, device),
        batch_size=batch_size,
        val_batch_size=val_batch_size,
        num_workers=choose_workers(config.num_workers, device),
        num_threads=threads,
    )


def device_name(device: torch.device) -> str:
    """The device's trade name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Metal Performance Shaders" if device.type == "mps" else platform.machine()
