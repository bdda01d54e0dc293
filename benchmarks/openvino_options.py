"""Compare ways to run a network in OpenVINO: images of a request, streams, pinned threads, bytes or floats as input.

    python benchmarks/openvino_options.py tf_efficientnet_lite0@224 --rounds 7

Random weights, 32 bits, two requests for each stream. The ways take turns. Beside the time of a page, the table has the
seconds of the processor that it takes, since these depend less on what else the machine does.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from munseo._engines.openvino_engine import FILE, write_openvino
from munseo._model import ModelCard, build_classifier

WAYS: dict[str, dict[str, Any]] = {
    "as Munseo runs it: one image a request, a stream for each thread": {},
    "floats in torch's default layout": {"channels_last": False},
    "bytes, normalised in the graph": {"from_bytes": True},
    "2 images a request": {"images": 2},
    "4 images a request": {"images": 4},
    "8 images a request": {"images": 8},
    "16 images a request": {"images": 16},
    "4 images a request, one stream for all threads": {"images": 4, "streams": 1},
    "threads that are not pinned": {"ENABLE_CPU_PINNING": False},
    "two streams for each thread": {"streams_a_thread": 2},
}


class Way:
    """A model compiled in one way, with its requests and an input."""

    def __init__(
        self,
        file: Path,
        threads: int,
        images: int = 1,
        streams: int | None = None,
        streams_a_thread: int = 1,
        channels_last: bool = True,
        from_bytes: bool = False,
        **settings: Any,
    ) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(file)
        shape = model.input(0).partial_shape
        shape[0] = images
        model.reshape(shape)
        steps = openvino.preprocess.PrePostProcessor(model)
        if from_bytes:
            steps.input().tensor().set_element_type(openvino.Type.u8)
            steps.input().preprocess().convert_element_type(openvino.Type.f32).mean([127.5] * 3).scale([127.5] * 3)
        steps.input().tensor().set_layout(openvino.Layout("NHWC" if channels_last else "NCHW"))
        steps.input().model().set_layout(openvino.Layout("NCHW"))
        self.images, number = images, streams or streams_a_thread * threads
        known = {"NUM_STREAMS": number, "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        hint = {"PERFORMANCE_HINT": "THROUGHPUT" if number > 1 else "LATENCY"}
        compiled = core.compile_model(steps.build(), "CPU", {**hint, **known, **settings})
        self._requests = [compiled.create_infer_request() for _ in range(2 * number)]
        pages = np.random.default_rng(0).integers(0, 256, tuple(compiled.input(0).shape), dtype=np.uint8)
        self._input = pages if from_bytes else pages.astype(np.float32) / 127.5 - 1

    def measure(self, num_pages: int) -> tuple[float, float]:
        """Return the milliseconds of a page, and those of the processor."""
        start, cpu = time.perf_counter(), time.process_time()
        count = max(len(self._requests), num_pages // self.images)
        for number in range(count):
            request = self._requests[number % len(self._requests)]
            if number >= len(self._requests):
                request.wait()
            request.start_async([self._input], share_inputs=True)
        for request in self._requests:
            request.wait()
        scale = 1e3 / (count * self.images)
        return scale * (time.perf_counter() - start), scale * (time.process_time() - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pages", type=int, default=64, help="in one measurement")
    options = parser.parse_args()
    name, _, size = options.model.partition("@")
    classes = tuple(str(number) for number in range(17))
    torch.manual_seed(0)
    network = build_classifier(ModelCard(name, classes, classes, int(size), (0.5,) * 3, (0.5,) * 3))[0].network
    with tempfile.TemporaryDirectory() as folder:
        write_openvino(network, int(size), Path(folder))
        ways = {key: Way(Path(folder) / FILE, torch.get_num_threads(), **how) for key, how in WAYS.items()}
    for way in ways.values():
        way.measure(1)
    times: dict[str, list[tuple[float, float]]] = {key: [] for key in ways}
    for _ in range(options.rounds):
        for key, way in ways.items():
            times[key].append(way.measure(options.pages))
    print(f"{options.model}, {torch.get_num_threads()} threads\n\n| | ms a page | ms of the processor |\n|---|---|---|")
    for key, own in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*own, strict=True))
        print(f"| {key} | {wall:.1f} | {cpu:.1f} |")


if __name__ == "__main__":
    main()
