"""Measure how long it takes to join predictions to a CSV, a workbook and a parquet file, and the memory that it takes.

    python benchmarks/prediction_tables.py                        # 100,000 pages, 17 classes
    python benchmarks/prediction_tables.py --pages 1200000        # more than a sheet has rows
    python benchmarks/prediction_tables.py --proba                # with a column for each class

The parts are made first, as a prediction leaves them, without a model. Each kind of table is joined in a process of its
own; memory is the peak above that before joining.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENDINGS = (".parquet", ".csv", ".xlsx")


def make_parts(output: Path, num_pages: int, num_classes: int, proba: bool) -> None:
    import numpy as np

    from munseo._data.stream import StreamedPage
    from munseo._model import ModelCard
    from munseo._prediction.bulk import ROWS_A_PART
    from munseo._prediction.parts_folder import PartsFolder, Shard
    from munseo._prediction.prediction_rows import PredictionRows

    names = [f"보험금 청구서 {number}" for number in range(num_classes)]
    card = ModelCard(
        model_name="none", image_size=64, norm_mean=(0, 0, 0), norm_std=(1, 1, 1), class_names=names,
        class_targets=[str(number) for number in range(num_classes)],
    )  # fmt: skip
    rows = PredictionRows(card, Shard(), proba, needs_person_below=0.9, keeps_raw=output.suffix != ".parquet")
    folder = PartsFolder.of(output, Shard())
    folder.path.mkdir(parents=True)
    folder.write_plan({"num_own": num_pages, "settings": {"needs_person_below": 0.9}})
    draws = np.random.default_rng(0)
    for number, first in enumerate(range(0, num_pages, ROWS_A_PART)):
        after = min(first + ROWS_A_PART, num_pages)
        pages = [
            StreamedPage(k, f"2026/스캔 {k:08d}.jpg", f"/data/inbox/2026/스캔 {k:08d}.jpg", None, None, is_last=True)
            for k in range(first, after)
        ]
        probabilities = draws.dirichlet(np.full(num_classes, 0.1), after - first).astype(np.float32)
        folder.write_part(number, rows.table(pages, probabilities, probabilities), first, after)


def measure(output: Path) -> None:
    import resource

    from munseo._console import quietly
    from munseo._prediction.joined_parts import join_parts

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, worked = time.perf_counter(), time.process_time()
    with quietly():
        joined = join_parts(output)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = output.stat().st_size / 1e6
    print(f"| {output.suffix} | {joined.num_rows:,} | {seconds:.1f} | {cpu:.1f} | {mib:.0f} MiB | {size:.1f} MB |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=17)
    parser.add_argument("--proba", action="store_true")
    parser.add_argument("--join", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.join:
        measure(options.join)
        return
    print(
        "| table | pages | s | s of the processor | peak memory above before | size |\n|---|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        for ending in ENDINGS:
            output = Path(folder) / f"o{ending}"
            make_parts(output, options.pages, options.classes, options.proba)
            subprocess.run([sys.executable, __file__, "--join", str(output)], check=True)


if __name__ == "__main__":
    main()
