"""``torch.compile`` where it pays: a short trial on the model itself decides, and the run keeps to it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from munseo._model import Classifier
from munseo._prediction.inference import autocast
from munseo._training.hardware import Machine

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
