"""Show where OpenVINO's time goes, layer by layer, against the multiply-adds and the bytes that each layer needs.

    python benchmarks/roofline.py tf_efficientnet_lite0@224 tf_efficientnet_b4@320

One page at a time on one thread, random weights. The times are those of OpenVINO's counters, the fastest of all runs,
since whatever disturbs the machine makes single layers slow; multiply-adds and bytes follow from the shapes. The peak
is the best product of two matrices on one thread, the bandwidth that of a copy which does not fit into any cache. The
larger of multiply-adds / peak and bytes / bandwidth bounds a layer whose input comes from memory; small inputs come
from a cache, so that this bound is pessimistic. The last line says which fraction of the peak the network would reach
if everything but its dense convolutions took no time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from munseo._bench.prediction_bench import peak_multiply_adds
from munseo._engines.openvino_engine import FILE, write_openvino
from munseo._model import ModelCard, build_classifier

DENSE = "dense convolution"
COPIED_BYTES = 2**28


@dataclass(frozen=True)
class Layer:
    """A layer that OpenVINO executes."""

    name: str
    kind: str
    seconds: float  # the fastest of the runs
    multiply_adds: float
    num_bytes: float  # its input, weights and output once, float32


def arithmetic(model: Any) -> dict[str, tuple[str, float, float]]:
    """Return kind, multiply-adds and bytes of each convolution and matrix product of a model, by name."""
    found = {}
    for op in model.get_ops():
        if op.get_type_name() not in ("Convolution", "GroupConvolution", "MatMul"):
            continue
        source, weights = (tuple(op.input(index).get_shape()) for index in (0, 1))
        output = tuple(op.output(0).get_shape())
        if op.get_type_name() == "MatMul":
            kind, each = "matrix product", source[-1]
        elif op.get_type_name() == "GroupConvolution":
            kind, each = "depthwise convolution", prod(weights[2:])
        else:
            kind, each = ("gate" if output[-1] == 1 else DENSE), prod(weights[1:])
        numbers = prod(source) + prod(weights) + prod(output)
        found[op.get_friendly_name()] = (kind, prod(output) * each, 4.0 * numbers)
    return found


def measure(file: Path, num_runs: int) -> tuple[list[Layer], float]:
    """Return the layers that are executed for one page, and the seconds of a page without counting."""
    import openvino

    core = openvino.Core()
    model = core.read_model(file)
    shape = model.input(0).partial_shape
    shape[0] = 1
    model.reshape(shape)
    known = arithmetic(model)
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    images = np.random.default_rng(0).standard_normal(tuple(model.input(0).shape), dtype=np.float32)
    counted = core.compile_model(model, "CPU", {**settings, "PERF_COUNT": True}).create_infer_request()
    plain = core.compile_model(model, "CPU", settings).create_infer_request()
    times: dict[str, list[float]] = defaultdict(list)
    kinds: dict[str, str] = {}
    pages = []
    for number in range(num_runs + 3):
        start = time.perf_counter()
        plain.infer([images])
        pages.append(time.perf_counter() - start)
        counted.infer([images])
        for info in counted.profiling_info if number >= 3 else ():
            if info.real_time.total_seconds():
                times[info.node_name].append(info.real_time.total_seconds())
                kinds[info.node_name] = info.node_type
    layers = []
    for name, seconds in times.items():
        kind, multiply_adds, num_bytes = known.get(name, (f"other: {kinds[name]}", 0.0, 0.0))
        layers.append(Layer(name, kind, min(seconds), multiply_adds, num_bytes))
    return layers, min(pages[3:])


def bandwidth() -> float:
    """Return the bytes per second that one thread reads and writes in a copy."""
    source, target = np.ones(COPIED_BYTES // 8), np.zeros(COPIED_BYTES // 8)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - start)
    return 2 * COPIED_BYTES / min(times)


def line(name: str, layers: Sequence[Layer], total: float, peak: float, rate: float) -> str:
    seconds = sum(layer.seconds for layer in layers)
    adds = sum(layer.multiply_adds for layer in layers)
    moved = sum(layer.num_bytes for layer in layers)
    bound = sum(max(layer.multiply_adds / peak, layer.num_bytes / rate) for layer in layers)
    cells = (name, len(layers), f"{1e3 * seconds:.2f}", f"{seconds / total:.0%}", f"{adds / 1e6:.1f}")
    rates = (f"{adds / seconds / peak:.0%}", f"{moved / seconds / 1e9:.1f}", f"{bound / seconds:.0%}")
    return "| " + " | ".join(map(str, (*cells, *rates))) + " |"


def show(model: str, num_runs: int, num_layers: int) -> None:
    name, _, size = model.partition("@")
    classes = tuple(str(number) for number in range(17))
    torch.manual_seed(0)
    network = build_classifier(ModelCard(name, classes, classes, int(size), (0.5,) * 3, (0.5,) * 3))[0].network
    with tempfile.TemporaryDirectory() as folder:
        write_openvino(network, int(size), Path(folder))
        layers, page = measure(Path(folder) / FILE, num_runs)
    with threadpool_limits(1):  # NumPy has threads of its own
        peak, rate = peak_multiply_adds(1.0), bandwidth()
    total = sum(layer.seconds for layer in layers)
    print(
        f"\n{model}: {1e3 * page:.1f} ms a page, counted {1e3 * total:.1f} ms; peak {peak / 1e9:.1f} G multiply-adds "
    )
    print(f"a second, copies {rate / 1e9:.1f} GB/s, one thread\n")
    columns = ("", "layers", "ms", "of the time", "M multiply-adds", "of the peak", "GB/s", "bound / time")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    groups: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        groups[layer.kind].append(layer)
    for kind, own in sorted(groups.items(), key=lambda pair: -sum(layer.seconds for layer in pair[1])):
        print(line(kind, own, total, peak, rate))
    print(line("all", layers, total, peak, rate))
    for layer in sorted(layers, key=lambda layer: -layer.seconds)[:num_layers]:
        print(line(f"{layer.kind}, {layer.name[-50:]}", [layer], total, peak, rate))
    all_adds = sum(layer.multiply_adds for layer in layers)
    dense = sum(layer.seconds for layer in groups[DENSE])
    print(f"\n{all_adds / total / peak:.0%} of the peak; {all_adds / dense / peak:.0%} if all but dense took no time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--layers", type=int, default=0, help="also show so many of the slowest layers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for model in options.models:
        show(model, options.runs, options.layers)


if __name__ == "__main__":
    main()
