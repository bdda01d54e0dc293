"""The hardware of a run and what is chosen for it: device, precision, batch size, workers, ``torch.compile``."""

from __future__ import annotations

import copy
import gc
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import torch

from munseo._config import Config
from munseo._console import say
from munseo._model import Classifier
from munseo._prediction.device import (
    Settings,
    autocast,
    choose_device,
    choose_precision,
    choose_workers,
    num_cores,
)
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


MAX_BATCH = 512
"""Larger steps bring nothing on one device and hide a data set of our sizes in a handful of them."""
PROBE = 4


def largest_batch(classifier: Classifier, device: torch.device, precision_dtype: torch.dtype | None, limit: int) -> int:
    """Find the largest batch, at most ``limit`` and ``MAX_BATCH``.

    CUDA tells by an out-of-memory error whether a step fits: sizes are doubled, then bisected. Other devices swap or
    die instead of telling, so there the bytes that one page keeps for the backward pass are counted and the free
    memory is divided by them.
    """
    limit = max(2, min(limit, MAX_BATCH))
    if device.type == "cuda":
        return _by_trial(classifier, device, precision_dtype, limit)
    per_page = _saved_bytes(classifier, precision_dtype) / PROBE
    # The forward pass holds each saved tensor once; its gradient lives for a layer or two beside it.
    weights = 4 * sum(p.numel() * p.element_size() for p in classifier.parameters())
    free = psutil.virtual_memory().available - weights
    found = int(max(2, min(limit, free / (1.25 * per_page))))
    say(f"batch_size auto: {per_page / 2**20:.0f} MiB a page, {free / 2**30:.1f} GiB free: at most {found} pages")
    return found


def _step(classifier: Classifier, size: int, device: torch.device, dtype: torch.dtype | None) -> None:
    edge = classifier.card.image_size
    pages = torch.zeros(size, edge, edge, 3, dtype=torch.uint8, device=device)
    with torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        logits = classifier(classifier.prepare(pages))
    logits.float().logsumexp(dim=1).sum().backward()


def _saved_bytes(classifier: Classifier, dtype: torch.dtype | None) -> int:
    """Bytes that a step of ``PROBE`` pages keeps for its backward pass; weights are not counted."""
    own = {p.untyped_storage().data_ptr() for p in classifier.parameters()}
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _step(classifier, PROBE, torch.device("cpu"), dtype)
    classifier.zero_grad(set_to_none=True)
    classifier.load_state_dict(state)  # the probe moved the statistics of batch normalisation
    return sum(storages.values())


def _by_trial(classifier: Classifier, device: torch.device, dtype: torch.dtype | None, limit: int) -> int:
    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.to(device).train()

    def fits(size: int) -> bool:
        try:
            _step(classifier, size, device, dtype)
        except torch.cuda.OutOfMemoryError:
            return False
        finally:
            classifier.zero_grad(set_to_none=True)
            gc.collect()
            torch.cuda.empty_cache()
        return True

    low, high = 2, 4
    while high <= limit and fits(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    classifier.cpu().load_state_dict(state)
    say(f"batch_size auto: steps of up to {low} pages fit into {torch.cuda.get_device_name(device)}")
    return low


LONG_S = 1800.0
"""Training that takes less than this as it is could not win back what compiling costs: minutes on a CPU."""
FEWEST_STEPS = 300
"""With fewer steps nothing is tried at all."""
TRIAL_STEPS = 3
Forward = Callable[[torch.Tensor], torch.Tensor]
"""Normalised images (B, 3, S, S) to logits (B, num_classes)."""


@dataclass(frozen=True)
class CompileChoice:
    """Whether the training step is compiled, and why.

    Attributes:
        compiled: The decision.
        reason: In words.
        eager_s: Seconds of a step as it is; None where nothing was tried.
        compiled_s: Seconds of a compiled step; None where nothing was compiled.
    """

    compiled: bool
    reason: str
    eager_s: float | None = None
    compiled_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return asdict(self)


def choose_compile(
    wish: Literal["auto"] | bool, classifier: Classifier, machine: Machine, planned_steps: int
) -> CompileChoice:
    """Decide by trial.

    Args:
        wish: As configured: ``auto``, or what it shall be.
        classifier: The model; it is left as it was, since copies of it are tried.
        machine: Device, batch and precision of the run.
        planned_steps: Steps of all epochs.
    """
    if wish != "auto":
        return CompileChoice(wish, "as configured")
    if machine.device.type not in ("cpu", "cuda"):
        return CompileChoice(False, f"not tried on {machine.device.type}")
    if planned_steps < FEWEST_STEPS:
        return CompileChoice(False, f"training has {planned_steps} steps: too short")
    eager = _median_step(classifier, machine, compiled=False)[1]
    if planned_steps * eager < LONG_S:
        return CompileChoice(False, f"training takes about {planned_steps * eager:.0f} s: too short", eager)
    try:
        first, compiled = _median_step(classifier, machine, compiled=True)
    except Exception as error:  # a compiler is missing, or cannot do this model: training goes on without it
        return CompileChoice(False, f"it failed: {str(error).splitlines()[0][:200]}", eager)
    # The last batch of an epoch may be shorter, and is compiled once more.
    gain = planned_steps * (eager - compiled) - 2 * first
    words = f"a step takes {compiled:.3f} s instead of {eager:.3f} s, compiling {first:.0f} s"
    return CompileChoice(gain > 0, words, eager, compiled)


def compiled_forward(classifier: Classifier) -> Forward:
    """For the training step; validation and everything else keep to the model as it is."""
    forward: Forward = torch.compile(classifier.forward)
    return forward


def _median_step(classifier: Classifier, machine: Machine, compiled: bool) -> tuple[float, float]:
    """Seconds of the first step, compiling included, and the median of the next ones; on a copy, with white pages."""
    trial = copy.deepcopy(classifier).to(machine.device).train()
    forward = compiled_forward(trial) if compiled else trial.forward
    edge = trial.card.image_size
    white = torch.full((machine.batch_size, edge, edge, 3), 255, dtype=torch.uint8, device=machine.device)
    images = trial.prepare(white)
    seconds = []
    for _ in range(1 + TRIAL_STEPS):
        started = time.perf_counter()
        with autocast(machine.settings):
            logits = forward(images)
        logits.float().logsumexp(dim=1).sum().backward()  # type: ignore[no-untyped-call]
        trial.zero_grad(set_to_none=True)
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        seconds.append(time.perf_counter() - started)
    return seconds[0], float(np.median(seconds[1:]))


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
