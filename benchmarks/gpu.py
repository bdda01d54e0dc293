"""Measure how fast Munseo trains and predicts on one NVIDIA GPU, and whether the input keeps up with it.

    python benchmarks/gpu.py                                    # B4 at 320 px, batches of 64, 128 and 256, bf16
    python benchmarks/gpu.py --data data/rvl5 --workers 4 8 16 --json gpu.json
    python benchmarks/gpu.py --reduced                          # seconds on a processor: does the script run?

It measures the bare step of the model on a batch that stays on the device, and the step of ``munseo train`` with the
``eda`` policy, by batch, memory layout and ``torch.compile``; the input by itself and both together by loader workers;
prediction by itself and from files. Medians are taken over rounds in which bare steps and training take turns. Without
``--data``, pages are generated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import timm
import torch

from munseo import _synth as specimens
from munseo._bench.input_pipeline import fixed_batch, pipeline_rate
from munseo._bench.step_rate import BareStep, training_rate
from munseo._config import Config
from munseo._console import quietly
from munseo._cores import num_cores
from munseo._data import Page
from munseo._prediction import predict_pages
from munseo._prediction.device import autocast
from munseo._training import Collection, collect, make_splits
from munseo._training.hardware import device_name
from munseo._training.module import PageClassifier
from munseo._training.training_run import build_module, make_card

REDUCED = {
    "model": "test_efficientnet.r160_in1k", "size": 64, "batches": [4, 8], "workers": [0, 1], "steps": 2, "rounds": 1,
    "pages": 68, "seconds": 0.2, "device": "cpu", "backend": "eager",
    "threads": 1,
}  # fmt: skip
MIB = 2**20


@dataclass(frozen=True)
class Cell:
    """A way to run the model."""

    batch: int
    channels_last: bool
    compiled: bool


def list_cells(batches: list[int]) -> list[Cell]:
    ways = ((False, False), (True, False), (True, True))
    return [Cell(batch, *way) for batch in batches for way in ways]


def make_config(options: argparse.Namespace, cell: Cell) -> Config:
    return Config.model_validate(
        {
            "model_name": options.model, "pretrained": False, "image_size": options.size, "batch_size": cell.batch,
            "channels_last": cell.channels_last, "augmentation": {"eda": True}, "mixed_precision": True,
            "data_dir": options.data, "shift": "none", "device": options.device, "stratify": False,
            "num_threads": options.threads,
        }
    )  # fmt: skip


def make_module(options: argparse.Namespace, collection: Collection, cell: Cell) -> PageClassifier:
    """Build the module of a run on the device."""
    config = make_config(options, cell)
    module, _ = build_module(config, make_card(config, collection.pages), make_splits(config, collection)[0])
    if cell.compiled:
        torch.compiler.reset()  # so that this batch is compiled separately, not as one of several shapes
        module.compiled = torch.compile(module.classifier.forward, backend=options.backend)
    return module.to(module.hardware.device)


def measure_cell(options: argparse.Namespace, collection: Collection, cell: Cell) -> dict[str, Any]:
    """Measure bare steps and training in turns; ``fits`` is false if the memory is too small."""
    on_gpu = options.device == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        module = make_module(options, collection, cell)
        bare_step = BareStep(module, fixed_batch(module))
        turns = [(bare_step.rate(options.steps), training_rate(module, options.steps)) for _ in range(options.rounds)]
    except torch.cuda.OutOfMemoryError:
        return {**asdict(cell), "fits": False}
    return {
        **asdict(cell),
        "fits": True,
        "bare_images_per_s": statistics.median(bare for bare, _ in turns),
        "training_images_per_s": statistics.median(training for _, training in turns),
        "ratio": statistics.median(training / bare for bare, training in turns),
        "peak_gpu_bytes": torch.cuda.max_memory_allocated() if on_gpu else None,
        "precision": module.hardware.precision,
    }


def measure_workers(options: argparse.Namespace, module: PageClassifier, count: int) -> dict[str, Any]:
    """Measure the input by itself and with the model, for a number of loader workers."""
    module.hardware = replace(module.hardware, num_workers=count)
    rounds = range(options.rounds)
    return {
        "workers": count,
        "input_images_per_s": statistics.median(pipeline_rate(module, count, options.seconds) for _ in rounds),
        "training_images_per_s": statistics.median(training_rate(module, options.steps) for _ in rounds),
    }


def measure_prediction(options: argparse.Namespace, module: PageClassifier, batch: int) -> dict[str, Any]:
    """Measure forward passes on a batch that stays on the device, and pages from files to probabilities."""
    classifier, settings = module.classifier, replace(module.hardware.settings, batch_size=batch)
    classifier.to(settings.device).eval()
    images = torch.zeros(batch, options.size, options.size, 3, dtype=torch.uint8, device=settings.device)
    pages = [Page(page.id, page.path, None) for page in module.split.train]
    pages = (pages * (1 + options.steps * batch // len(pages)))[: options.steps * batch]
    bare, whole = [], []
    predict_pages(classifier, pages[:batch], settings)
    for _ in range(options.rounds):
        started = now()
        with torch.inference_mode(), autocast(settings.precision, settings.device):
            for _ in range(options.steps):
                classifier(classifier.prepare(images))
        bare.append(len(pages) / (now() - started))
        started = now()
        predict_pages(classifier, pages, settings)
        whole.append(len(pages) / (now() - started))
    medians = {"bare_images_per_s": statistics.median(bare), "prediction_images_per_s": statistics.median(whole)}
    return {"batch": batch, **medians}


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything; every figure is a median in images per second."""
    collection = collect(make_config(options, Cell(1, True, False)))
    found: dict[str, Any] = {"cells": [], "workers": [], "prediction": []}
    cells = found["cells"]
    for cell in list_cells(options.batches):
        cells.append(measure_cell(options, collection, cell))
        keep(options, cells[-1], found)
    fitting = [row for row in cells if row["fits"]]
    if not fitting:
        sys.exit(f"no batch of {options.batches} fits into the memory")
    fastest = max(fitting, key=lambda row: row["bare_images_per_s"])
    best = Cell(fastest["batch"], fastest["channels_last"], fastest["compiled"])
    module = make_module(options, collection, best)
    found["workers_at"] = asdict(best)
    for count in options.workers:
        found["workers"].append(measure_workers(options, module, count))
        keep(options, found["workers"][-1], found)
    for batch in sorted({row["batch"] for row in fitting}):
        found["prediction"].append(measure_prediction(options, module, batch))
        keep(options, found["prediction"][-1], found)
    return found


def keep(options: argparse.Namespace, row: dict[str, Any], found: dict[str, Any]) -> None:
    """Print the newest row and write all rows: GPU time may end before the last measurement."""
    print(row, file=sys.stderr, flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


def to_markdown(options: argparse.Namespace, found: dict[str, Any]) -> str:
    """Return three tables: variants of the model, loader workers, prediction."""
    device = torch.device(options.device)
    precision = next(row["precision"] for row in found["cells"] if row["fits"])
    title = (
        f"{device_name(device)}, {num_cores()} cores, torch {torch.__version__}, timm {timm.__version__}; "
        f"{options.model} at {options.size} px, {precision}, median of {options.rounds} rounds of {options.steps} steps"
    )
    head = ["batch", "layout", "compile", "bare step, images/s", "training, images/s", "ratio", "peak GPU memory, MiB"]
    rows = []
    for row in found["cells"]:
        way = [row["batch"], "channels_last" if row["channels_last"] else "default", "on" if row["compiled"] else "off"]
        if not row["fits"]:
            rows.append([*way, "does not fit", "", "", ""])
            continue
        peak = "" if row["peak_gpu_bytes"] is None else f"{row['peak_gpu_bytes'] / MIB:.0f}"
        rates = [f"{row[key]:.1f}" for key in ("bare_images_per_s", "training_images_per_s")]
        rows.append([*way, *rates, f"{row['ratio']:.2f}", peak])
    fed = [[row["workers"], *(f"{value:.1f}" for value in list(row.values())[1:])] for row in found["workers"]]
    predicted = [[row["batch"], *(f"{value:.1f}" for value in list(row.values())[1:])] for row in found["prediction"]]
    at = found["workers_at"]
    return (
        f"{title}\n\n{table(head, rows)}\n"
        f"Batch {at['batch']}, the fastest way of these, by loader workers:\n\n"
        f"{table(['workers', 'input alone, images/s', 'training, images/s'], fed)}\n"
        f"{table(['batch', 'forward alone, images/s', 'prediction from files, images/s'], predicted)}"
    )


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


@contextmanager
def data_folder(options: argparse.Namespace) -> Iterator[Path]:
    """Yield the given folder, or generated pages that are deleted afterwards."""
    if options.data:
        yield options.data
        return
    with tempfile.TemporaryDirectory() as temporary:
        workers = 1 if options.reduced else None
        yield specimens.generate(Path(temporary) / "pages", num_train=options.pages, num_test=17, num_workers=workers)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="data folder as for munseo train; default: generated pages")
    parser.add_argument("--model", default="efficientnet_b4.ra2_in1k", help="a timm model")
    parser.add_argument("--size", type=int, default=320, help="px (default 320)")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--steps", type=int, default=30, help="timed steps of a measurement (default 30)")
    parser.add_argument("--rounds", type=int, default=5, help="(default 5)")
    parser.add_argument("--pages", type=int, default=4000, help="pages to generate (default 4000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement of the input (default 5)")
    parser.add_argument("--reduced", action="store_true", help="a tiny model on the processor, not really compiled")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.set_defaults(device="cuda", backend="inductor", threads="auto")
    options = parser.parse_args()
    if options.reduced:
        vars(options).update(REDUCED)
    elif not torch.cuda.is_available():
        parser.error("torch finds no NVIDIA GPU here; --reduced tries the script out on the processor")
    return options


def main() -> None:
    options = parse()
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
    with quietly(), data_folder(options) as options.data:
        found = measure(options)
    print(to_markdown(options, found))


if __name__ == "__main__":
    main()
