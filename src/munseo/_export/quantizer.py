"""INT8: weights and activations in eight bits, with ranges measured on calibration pages.

How much an EfficientNet loses by this depends on which layers stay in floats; published losses of macro-F1 go from none
to 15 points. So there are several schemes, and each of them is judged on the validation pages (``exporter``).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from munseo._augment import Recipe
from munseo._data import Page
from munseo._engines import Engine
from munseo._engines.graph import INPUT
from munseo._model import Classifier
from munseo._prediction.loader import InferencePages
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._randomness import generator

QUANTISED = ("Conv", "MatMul", "Gemm")
"""ONNX operators that run in eight bits."""


@dataclass(frozen=True)
class QuantisationScheme:
    """Which layers of a network are quantised."""

    name: str  # name in the table and the sidecar
    ends: bool  # whether to quantise the first convolution and the last layer
    gates: bool  # whether to quantise layers on single pixels, such as the two of a squeeze-and-excitation gate
    # Whether to quantise depthwise convolutions. They do little arithmetic, and each channel has its own range.
    depthwise: bool


SCHEMES = (
    QuantisationScheme("all layers", ends=True, gates=True, depthwise=True),
    QuantisationScheme("first, last and gates in floats", ends=False, gates=False, depthwise=True),
    QuantisationScheme("first, last, gates and depthwise in floats", ends=False, gates=False, depthwise=False),
)
"""The schemes that are tried, from the most eight-bit layers to the fewest."""


def quantise(
    graph: Path, file: Path, batches: Sequence[np.ndarray], scheme: QuantisationScheme, engine: Engine
) -> None:
    """Write an ONNX graph with pairs of QuantizeLinear and DequantizeLinear around the layers that run in eight bits.

    Weights have one scale per channel and seven bits: processors without VNNI add two products in 16 bits, which would
    overflow with eight. Ranges of activations are the mean of their extremes over the calibration batches, normalised
    float32 (B, 3, S, S) each.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static, shape_inference

    prepared = file.with_suffix(".prepared.onnx")
    options: dict[str, Any] = {"CalibMovingAverage": True, "CalibTensorRangeSymmetric": False}
    if not engine.quantises_outputs:
        options["OpTypesToExcludeOutputQuantization"] = list(QUANTISED)
    try:
        with _silent():
            shape_inference.quant_pre_process(graph, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                file,
                _CalibrationReader(batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                nodes_to_exclude=layers_in_floats(prepared, scheme),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options=options,
            )
    finally:
        prepared.unlink(missing_ok=True)


def layers_in_floats(graph: Path, scheme: QuantisationScheme) -> list[str]:
    """Return the names of the layers that a scheme does not quantise."""
    import onnx

    model = onnx.load(graph)
    layers = [node for node in model.graph.node if node.op_type in QUANTISED]
    makers = {output: node for node in model.graph.node for output in node.output}
    depthwise = {node.name for node in layers if _group(node) > 1}
    gates = {node.name for node in layers if _on_one_pixel(node, makers)}
    ends = {layers[0].name, layers[-1].name} if layers else set()
    groups = ((scheme.ends, ends), (scheme.gates, gates), (scheme.depthwise, depthwise))
    return sorted({name for is_quantised, names in groups if not is_quantised for name in names})


def _group(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _on_one_pixel(node: Any, makers: dict[str, Any]) -> bool:
    """Return whether a convolution works on the mean of all pixels, with only activations between the two."""
    source = makers.get(node.input[0])
    while source is not None and node.op_type == "Conv":
        if source.op_type in ("ReduceMean", "GlobalAveragePool"):
            return True
        if source.op_type == "Conv" and not _on_one_pixel(source, makers):
            return False
        source = makers.get(source.input[0])
    return False


class _CalibrationReader:
    """Gives calibration batches to ONNX Runtime's quantiser."""

    def __init__(self, batches: Sequence[np.ndarray]) -> None:
        self._batches: Iterator[np.ndarray] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


@contextmanager
def _silent() -> Iterator[None]:
    """Silence the quantiser, which warns on the root logger about choices that are made here on purpose."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


NUM_PAGES = 64
"""Number of calibration pages."""
BATCH_SIZE = 8


def calibration_batches(
    classifier: Classifier, train: Sequence[Page], recipe: Recipe | None, seed: int
) -> list[np.ndarray]:
    """Return normalised training pages in batches, float32 (8, 3, S, S) each.

    The pages are prepared as for prediction, without augmentation. If the run validates under shift, every second page
    is damaged by its recipe: test pages may be damaged, and their values must not be cut off.
    """
    card = classifier.card
    chosen = [train[int(index)] for index in generator(seed, "calibration").permutation(len(train))[:NUM_PAGES]]
    clean = InferencePages(chosen, card.image_size, card.orientation)
    shifted = ShiftedPages(chosen, card.image_size, recipe, 1, card.orientation) if recipe else clean
    pages = np.stack([(shifted if index % 2 else clean)[index][0] for index in range(len(chosen))])
    images = classifier.prepare(torch.from_numpy(pages)).contiguous().numpy()
    return [images[start : start + BATCH_SIZE] for start in range(0, len(images), BATCH_SIZE)]
