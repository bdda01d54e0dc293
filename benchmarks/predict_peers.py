"""Compare `munseo predict` with timm and Hugging Face's pipeline on a run's weights, from the prompt to the CSV.

    python benchmarks/predict_peers.py RUN data/rvl5/test --rounds 3
    python benchmarks/predict_peers.py RUN data/rvl5/test --rounds 3 --envs envs

The peers predict one view of each page in batches of 32, as their guides show; Munseo does the same (``--no-tta
--no-second-look``), by itself and with ``--backend torch``. Contenders take turns, each in a new process. In the first
round Munseo makes its engine, if there is enough work for it. Peers crop and resize otherwise, so decisions differ on
some pages; the table shows on how many. transformers is installed by pip into a temporary environment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from peers import SCRIPTS, Contender, find_interpreters

TIMM = Contender("classify_timm", "timm, a script")
PIPELINE = Contender("classify_pipeline", 'Hugging Face, `pipeline("image-classification")`', ("transformers",))


def commands(run: Path, images: Path, pythons: dict[Contender, Path]) -> dict[str, list[str]]:
    """Return the command of each contender, without the name of its table."""
    munseo = [sys.executable, "-m", "munseo", "predict", str(run), str(images), "--no-tta", "--no-second-look"]
    found = {"Munseo": munseo, "Munseo, `--backend torch`": [*munseo, "--backend", "torch"]}
    given = ["--weights", str(run / "weights.safetensors"), "--card", str(run / "model.json"), "--images", str(images)]
    for contender, python in pythons.items():
        found[contender.name] = [str(python), str(SCRIPTS / f"{contender.key}.py"), *given]
    return found


def timed(command: list[str], table: Path) -> tuple[float, float, float]:
    """Run a command; return its seconds, its seconds of the processor and its peak memory in MiB."""
    quiet = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    start = time.perf_counter()
    process = subprocess.Popen([*command, "-o", str(table)], env={**os.environ, **quiet}, stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)}: failed")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--envs", type=Path, default=None, help="keep the environments in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run = Path(shutil.copytree(options.run, work / "run"))
        pythons, missing = find_interpreters([TIMM, PIPELINE], options.envs or work / "envs")
        times: dict[str, list[tuple[float, float, float]]] = {}
        for number in range(options.rounds):
            for index, (name, command) in enumerate(commands(run, options.images.resolve(), pythons).items()):
                times.setdefault(name, []).append(timed(command, work / f"{index}.csv"))
                print(f"round {number + 1}: {name}: {times[name][-1][0]:.1f} s", file=sys.stderr, flush=True)
        tables = [
            pd.read_csv(work / f"{index}.csv", dtype=str).set_index("ID")["target"] for index in range(len(times))
        ]
    columns = ("", "s", "first round, s", "× Munseo", "processor, s", "memory, MiB", "same decision")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    ours = next(iter(times.values()))
    for (name, own), table in zip(times.items(), tables, strict=True):
        wall, cpu, memory = (statistics.median(column) for column in zip(*own, strict=True))
        ratio = statistics.median(a[0] / b[0] for a, b in zip(own, ours, strict=True))
        same = int((table.reindex(tables[0].index) == tables[0]).sum())
        figures = f"{wall:.1f} | {own[0][0]:.1f} | {ratio:.2f} | {cpu:.0f} | {memory:.0f} | {same} of {len(table)}"
        print(f"| {name} | {figures} |")
    for name, reason in missing.items():
        print(f"| {name} | {reason} | | | | | |")


if __name__ == "__main__":
    main()
