"""Reading pages as files, from archives and from parquet tables: time a page in order and at random, and peak memory.

    python benchmarks/contained_pages.py [--pages 2000] [--kilobytes 100]

Each container is read in a process of its own, in turns, and the best of three turns counts. The pages are drawn bytes
with the start of a JPEG, which are not decoded: the figures are what a container adds to decoding.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.decoder import read_bytes
from munseo._data.layout import load_pages

TURNS = 3
CONTAINERS = ("files", "tar", "zip", "parquet, 100 rows in a group", "parquet, one group")


def draw_pages(number: int, kilobytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield names in folders of two classes, and contents."""
    for index in range(number):
        yield f"{'ab'[index % 2]}/{index:06}.jpg", b"\xff\xd8\xff\xe0" + os.urandom(kilobytes * 1000)


def write_all(home: Path, number: int, kilobytes: int) -> None:
    """Write the same pages in every container, each in a data folder of its own."""
    folders = {name: home / str(place) for place, name in enumerate(CONTAINERS)}
    for folder in folders.values():
        folder.mkdir()
    rows = []
    with (
        tarfile.open(folders["tar"] / "train.tar", "w") as tar,
        zipfile.ZipFile(folders["zip"] / "train.zip", "w") as archive,
    ):
        for name, data in draw_pages(number, kilobytes):
            file = folders["files"] / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            tar.add(file, name)
            archive.write(file, name)
            rows.append({"image": {"bytes": data, "path": name}, "label": name[0]})
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folders["parquet, 100 rows in a group"] / "train.parquet", row_group_size=100)
    pq.write_table(table, folders["parquet, one group"] / "train.parquet")


def measure(folder: Path) -> dict[str, float]:
    """Return milliseconds to list and to read a page, and what the process grew by at most, in MB."""
    start = time.perf_counter()
    pages = load_pages(folder).train
    listed = time.perf_counter() - start
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    for page in pages:
        read_bytes(page.path)
    in_order = time.perf_counter() - start
    chosen = np.random.default_rng(0).permutation(len(pages))[:200]
    start = time.perf_counter()
    for index in chosen:
        read_bytes(pages[index].path)
    at_random = time.perf_counter() - start
    peak = peak_memory()
    count = len(pages)
    return {
        "list": listed / count * 1e3,
        "in order": in_order / count * 1e3,
        "at random": at_random / len(chosen) * 1e3,
        "MB": (peak - before) / 1e6,
    }


def peak_memory() -> int:
    """Return the most bytes that this process has held; ``ru_maxrss`` would count those of the parent too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--kilobytes", type=int, default=100)
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure is not None:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        write_all(home, options.pages, options.kilobytes)
        turns: dict[str, list[dict[str, float]]] = {name: [] for name in CONTAINERS}
        for _ in range(TURNS):
            for place, name in enumerate(CONTAINERS):
                command = [sys.executable, __file__, "--measure", str(home / str(place))]
                turns[name].append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
        for name, found in turns.items():
            best = {key: min(turn[key] for turn in found) for key in found[0]}
            print(f"{name:30}", "  ".join(f"{key} {value:8.3f}" for key, value in best.items()))


if __name__ == "__main__":
    main()
