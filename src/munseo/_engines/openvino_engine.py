"""OpenVINO in place of a torch network."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from munseo._engines.graph import INPUT, OUTPUT, cannot_be_written, traceable

FILE = "model.xml"


class OpenVinoEngine(nn.Module):
    """Runs an OpenVINO model on the processor.

    A batch is processed image by image, on as many streams as there are cores: the activations of one image stay near
    its core, and no core waits for another. A single image has all cores to itself.

    The images are used as they are in memory (channels last, as pages are decoded), so that none is copied.

    Args:
        folder: The folder with ``model.xml`` and ``model.bin``.
        num_threads: Number of cores to use.
    """

    # Each image is computed by itself.
    is_batch_invariant = True

    def __init__(self, folder: Path, num_threads: int) -> None:
        super().__init__()
        self.num_threads = num_threads
        self._file = folder / FILE
        self._models: dict[str, Any] = {}
        self._lock = threading.Lock()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits (B, num_classes) of normalised images (B, 3, S, S), on the device of the images."""
        batch = images.detach().float().cpu().permute(0, 2, 3, 1).contiguous().numpy()  # (B, S, S, 3)
        rows = self._one_by_one(batch) if len(batch) < 2 * self.num_threads else self._streamed(batch)
        return torch.from_numpy(rows).to(images.device)

    def _one_by_one(self, batch: np.ndarray) -> np.ndarray:
        request = self._latency.create_infer_request()
        return np.concatenate([np.array(request.infer([image[None]])[0]) for image in batch])

    def _streamed(self, batch: np.ndarray) -> np.ndarray:
        # Two requests per stream: the next image waits for the stream, not the stream for the next image. No callbacks:
        # a thread that still waits for Python's lock in one, when the thread that holds it frees the model, hangs.
        requests = [self._throughput.create_infer_request() for _ in range(2 * self.num_threads)]
        rows: list[np.ndarray] = []
        for index, image in enumerate(batch):
            request = requests[index % len(requests)]
            if index >= len(requests):
                rows.append(_finished(request))
            request.start_async([image[None]], share_inputs=True)
        for index in range(len(rows), len(batch)):
            rows.append(_finished(requests[index % len(requests)]))
        return np.concatenate(rows)

    @property
    def _latency(self) -> Any:
        return self._compiled("LATENCY", 1)

    @property
    def _throughput(self) -> Any:
        return self._compiled("THROUGHPUT", self.num_threads)

    def _compiled(self, hint: str, num_streams: int) -> Any:
        with self._lock:  # one thread compiles, the others wait for it
            if hint not in self._models:
                self._models[hint] = self._compile(hint, num_streams)
            return self._models[hint]

    def _compile(self, hint: str, num_streams: int) -> Any:
        import openvino

        model = core().read_model(self._file)
        shape = model.input(0).partial_shape
        shape[0] = 1  # one image: kernels for a fixed shape are chosen once
        model.reshape(shape)
        steps = openvino.preprocess.PrePostProcessor(model)
        steps.input().tensor().set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout("NCHW"))
        settings = {
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": num_streams,
            "INFERENCE_NUM_THREADS": self.num_threads,
            # Nothing is rounded to 16 bits where the chip could: decisions are the same on every machine.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        return core().compile_model(steps.build(), "CPU", settings)


@cache
def core() -> Any:
    """Return OpenVINO's runtime, one for the whole process.

    It gives the thread that compiles first a stack for signals, and frees that memory with the last runtime, on
    whichever thread that happens: the next Ctrl-C would then end in a segmentation fault (seen with 2026.4).
    """
    import openvino

    return openvino.Core()


def write_openvino(network: nn.Module, image_size: int, folder: Path) -> None:
    """Write a torch network as ``model.xml`` and ``model.bin``: ``images`` (batch, 3, S, S) to ``logits``, float32.

    Without the detour over an ONNX file it takes as long, 150 MiB less memory, and one package less.

    Raises:
        UserError: The network has an operation that OpenVINO does not have.
    """
    import openvino

    with traceable(network, image_size) as images:
        try:
            # Unlike OpenVINO's own call of it, this one does not run everything again to compare.
            traced: Any = torch.jit.trace(network, images, check_trace=False)  # type: ignore[no-untyped-call]
            shape = openvino.PartialShape([-1, *images.shape[1:]])
            model = openvino.convert_model(traced, example_input=images, input=[shape])
        # A conversion fails with its own exceptions, all of them RuntimeErrors or plain ones of the library.
        except Exception as error:
            raise cannot_be_written(network, "OpenVINO", error) from None
    model.inputs[0].get_tensor().set_names({INPUT})
    model.outputs[0].get_tensor().set_names({OUTPUT})
    _save(model, folder)


def convert_openvino(graph: Path, folder: Path) -> None:
    """Write an ONNX file as ``model.xml`` and ``model.bin``."""
    _save(core().read_model(graph), folder)


def _save(model: Any, folder: Path) -> None:
    import openvino

    openvino.save_model(model, folder / FILE, compress_to_fp16=False)  # weights are not rounded to 16 bits


def _finished(request: Any) -> np.ndarray:
    """Wait for a request and return its logits (1, num_classes)."""
    request.wait()
    return np.array(request.get_output_tensor(0).data)
