"""Compare two builds of Munseo on the same commands: time, processor time and memory, in alternating rounds.

    python benchmarks/builds.py --against OTHER/bin/python --only start --rounds 5
    python benchmarks/builds.py --against OTHER/bin/python --only first_step first_step_again --data data/rvl5
    python benchmarks/builds.py --against OTHER/bin/python --only predict --run RUN --data data/rvl5
    python benchmarks/builds.py --against OTHER/bin/python --only predict --run RUN --data data/rvl5 --busy 2
    python benchmarks/builds.py --against OTHER/bin/python --only judging --run RUN --data data/rvl5 --rounds 5
    python benchmarks/builds.py --against OTHER/bin/python --only demo --rounds 5

``OTHER/bin/python`` is the interpreter of an environment in which the other build is installed; the script runs in
this build's environment. In each round every command is run once by each build, and the build that begins changes from
round to round. Figures are medians over the rounds, and ratios are medians of the ratios within a round. Each command
works in a new folder. With ``--busy N`` it is also run beside N processes that never sleep. What the commands wrote is
compared afterwards where a workload has a comparison.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

BURN = "while True: pass"
BEFORE_THE_FIRST_STEP = "torch.compile:"
"""What ``munseo train`` prints last before it starts to train."""
NO_RUN = "there-is-no-such-run"


@dataclass(frozen=True)
class Task:
    """What the commands work on.

    Attributes:
        run: A finished run that both builds can read.
        data: The folder of rvl5.
    """

    run: Path | None
    data: Path | None

    def need_run(self) -> Path:
        """Return the run; a workload without it cannot be measured."""
        if self.run is None:
            sys.exit("--run is needed: a finished run that both builds can read")
        return self.run.resolve()

    def need_data(self) -> Path:
        """Return the folder of rvl5."""
        if self.data is None:
            sys.exit("--data is needed: the folder of rvl5")
        return self.data.resolve()


Prepare = Callable[[Task, Path], list[str]]
"""A function that makes what a command needs in its new working folder, and returns the words after ``munseo``."""
Compare = Callable[[Path, Path], str]
"""A function that compares the working folders of the other build and of this one, and says what it found."""


@dataclass(frozen=True)
class Workload:
    """A command line that is measured.

    Attributes:
        prepare: Makes the working folder.
        compare: Compares what both builds wrote; None: nothing is compared.
        exit_code: What the command must end with.
        until: The beginning of a line of output at which the clock stops; the command is then ended.
        again: Whether the command is run before, in the same folder and with the same cache.
    """

    prepare: Prepare
    compare: Compare | None = None
    exit_code: int = 0
    until: str | None = None
    again: bool = False


@dataclass(frozen=True)
class Measurement:
    """One run of a command: seconds by the clock, seconds of the processor and peak memory, children included."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def _words(*words: str) -> Prepare:
    return lambda task, folder: list(words)


def _runs(task: Task, folder: Path) -> list[str]:
    run = task.need_run()
    (folder / "runs").mkdir()
    (folder / "runs" / run.name).symlink_to(run)
    return ["runs", "runs"]


def _predict(task: Task, folder: Path) -> list[str]:
    """Prepare the prediction of the test pages of rvl5 by a copy of the run, as it was after its training."""
    shutil.copytree(task.need_run(), folder / "run")
    return ["predict", "run", str(task.need_data() / "test"), "-o", "predictions.csv"]


def _train(task: Task, folder: Path) -> list[str]:
    """Prepare a training on rvl5."""
    return ["train", "rvl5", f"data_dir={task.need_data()}", "device=cpu"]


def _same_decisions(old: Path, new: Path) -> str:
    tables = [pd.read_csv(folder / "predictions.csv").set_index("ID") for folder in (old, new)]
    joined = tables[0].merge(tables[1], how="outer", left_index=True, right_index=True, suffixes=("_old", "_new"))
    return f"{int((joined['target_old'] == joined['target_new']).sum())} of {len(joined)} decisions are the same"


JUDGED = ("results.json", "report.html", "report.ko.html", "report.md", "report.ko.md", "scores.json")
"""Files of a run that say that it was judged."""


def _judging(task: Task, folder: Path) -> list[str]:
    """Prepare a copy of the run as it was after its last epoch: to continue it is to judge it and to report."""
    run = folder / "run"
    shutil.copytree(task.need_run(), run)
    for path in (*run.glob("*_predictions.parquet"), *run.glob("*.expected.json"), *(run / name for name in JUDGED)):
        path.unlink(missing_ok=True)
    for name in ("measured", "gallery", "robustness", "export"):
        shutil.rmtree(run / name, ignore_errors=True)
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    kept = {key: value for key, value in manifest.items() if key not in ("fingerprints", "finished", "sha256")}
    (run / "manifest.json").write_text(json.dumps({**kept, "status": "running"}), encoding="utf-8")
    return ["resume", "run"] if task.data is None else ["resume", "run", "--data", str(task.need_data())]


def _same_judgement(old: Path, new: Path) -> str:
    """Compare the tables and the statements of two judgements, and the seconds from the start of judging to its end."""
    runs = [next(path.parent for path in folder.rglob("results.json")) for folder in (old, new)]
    words = []
    for name in ("val", "shifted", "view", "damage"):
        tables = [pd.read_parquet(run / f"{name}_predictions.parquet").filter(regex="^p_") for run in runs]
        difference = (tables[0] - tables[1]).abs().to_numpy().max()
        same = (tables[0].to_numpy().argmax(axis=1) == tables[1].to_numpy().argmax(axis=1)).sum()
        words.append(
            f"{name} tables differ by {difference:.2g} at most, {same} of {len(tables[0])} decisions are equal"
        )
    results = [json.loads((run / "results.json").read_text(encoding="utf-8")) for run in runs]
    decisions = [_decisions_of(result) for result in results]
    differing = [key for key in decisions[0] if decisions[0][key] != decisions[1].get(key)]
    words.append(f"of {len(decisions[0])} statements differ: {', '.join(differing) or 'none'}")
    seconds = [(run / "results.json").stat().st_mtime - _judging_began(run) for run in runs]
    words.append(f"judging took {seconds[0]:.1f} and {seconds[1]:.1f} s, ratio {seconds[1] / seconds[0]:.2f}")
    return "; ".join(words)


def _judging_began(run: Path) -> float:
    """Return when a run had its last weights or, if it was only continued, when the model was about to be loaded."""
    files = [run / name for name in ("augmentation_samples.png", "state.ckpt", "timing.csv")]
    return max(file.stat().st_mtime for file in files if file.exists())


def _decisions_of(results: dict[str, Any]) -> dict[str, Any]:
    """Return what a run's results decide or state, rounded where it is a number."""
    views, look, damages = results["views"], results["second_look"], results["robustness"]["damages"]
    found: dict[str, Any] = {f"view {row['view']}": row["verdict"] for row in views["rows"]}
    found |= {f"second look, {key}": look[key] for key in ("views", "blend", "used")}
    found |= {f"damage {row['damage']}": [round(value, 4) for value in row["macro_f1"]] for row in damages}
    found |= {f"{part} macro-F1": round(results[part]["macro_f1"], 4) for part in ("val", "shifted")}
    found["temperature"] = round(results["calibration"]["temperature"], 3)
    return found


WORKLOADS = {
    "help": Workload(_words("--help")),
    "runs": Workload(_runs),
    "wrong_run": Workload(_words("predict", NO_RUN, "."), exit_code=2),
    "wrong_key": Workload(_words("train", "efficientnet_b4", "lrr=0.1"), exit_code=2),
    "first_step": Workload(_train, until=BEFORE_THE_FIRST_STEP),
    "first_step_again": Workload(_train, until=BEFORE_THE_FIRST_STEP, again=True),
    "predict": Workload(_predict, _same_decisions),
    "judging": Workload(_judging, _same_judgement),
    "demo": Workload(_words("demo", "demo"), _same_judgement),
}
"""Every command that can be measured; a new one is an entry here."""
GROUPS = {"start": ("help", "runs", "wrong_run", "wrong_key")}
"""Names for several workloads."""


def measure(python: Path, workload: Workload, task: Task, folder: Path) -> Measurement:
    """Run a workload once by a build, in a new folder; with ``again`` twice, of which the second run is measured."""
    folder.mkdir(parents=True)
    words = workload.prepare(task, folder)
    if workload.again:
        _run(python, words, workload, folder)
    return _run(python, words, workload, folder)


def _run(python: Path, words: list[str], workload: Workload, folder: Path) -> Measurement:
    environment = {**os.environ, "COLUMNS": "200", "MUNSEO_CACHE": str(folder / "cache")}
    if python != Path(sys.executable):
        environment.pop("PYTHONPATH", None)  # it would lead the other build to the code of this one
    output = folder / "output.txt"
    with output.open("w") as file:
        started = time.perf_counter()
        process = subprocess.Popen(
            [python, "-m", "munseo", *words], cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
        is_cut = workload.until is not None and _wait_for(process, output, workload.until)
        seconds = time.perf_counter() - started
        if is_cut:
            process.kill()
        _, status, usage = os.wait4(process.pid, 0)
    if not is_cut:
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if not is_cut and (process.returncode != workload.exit_code or workload.until is not None):
        text = output.read_text(encoding="utf-8")
        sys.exit(f"{python}: munseo {' '.join(words)} ended with {process.returncode}\n{text[-3000:]}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale)


def _wait_for(process: subprocess.Popen[bytes], output: Path, line: str) -> bool:
    """Wait until a line begins like this one; return whether it came before the process ended."""
    while not any(found.startswith(line) for found in output.read_text(encoding="utf-8").splitlines()):
        # The process is not reaped here, since ``wait4`` has its processor time.
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def burning(num_processes: int) -> Iterator[None]:
    """Keep so many processes busy that never sleep."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(num_processes)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def measure_rounds(name: str, options: argparse.Namespace, work: Path) -> dict[str, list[Measurement]]:
    """Measure a workload by both builds in alternating rounds: ``old``, ``new``, ``old busy`` and ``new busy``."""
    task, builds = Task(options.run, options.data), {"old": options.against, "new": Path(sys.executable)}
    found: dict[str, list[Measurement]] = {}
    for number in range(options.rounds):
        for build in list(builds)[:: 1 if number % 2 == 0 else -1]:
            for burners in (0, options.busy) if options.busy else (0,):
                key = f"{build} busy" if burners else build
                folder = work / name / key.replace(" ", "-") / str(number)
                with burning(burners):
                    measured = measure(builds[build], WORKLOADS[name], task, folder)
                found.setdefault(key, []).append(measured)
                print(f"  {name}, round {number + 1}, {key}: {measured.wall_s:.2f} s", file=sys.stderr, flush=True)
                if number:  # The first round's folders are compared; the others would only fill the disk.
                    shutil.rmtree(folder)
    return found


def ratio(above: list[Measurement], below: list[Measurement], field: str = "wall_s") -> float:
    """Return the median of the ratios within a round."""
    return statistics.median(getattr(a, field) / getattr(b, field) for a, b in zip(above, below, strict=True))


def row(name: str, found: dict[str, list[Measurement]]) -> str:
    """Return a line of the table."""
    old, new = found["old"], found["new"]
    walls = [statistics.median(one.wall_s for one in build) for build in (old, new)]
    peaks = [statistics.median(one.peak_bytes for one in build) / 2**30 for build in (old, new)]
    cells = [
        *(name, f"{walls[0]:.2f}", f"{walls[1]:.2f}", f"{ratio(new, old):.2f}", f"{ratio(new, old, 'cpu_s'):.2f}"),
        *(f"{peaks[0]:.2f}", f"{peaks[1]:.2f}"),
    ]
    if "new busy" in found:
        cells += [f"{ratio(found[f'{build} busy'], found[build]):.2f}" for build in ("old", "new")]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, help="interpreter of the other build's environment")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS, *GROUPS], default=["start"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="also beside so many busy processes")
    parser.add_argument("--run", type=Path, help="a finished run that both builds can read")
    parser.add_argument("--data", type=Path, help="the folder of rvl5")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    names = [name for chosen in options.only for name in GROUPS.get(chosen, (chosen,))]
    columns = ["command", "other, s", "this, s", "ratio", "ratio of processor time", "other, GiB", "this, GiB"]
    if options.busy:
        columns += ["other, busy / idle", "this, busy / idle"]
    lines, remarks, everything = [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            found = measure_rounds(name, options, Path(folder))
            lines.append(row(name, found))
            compare = WORKLOADS[name].compare
            if compare is not None:
                remarks.append(f"{name}: {compare(*(Path(folder) / name / build / '0' for build in ('old', 'new')))}")
            everything[name] = {key: [asdict(one) for one in measured] for key, measured in found.items()}
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    print("\n".join([*lines, "", *remarks]))
    if options.json:
        options.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
