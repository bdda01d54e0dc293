"""Compare eager PyTorch with the exported engines on this machine's processor: random weights, random pages.

    python benchmarks/predict_engines.py --models tf_efficientnet_lite0@224 tf_efficientnet_b4@320 --json engines.json

In each of 5 rounds every engine is measured once. Speed does not depend on the weights; the loss of INT8 does, so it is
judged on a trained run: `munseo export RUN --format openvino --int8`, and `munseo bench predict RUN`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from munseo._bench.prediction_bench import BASELINE, COLUMNS, DefaultLayout, bench_backends, table_rows
from munseo._engines import ENGINES
from munseo._engines.graph import write_onnx
from munseo._export.quantizer import SCHEMES, quantise
from munseo._model import Classifier, ModelCard, build_classifier
from munseo._model.multiply_adds import multiply_adds

NUM_CALIBRATION = 16


def make_card(model: str) -> ModelCard:
    name, _, size = model.partition("@")
    classes = tuple(str(number) for number in range(17))
    return ModelCard(name, classes, classes, int(size), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def make_classifiers(card: ModelCard, folder: Path, int8: bool) -> dict[str, Classifier]:
    """Build torch in both memory layouts, and every engine; INT8 with each quantisation scheme."""
    torch.manual_seed(0)
    classifier, _ = build_classifier(card)
    usual, _ = build_classifier(card)
    usual.load_state_dict(classifier.state_dict())
    found = {BASELINE: Classifier(DefaultLayout(usual.network), card).eval(), "torch": classifier.eval()}
    graph = folder / "full.onnx"
    if int8:
        write_onnx(classifier.network, card.image_size, graph)
    classifier.to(memory_format=torch.channels_last)
    generator = np.random.default_rng(0)
    shape = (NUM_CALIBRATION // 4, 3, card.image_size, card.image_size)
    batches = [generator.uniform(-1, 1, shape).astype(np.float32) for _ in range(4)]
    for engine in ENGINES.values():
        for number, scheme in enumerate((None, *SCHEMES) if int8 else (None,)):
            export = folder / f"{engine.name}{number}"
            export.mkdir()
            source = export / "source.onnx"
            if scheme is None:
                engine.write(classifier.network, card.image_size, export)
                classifier.to(memory_format=torch.channels_last)
            else:
                quantise(graph, source, batches, scheme, engine)
                engine.convert(source, export)
            name = engine.name if scheme is None else f"{engine.name}-int8, {scheme.name}"
            found[name] = Classifier(engine.open(export, torch.get_num_threads()), card).eval()
    return found


def measure(model: str, options: argparse.Namespace) -> dict[str, Any]:
    card = make_card(model)
    with tempfile.TemporaryDirectory() as folder:
        classifiers = make_classifiers(card, Path(folder), options.int8)
        pages = torch.randint(0, 256, (max(options.batches), card.image_size, card.image_size, 3), dtype=torch.uint8)
        needed = multiply_adds(build_classifier(card)[0].network, card.image_size)
        rows, peak = bench_backends(classifiers, pages, options.batches, options.seconds, needed)
    return {"model": model, "multiply_adds": needed, "peak_multiply_adds": peak, "backends": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["tf_efficientnet_lite0@224", "tf_efficientnet_b4@320"])
    parser.add_argument("--batches", nargs="+", type=int, default=[16])
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement; each is made 5 times")
    parser.add_argument("--threads", type=int, default=None, help="default: as torch chooses")
    parser.add_argument("--no-int8", dest="int8", action="store_false")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    versions = {name: metadata.version(name) for name in ("torch", "onnxruntime", "openvino", "numpy")}
    found = {"num_threads": torch.get_num_threads(), "versions": versions, "models": []}
    print(f"{torch.get_num_threads()} threads, {versions}")
    for model in options.models:
        result = measure(model, options)
        found["models"].append(result)
        needed, peak = (result[name] / 1e9 for name in ("multiply_adds", "peak_multiply_adds"))
        print(f"\n{model}: {needed:.2f} G multiply-adds a page, peak {peak:.1f} G a second\n" + " | ".join(COLUMNS[:7]))
        for row in table_rows(result):
            print(" | ".join(row[:7]))
        sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
