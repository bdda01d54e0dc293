"""INT8: weights and activations in eight bits, their ranges measured on calibration pages.

How much an EfficientNet loses by this depends on what is left in floats; published losses of macro-F1 run from none to
15 points. So there are several ways of doing it, and the validation pages judge each (``checked``).
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
from munseo._engines.sidecar import INPUT
from munseo._model import Classifier
from munseo._prediction.loader import InferencePages
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._randomness import generator

QUANTISED = ("Conv", "MatMul", "Gemm")


@dataclass(frozen=True)
class Way:
    """One way of making a network INT8.

    Attributes:
        name: For the table and the sidecar.
        ends: Quantise the first convolution and the last layer.
        gates: Quantise layers on single pixels, as the two of a squeeze-and-excitation gate.
        depthwise: Quantise depthwise convolutions. They do little arithmetic, and each channel has its own range.
    """

    name: str
    ends: bool
    gates: bool
    depthwise: bool


LADDER = (
    Way("all layers", ends=True, gates=True, depthwise=True),
    Way("first, last and gates in floats", ends=False, gates=False, depthwise=True),
    Way("first, last, gates and depthwise in floats", ends=False, gates=False, depthwise=False),
)
"""From the most eight-bit layers to the fewest."""


def quantise(graph: Path, file: Path, images: Sequence[np.ndarray], way: Way, form: str) -> None:
    """Write an ONNX graph with pairs of QuantizeLinear and DequantizeLinear around what runs in eight bits.

    Weights have a scale a channel and seven bits: processors without VNNI add two products in 16 bits, which eight
    would overflow. Ranges of activations are the mean over calibration batches of their extremes.

    Args:
        graph: In full precision.
        file: To be written.
        images: Calibration batches, normalised float32 (B, 3, S, S) each.
        way: What stays in floats.
        form: ``onnx`` also quantises what layers give, since ONNX Runtime has no layers from eight bits to floats;
            ``openvino`` only what they take, since it has.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static, shape_inference

    prepared = file.with_suffix(".prepared.onnx")
    options: dict[str, Any] = {"CalibMovingAverage": True, "CalibTensorRangeSymmetric": False}
    if form == "openvino":
        options["OpTypesToExcludeOutputQuantization"] = list(QUANTISED)
    try:
        with _silent():
            shape_inference.quant_pre_process(graph, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                file,
                _Reader(images),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                nodes_to_exclude=kept_in_floats(prepared, way),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options=options,
            )
    finally:
        prepared.unlink(missing_ok=True)


def kept_in_floats(graph: Path, way: Way) -> list[str]:
    """Names of the layers that a way leaves as they are."""
    import onnx

    model = onnx.load(graph)
    layers = [node for node in model.graph.node if node.op_type in QUANTISED]
    makers = {output: node for node in model.graph.node for output in node.output}
    depthwise = {node.name for node in layers if _group(node) > 1}
    gates = {node.name for node in layers if _on_one_pixel(node, makers)}
    ends = {layers[0].name, layers[-1].name} if layers else set()
    return sorted(
        (set() if way.ends else ends) | (set() if way.gates else gates) | (set() if way.depthwise else depthwise)
    )


def _group(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _on_one_pixel(node: Any, makers: dict[str, Any]) -> bool:
    """Whether a convolution works on the mean of all pixels: nothing but activations lies between the two."""
    source = makers.get(node.input[0])
    while source is not None and node.op_type == "Conv":
        if source.op_type in ("ReduceMean", "GlobalAveragePool"):
            return True
        if source.op_type == "Conv" and not _on_one_pixel(source, makers):
            return False
        source = makers.get(source.input[0])
    return False


class _Reader:
    """Calibration batches in the form that the quantiser asks for them."""

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self._batches: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


@contextmanager
def _silent() -> Iterator[None]:
    """The quantiser warns on the root logger about choices that are made here."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


NUM_PAGES = 64
BATCH = 8


def calibration_batches(
    classifier: Classifier, train: Sequence[Page], recipe: Recipe | None, seed: int
) -> list[np.ndarray]:
    """Normalised training pages, float32 (8, 3, S, S) a batch.

    The pages are as they will be predicted, without augmentation. Where the run validates under shift, every second
    one is damaged by its recipe: test pages may be, and their values must not be cut off.

    Args:
        classifier: For its card and normalisation.
        train: Pages of the train part.
        recipe: Of the run's second validation.
        seed: Of the choice of pages.
    """
    card = classifier.card
    chosen = [train[int(place)] for place in generator(seed, "calibration").permutation(len(train))[:NUM_PAGES]]
    clean = InferencePages(chosen, card.image_size, card.orientation)
    shifted = ShiftedPages(chosen, card.image_size, recipe, 1, card.orientation) if recipe else clean
    pages = np.stack([(shifted if place % 2 else clean)[place][0] for place in range(len(chosen))])
    images = classifier.prepare(torch.from_numpy(pages)).contiguous().numpy()
    return [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
