"""The device, precision and workers of a prediction: what is configured, or what suits this machine."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from munseo._cores import num_cores
from munseo._errors import UserError

IMAGES_AT_ONCE = 8
"""Images that torch gets at once on a processor where predictions only measure: fewer waste the cores, and the
activations of more do not stay in the caches."""


@dataclass(frozen=True)
class InferenceSetup:
    """How models run on this machine; nothing here changes a prediction beyond its last digits.

    ``num_workers`` processes decode pages. ``precision`` is Lightning's name, such as ``32-true`` or ``bf16-mixed``.
    ``images_at_once`` are the images that torch gets at once on a processor. With more than one, the last bits of a
    page depend on its index among them, since the elements that fill no whole vector instruction are computed
    otherwise. One image at once costs 8 to 28% of the speed with 4 (docs/benchmarks.md).
    """

    device: torch.device
    batch_size: int = 50
    num_workers: int = 0
    precision: str = "32-true"
    images_at_once: int = 1


def choose_device(name: str) -> torch.device:
    """Return the device of a configuration; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: This machine does not have the device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, is_there in available.items() if is_there)
    device = torch.device(name)
    if not available.get(device.type, True):
        raise UserError(f"device: {name} is not available on this machine; choose auto or cpu.")
    return device


def choose_workers(configured: int | str, device: torch.device) -> int:
    """Return the number of loader workers.

    With ``auto``, few on a CPU, where the model needs every core and decoding 2% of one; many for a GPU.
    """
    if configured != "auto":
        return int(configured)
    if device.type == "cpu":
        return 0 if num_cores() <= 4 else 2
    return max(1, min(16, num_cores() - 1))


def choose_precision(mixed: bool, device: torch.device) -> str:
    """Return Lightning's name of the precision of training: bf16 where there is, fp16 on an older GPU, else 32 bits.

    A processor without instructions for bf16 emulates them: with AVX2 only, a step took more than ten times as long.
    """
    if not mixed or (device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return "32-true"
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return "16-mixed"
    return "bf16-mixed"


def inference_precision(training_precision: str, device: torch.device) -> str:
    """Return Lightning's name of the precision in which a model that was trained in another one predicts.

    A GPU keeps the precision of training. A processor predicts in 32 bits: an engine in 32 bits is faster than torch in
    bf16, and a processor without bf16 gives the same predictions then.
    """
    return "32-true" if device.type == "cpu" else training_precision


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context of mixed precision, as the trainer uses it, so that the numbers outside of it are the same."""
    if precision == "32-true":
        return nullcontext()
    dtype = torch.bfloat16 if precision.startswith("bf16") else torch.float16
    return torch.autocast(device.type, dtype=dtype)
