"""Measure whether time grows linearly, and memory not at all, with the number of images.

    python benchmarks/growth.py                              # 1,000, 10,000 and 100,000 images, a tiny model
    python benchmarks/growth.py --sizes 1000 5000 --run runs/2507… --json growth.json

Each size is measured in a separate process: bulk prediction to parquet, and one epoch of the training input (decode,
resize, augment, collate; no cache, no model). The images are hard links to a few generated pages, so that the disk is
not measured. The first thousand are processed once before the clock starts, so that libraries are loaded and buffers
are full; peak memory counts from the start of the process. Small sizes take seconds, in which a machine's speed may
vary: they are measured again in every round, and medians are reported.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

NUM_DISTINCT = 68
NUM_WARM = 1000
MODEL = "test_efficientnet.r160_in1k"
CONFIG = ["image_size=64", "device=cpu", "cache=false", "augmentation.eda=true"]


def make_pages(folder: Path, longest_side_px: int) -> list[Path]:
    from munseo import _synth as specimens

    specimens.generate(folder, num_train=NUM_DISTINCT, num_test=1, longest_side_px=longest_side_px, num_workers=1)
    return sorted((folder / "train").iterdir())


def make_data(folder: Path, pages: list[Path], num_images: int) -> Path:
    """Make a data folder of links, and one with the first images for warming up."""
    for name, count in (("all", num_images), ("warm", min(NUM_WARM, num_images))):
        (folder / name / "train").mkdir(parents=True)
        lines = ["ID,target\n"]
        for number in range(count):
            page = pages[number % len(pages)]
            file = folder / name / "train" / f"{number:07d}.jpg"
            os.link(page, file)
            lines.append(f"{file.name},{number % 17}\n")
        (folder / name / "train.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def make_run(folder: Path) -> Path:
    """Make a run of a tiny model with random weights; its predictions do not matter here."""
    from munseo._config import dump_config, load_config
    from munseo._model import ModelCard, build_classifier
    from munseo._run import RunFolder
    from munseo._run.atomic import write_json
    from munseo._training.callbacks import save_weights

    (folder / "empty.yaml").parent.mkdir(parents=True, exist_ok=True)
    (folder / "empty.yaml").write_text("{}\n", encoding="utf-8")
    config = load_config(folder / "empty.yaml", [f"model_name={MODEL}", "pretrained=false", *CONFIG])
    run = RunFolder(folder / "run")
    run.path.mkdir()
    names = tuple(f"class{number}" for number in range(17))
    card = ModelCard(MODEL, names, names, config.image_size, (0.5,) * 3, (0.5,) * 3)
    classifier, _ = build_classifier(card)
    run.config_file.write_text(dump_config(config), encoding="utf-8")
    run.update_manifest(name="growth")
    write_json(run.model_file, card.to_dict())
    save_weights(classifier.network, run.weights_file)
    return run.path


def predict_all(folder: Path, run: Path) -> None:
    from munseo import predict

    predict(run, [folder / "train"], folder / "out.parquet", device="cpu", quiet=True)


def load_all(folder: Path, run: Path) -> None:
    """Load one epoch of training batches."""
    import torch
    from torch.utils.data import DataLoader

    from munseo._data import load_pages
    from munseo._prediction.device import choose_workers
    from munseo._run import open_run
    from munseo._training.hardware import Hardware
    from munseo._training.sampler import EpochBatches
    from munseo._training.training_pages import AugmentationPlan, TrainingPages, list_samples

    config = open_run(run).read_config()
    pages = load_pages(folder).train
    samples = list_samples(len(pages), [], 0)
    batch_size = config.batch_size if isinstance(config.batch_size, int) else 32
    device = torch.device("cpu")
    hardware = Hardware(device, "32-true", batch_size, batch_size, choose_workers(config.num_workers, device), 1)
    dataset = TrainingPages(pages, samples, AugmentationPlan(config), config)
    loader = DataLoader(dataset, batch_sampler=EpochBatches(len(samples), batch_size, 0), **hardware.loading)
    num_images = sum(len(batch.images) for batch in loader)
    assert num_images >= len(pages) - 1


MEASURED = {"prediction": predict_all, "training input": load_all}


def peak_bytes() -> int:
    """Return the peak of this process's resident memory since its start."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(kind: str, folder: Path, run: Path) -> dict[str, float]:
    MEASURED[kind](folder / "warm", run)
    start = time.perf_counter()
    MEASURED[kind](folder / "all", run)
    return {"seconds": time.perf_counter() - start, "peak_bytes": peak_bytes()}


def in_own_process(*words: str | Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, *map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(results: dict[str, dict[int, dict[str, float]]]) -> str:
    lines = ["| what | images | ms an image | against the smallest | peak memory | against the smallest |"]
    lines.append("|---|---|---|---|---|---|")
    for kind, sizes in results.items():
        first = min(sizes)
        for size, found in sizes.items():
            each, each_first = found["seconds"] / size, sizes[first]["seconds"] / first
            peak, peak_first = found["peak_bytes"], sizes[first]["peak_bytes"]
            time_change, peak_change = each / each_first - 1, peak / peak_first - 1
            lines.append(
                f"| {kind} | {size:,} | {each * 1000:.2f} | {time_change:+.1%} | {peak / 2**20:.0f} MiB "
                f"| {peak_change:+.1%} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5, help="for all sizes but the largest, which has a single one")
    parser.add_argument("--run", type=Path, help="a run folder; default: a tiny model with random weights")
    parser.add_argument("--longest-side", type=int, default=640, help="longest side of the images, px")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--measure", nargs=3, metavar=("KIND", "FOLDER", "RUN"), help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, metavar=("FOLDER", "SIDE"), help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        print(json.dumps(measure(words.measure[0], Path(words.measure[1]), Path(words.measure[2]))))
        return
    if words.make:
        make_pages(Path(words.make[0]) / "pages", int(words.make[1]))
        print(json.dumps({"run": str(make_run(Path(words.make[0])))}))
        return
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        # Also in a separate process, so that this one stays small and its children start small.
        in_own_process("--make", work, str(words.longest_side))
        pages = sorted((work / "pages" / "train").iterdir())
        run = words.run or work / "run"
        found: dict[str, dict[int, list[dict[str, float]]]] = {
            kind: {size: [] for size in words.sizes} for kind in MEASURED
        }
        for round_number in range(words.rounds):
            for size in words.sizes:
                # The largest size takes as long as all rounds of the others, and averages over minutes anyway.
                if size == max(words.sizes) and round_number != words.rounds // 2:
                    continue
                folder = make_data(work / str(size), pages, size)
                for kind in MEASURED:
                    found[kind][size].append(in_own_process("--measure", kind, folder, run))
                    print(f"{kind}, {size:,} images: {found[kind][size][-1]}", file=sys.stderr)
                shutil.rmtree(folder)
    results = {
        kind: {size: {key: median(row[key] for row in rounds) for key in rounds[0]} for size, rounds in sizes.items()}
        for kind, sizes in found.items()
    }
    print(table(results))
    if words.json:
        words.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
