"""ONNX Runtime in place of a torch network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from munseo._engines.graph import INPUT

FILE = "model.onnx"
CHUNK = 4
"""Number of images that a thread takes at once: their activations stay near the core."""


class OnnxEngine(nn.Module):
    """Runs an ONNX file on the processor.

    A batch is cut into chunks that run in parallel, each on one thread: the threads never wait for each other, as they
    do after every layer when they share one image. A single image has all threads to itself.

    Args:
        folder: The folder with ``model.onnx``.
        num_threads: Number of cores to use.
    """

    # That of Swin depends on the number of images in a chunk (docs/benchmarks.md), so that every export is measured.
    is_batch_invariant = False

    def __init__(self, folder: Path, num_threads: int) -> None:
        super().__init__()
        self.num_threads = num_threads
        self._file = folder / FILE
        self._chunked = self._session(1)
        self._shared = self._chunked if num_threads == 1 else self._session(num_threads)
        self._pool = ThreadPoolExecutor(num_threads)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits (B, num_classes) of normalised images (B, 3, S, S), on the device of the images."""
        batch = images.detach().float().cpu().contiguous().numpy()
        if len(batch) < 2 * self.num_threads:
            rows = self._run(self._shared, batch)
        else:
            size = min(CHUNK, -(-len(batch) // self.num_threads))
            chunks = [batch[start : start + size] for start in range(0, len(batch), size)]
            rows = np.concatenate(list(self._pool.map(lambda chunk: self._run(self._chunked, chunk), chunks)))
        return torch.from_numpy(rows).to(images.device)

    def _run(self, session: Any, batch: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {INPUT: batch})[0])

    def _session(self, num_threads: int) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Waiting threads would spin on the cores that decode the next pages.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(str(self._file), options, providers=["CPUExecutionProvider"])
