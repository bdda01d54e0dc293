"""The graph of a torch network: tracing it, which every engine needs, and writing it as ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from munseo._errors import UserError

INPUT, OUTPUT = "images", "logits"
"""Names of the input and the output of a graph."""
OPSET = 17
"""ONNX operators of 2022: every runtime of the last years reads them, and layer normalisation is one operator."""


@contextmanager
def traceable(network: nn.Module, image_size: int) -> Iterator[torch.Tensor]:
    """Make a network ready to be traced, and give the images to trace it with, float32 (2, 3, S, S).

    The exporters that trace are used: the newer ones, through ``torch.export``, took minutes where these take seconds,
    and the graphs of classifiers have no control flow that tracing could lose.
    """
    network.cpu().eval().to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield torch.zeros(2, 3, image_size, image_size)  # two: a batch of one could be traced as a constant


def cannot_be_written(network: nn.Module, form: str, error: Exception) -> UserError:
    """Return the error of a network with an operation that an engine does not have."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return UserError(f"{type(network).__name__}: cannot be written for {form} ({reason}); use --backend torch.")


def write_onnx(network: nn.Module, image_size: int, file: Path) -> None:
    """Write a network as ONNX: ``images`` float32 (batch, 3, S, S) to ``logits`` (batch, num_classes), batch dynamic.

    Raises:
        UserError: The network has an operation that ONNX does not have.
    """
    with traceable(network, image_size) as images:
        try:
            torch.onnx.export(
                network,
                (images,),
                file,
                dynamo=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
                opset_version=OPSET,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise cannot_be_written(network, "ONNX", error) from None
