"""The hardware of a run and what is chosen for it: device, precision, batch size, workers, ``torch.compile``.

The functions on several processes are at the end of the file. What is chosen is printed, and can be set instead.
"""

from __future__ import annotations

import copy
import gc
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.utilities import rank_zero_only

from munseo._config import Config
from munseo._console import say
from munseo._cores import num_cores
from munseo._errors import UserError
from munseo._model import Classifier
from munseo._prediction.device import (
    InferenceSetup,
    autocast,
    choose_device,
    choose_precision,
    choose_workers,
    inference_precision,
)
from munseo._prediction.loader import collate, single_threaded
from munseo._training.sampler import EpochBatches

AUTOCAST_DTYPES = {"32-true": None, "16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
"""The type that each of Lightning's precisions computes in; None where it casts nothing."""

MAX_BATCH = 512
"""The largest automatic batch. Larger ones train no faster, and leave a data set of the usual size few steps."""

PROBE_PAGES = 4
"""Pages of the step that measures how much memory a page needs."""

LONG_S = 1800.0
"""Seconds of training below which compiling is not tried: it takes minutes on a processor and could not pay off."""

FEWEST_STEPS = 300
"""With fewer steps than this, not even the time of a step is measured."""

TRIAL_STEPS = 3
"""Steps that are timed, after the first one, which compiles."""

FOLDER_VARIABLE = "MUNSEO_RUN_FOLDER"
"""Environment variable that tells processes that Lightning starts where the run folder is."""

Forward = Callable[[torch.Tensor], torch.Tensor]
"""A function from normalised images (B, 3, S, S) to logits (B, num_classes)."""


@dataclass(frozen=True)
class Hardware:
    """The effective settings of a run on this machine.

    ``precision`` is Lightning's name of it, ``num_threads`` are torch's, and batches are those of one process. Without
    loader workers the main process loads the pages.
    """

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
    def settings(self) -> InferenceSetup:
        """The same choices for prediction."""
        precision = inference_precision(self.precision, self.device)
        return InferenceSetup(self.device, self.val_batch_size, self.num_workers, precision)

    @property
    def accelerator(self) -> str:
        """Lightning's name of the device."""
        return "gpu" if self.device.type == "cuda" else self.device.type


def choose_hardware(config: Config, classifier: Classifier, num_samples: int) -> Hardware:
    """Choose everything that the configuration leaves to the machine; the model, on the CPU, is left as it was.

    Raises:
        UserError: ``batch_size`` is ``auto``, and not even two pages fit into the memory of the GPU.
    """
    device = choose_device(config.device)
    precision = choose_precision(config.mixed_precision, device)
    size, val_size = config.batch_size, config.val_batch_size
    if size == "auto" or val_size == "auto":
        largest = largest_batch(classifier, device, AUTOCAST_DTYPES[precision], num_samples)
        chosen = max(1, math.floor(largest * config.batch_size_multiplier))
        size = chosen if size == "auto" else size
        val_size = chosen if val_size == "auto" else val_size
    world_size = config.devices * config.num_nodes
    return Hardware(
        device=device,
        precision=precision,
        batch_size=size,
        val_batch_size=val_size,
        num_workers=choose_workers(config.num_workers, device),
        num_threads=_choose_threads(config, device),
        batches_per_epoch=len(EpochBatches(num_samples, size, config.random_seed, world_size=world_size)),
    )


def _choose_threads(config: Config, device: torch.device) -> int:
    if config.num_threads != "auto":
        return config.num_threads
    processes = config.devices if device.type == "cpu" else 1
    return max(1, num_cores() // processes)


def device_name(device: torch.device) -> str:
    """Return the trade name of the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Metal Performance Shaders" if device.type == "mps" else platform.machine()


def begin_worker(number: int) -> None:
    """Set up a loader worker: it decodes with one thread, in its own process group.

    Ctrl-C, and signals to the whole group, then reach the main process only, which still needs its workers for the
    step that it is in.
    """
    single_threaded(number)
    if hasattr(os, "setpgrp"):
        os.setpgrp()


# Batch size


def largest_batch(classifier: Classifier, device: torch.device, dtype: torch.dtype | None, limit: int) -> int:
    """Find the largest batch, at most ``limit`` and ``MAX_BATCH``, whose training step fits into the memory.

    CUDA reports by an out-of-memory error whether a step fits: sizes are doubled, then bisected. Other devices swap or
    die instead, so there the bytes that one page keeps for the backward pass are counted, and the free memory is
    divided by them.

    Raises:
        UserError: Not even two pages fit into the memory of the GPU.
    """
    limit = max(2, min(limit, MAX_BATCH))
    if device.type == "cuda":
        return _largest_by_trial(classifier, device, dtype, limit)
    per_page = _saved_bytes(classifier, dtype) / PROBE_PAGES
    # The forward pass keeps each saved tensor once. Its gradient exists at the same time for a layer or two: a quarter
    # is added for these.
    weights = 4 * sum(p.numel() * p.element_size() for p in classifier.parameters())
    free = psutil.virtual_memory().available - weights
    largest = int(max(2, min(limit, free / (1.25 * per_page))))
    say(f"batch_size auto: {per_page / 2**20:.0f} MiB a page, {free / 2**30:.1f} GiB free: at most {largest} pages")
    return largest


def _largest_by_trial(classifier: Classifier, device: torch.device, dtype: torch.dtype | None, limit: int) -> int:
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

    if not fits(2):
        raise UserError(
            f"batch_size: auto: not even 2 pages of {classifier.card.image_size} px fit into the free memory of "
            f"{torch.cuda.get_device_name(device)}; end what else uses it, lower image_size, choose a smaller "
            "model_name, or set mixed_precision: true."
        )
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


def _saved_bytes(classifier: Classifier, dtype: torch.dtype | None) -> int:
    """Count the bytes that a step of ``PROBE_PAGES`` keeps for its backward pass; weights are not counted."""
    weights = {p.untyped_storage().data_ptr() for p in classifier.parameters()}
    storages: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    classifier.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _step(classifier, PROBE_PAGES, torch.device("cpu"), dtype)
    classifier.zero_grad(set_to_none=True)
    classifier.load_state_dict(state)  # The probe moved the statistics of batch normalisation.
    return sum(storages.values())


def _step(classifier: Classifier, size: int, device: torch.device, dtype: torch.dtype | None) -> None:
    edge = classifier.card.image_size
    pages = torch.zeros(size, edge, edge, 3, dtype=torch.uint8, device=device)
    with torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        logits = classifier(classifier.prepare(pages))
    logits.float().logsumexp(dim=1).sum().backward()


# torch.compile


@dataclass(frozen=True)
class CompileChoice:
    """Whether the training step is compiled, why, and the seconds of a step without and with it, if that was tried.

    These are the entries of the manifest's ``compile``.
    """

    compiled: bool
    reason: str
    eager_s: float | None = None
    compiled_s: float | None = None


def choose_compile(
    configured: Literal["auto"] | bool, classifier: Classifier, hardware: Hardware, planned_steps: int
) -> CompileChoice:
    """Decide whether ``torch.compile`` pays over the steps of all epochs, by a short trial on copies of the model."""
    if configured != "auto":
        return CompileChoice(configured, "as configured")
    if hardware.device.type not in ("cpu", "cuda"):
        return CompileChoice(False, f"not tried on {hardware.device.type}")
    if planned_steps < FEWEST_STEPS:
        return CompileChoice(False, f"training has {planned_steps} steps: too short")
    eager = _time_steps(classifier, hardware, compiled=False)[1]
    if planned_steps * eager < LONG_S:
        return CompileChoice(False, f"training takes about {planned_steps * eager:.0f} s: too short", eager)
    try:
        first, compiled = _time_steps(classifier, hardware, compiled=True)
    except Exception as error:  # A compiler is missing, or cannot do this model: training goes on without it.
        return CompileChoice(False, f"it failed: {str(error).splitlines()[0][:200]}", eager)
    # Compiling counts twice: the last batch of an epoch may be shorter, and is compiled once more.
    gain = planned_steps * (eager - compiled) - 2 * first
    reason = f"a step takes {compiled:.3f} s instead of {eager:.3f} s, compiling {first:.0f} s"
    return CompileChoice(gain > 0, reason, eager, compiled)


def compiled_forward(classifier: Classifier) -> Forward:
    """Return the compiled forward function for the training step; validation uses the model as it is."""
    forward: Forward = torch.compile(classifier.forward)
    return forward


def _time_steps(classifier: Classifier, hardware: Hardware, compiled: bool) -> tuple[float, float]:
    """Return the seconds of the first step, and the median of the next ones, on a copy of the model and white pages."""
    trial = copy.deepcopy(classifier).to(hardware.device).train()
    forward = compiled_forward(trial) if compiled else trial.forward
    edge = trial.card.image_size
    white = torch.full((hardware.batch_size, edge, edge, 3), 255, dtype=torch.uint8, device=hardware.device)
    images = trial.prepare(white)
    seconds = []
    for _ in range(1 + TRIAL_STEPS):
        started = time.perf_counter()
        with autocast(hardware.precision, hardware.device):
            logits = forward(images)
        logits.float().logsumexp(dim=1).sum().backward()  # type: ignore[no-untyped-call]
        trial.zero_grad(set_to_none=True)
        if hardware.device.type == "cuda":
            torch.cuda.synchronize(hardware.device)
        seconds.append(time.perf_counter() - started)
    return seconds[0], float(np.median(seconds[1:]))


# Several processes


def join_launcher(config: Config) -> None:
    """Take part in a run of several processes if a launcher has started this process for one.

    ``srun`` tells each task of a job step its number, also where every task is a run of its own: only a step of as many
    tasks as the configuration has processes is one run. Its variables are then translated into those of torchrun.
    """
    planned, tasks = config.devices * config.num_nodes, os.environ.get("SLURM_STEP_NUM_TASKS", "")
    if planned > 1 and tasks == str(planned) and "RANK" not in os.environ:
        variables = os.environ
        nodes = variables.get("SLURM_STEP_NODELIST") or variables.get("SLURM_NODELIST", "127.0.0.1")
        port = 15000 + int(variables.get("SLURM_JOB_ID", "0")[-4:])  # the same for all tasks of a job
        variables.setdefault("MASTER_ADDR", SLURMEnvironment.resolve_root_node_address(nodes))
        variables.setdefault("MASTER_PORT", str(port))
        variables |= {"RANK": variables["SLURM_PROCID"], "LOCAL_RANK": variables["SLURM_LOCALID"], "WORLD_SIZE": tasks}
        variables |= {"GROUP_RANK": variables["SLURM_NODEID"], "LOCAL_WORLD_SIZE": str(config.devices)}
    # Lightning takes the number of a SLURM task for its rank, and trackers of other ranks than 0 record nothing.
    rank_zero_only.rank = rank()  # type: ignore[attr-defined]


def rank() -> int:
    """Return the number of this process among all of a run; process 0 writes."""
    if launched_outside():
        return int(os.environ["RANK"])
    # Lightning tells the processes that it starts their number; they have inherited the folder.
    local = os.environ.get("LOCAL_RANK", "")
    return int(local) if FOLDER_VARIABLE in os.environ and local.isdigit() else 0


def launched_outside() -> bool:
    """Return whether a launcher such as torchrun or srun started all processes of the run at once."""
    return num_launched() > 1 and "MASTER_ADDR" in os.environ and "RANK" in os.environ


def num_launched() -> int:
    """Return the number of processes that a launcher started, 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def cluster_environment() -> ClusterEnvironment:
    """Return Lightning's description of the processes; it would look for other launchers, and mistake their tasks."""
    return TorchElasticEnvironment() if launched_outside() else LightningEnvironment()


def announced_folder() -> Path | None:
    """Return the run folder that the first process made, if that process started this one."""
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


def wait_for_all() -> None:
    """Wait until every process that a launcher started is here; processes that Lightning starts begin later."""
    if launched_outside():
        torch.distributed.barrier()


def gather(value: Any, world_size: int) -> list[Any]:
    """Collect the value of every process, in the order of their ranks; all processes have to call this."""
    if world_size == 1:
        return [value]
    values: list[Any] = [None] * world_size
    torch.distributed.all_gather_object(values, value)
    return values
