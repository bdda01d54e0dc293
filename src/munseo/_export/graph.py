"""From a torch network to a graph in a file."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from munseo._engines import onnx_engine as onnx
from munseo._engines import openvino_engine as openvino
from munseo._engines.sidecar import INPUT, OUTPUT
from munseo._errors import UserError

OPSET = 17
"""ONNX operators of 2022: what every runtime of the last years reads, with layer normalisation as one operator."""


def write_onnx(network: nn.Module, image_size: int, file: Path) -> None:
    """Write a network as ONNX: ``images`` float32 (batch, 3, S, S) to ``logits`` (batch, num_classes), batch dynamic.

    The exporter that traces is used: the newer one, through ``torch.export``, took minutes where this takes seconds,
    and the graphs of classifiers have no control flow that tracing could lose.

    Raises:
        UserError: The network has an operation that ONNX does not have.
    """
    network = network.cpu().eval().to(memory_format=torch.contiguous_format)
    images = torch.zeros(2, 3, image_size, image_size)  # two: a batch of one could be traced as a constant
    dynamic = {INPUT: {0: "batch"}, OUTPUT: {0: "batch"}}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (images,),
                file,
                dynamo=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes=dynamic,
                opset_version=OPSET,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{type(network).__name__}: cannot be written as ONNX ({reason}); use --backend torch."
        ) from None


def write_openvino(graph: Path, folder: Path) -> None:
    """Write an ONNX file as ``model.xml`` and ``model.bin``, its weights as they are (not rounded to 16 bits)."""
    import openvino as ov

    model = openvino.core().read_model(graph)
    ov.save_model(model, folder / openvino.FILE, compress_to_fp16=False)


def write_graph(graph: Path, form: str, folder: Path) -> None:
    """Put an ONNX file into an export's folder in the form that was asked for."""
    if form == "openvino":
        write_openvino(graph, folder)
    else:
        graph.replace(folder / onnx.FILE)
