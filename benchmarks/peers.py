"""Compare Munseo with its alternatives, on the same images, model, size, batch and number of threads.

    python benchmarks/peers.py data/rvl5/train --table data/rvl5/train.csv
    python benchmarks/peers.py pages --model efficientnet_b4.ra2_in1k --size 320 --batch 16 --steps 10 --envs envs

timm's loader, a Hugging Face ``Trainer`` with ``datasets``, and fastai are each installed by pip into a temporary
environment that inherits this one's packages (torch is the same for all), and used as their own guides show, with
random weights, in 32 bits, on the processor. Contenders take turns, each in its own process, so that whatever disturbs
the machine disturbs all of them. Medians over the rounds are shown. Without ``--envs`` the environments are deleted at
the end.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import site
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

SCRIPTS = Path(__file__).resolve().parent / "peers"
EXTENSIONS = (".jpg", ".jpeg", ".png")
PHASES = ("train", "predict")
SAME_FOR_ALL = ("torch", "torchvision", "timm", "numpy")
NUM_WARM_UP = 2
"""Number of batches that are predicted before the clock starts."""
SAMPLING_S = 2.0
"""Time between two looks at the memory, which are rare because they block the page faults of the process."""
WAIT_S = 1800


@dataclass(frozen=True)
class Contender:
    """A script in ``peers/``, and the packages that pip has to install for it."""

    key: str
    name: str
    packages: tuple[str, ...] = ()

    @property
    def script(self) -> Path:
        """The script that is run."""
        return SCRIPTS / f"run_{self.key}.py"


CONTENDERS = (
    Contender("munseo", "Munseo"),
    Contender("timm", "timm's loader and step", ("timm",)),
    Contender("trainer", "Hugging Face Trainer, datasets", ("transformers", "datasets", "accelerate")),
    Contender("fastai", "fastai", ("fastai",)),
    Contender("bare", "PyTorch's bare step, no input"),
)


def make_environment(contender: Contender, folder: Path) -> Path:
    """Return the interpreter of an environment with this one's packages and those of the contender.

    Raises:
        subprocess.CalledProcessError: pip could not install them.
    """
    if not contender.packages:
        return Path(sys.executable)
    home = folder / contender.key
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(home, with_pip=False)
        own = subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True)
        # After the environment's own packages on the path, so that what pip installs there comes first.
        (Path(own.strip()) / "inherited.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    held = folder / "constraints.txt"
    held.write_text("".join(f"{name}=={metadata.version(name)}\n" for name in SAME_FOR_ALL))
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile"]
    subprocess.run([*command, "-c", str(held), *contender.packages], check=True)
    return python


def list_labelled(images: Path, table: Path | None) -> list[tuple[Path, str]]:
    """List images with their classes, from a table with ``ID,target`` or from their folders."""
    if table is not None:
        with table.open(encoding="utf-8", newline="") as lines:
            return [(images / row["ID"], row["target"]) for row in csv.DictReader(lines)]
    found = sorted(path for path in images.glob("*/*") if path.suffix.lower() in EXTENSIONS)
    return [(path, path.parent.name) for path in found]


def make_folders(labelled: list[tuple[Path, str]], batch: int, num_test: int, folder: Path) -> None:
    """Make ``train/``, ``val/`` and ``test/`` with a folder per class, all from the same pages."""
    parts = {"train": labelled, "val": labelled[: NUM_WARM_UP * batch], "test": labelled[:num_test]}
    classes = {label for _, label in labelled}
    for part, pages in parts.items():
        for label in classes:
            (folder / part / label).mkdir(parents=True)
        for path, label in pages:
            shutil.copyfile(path, folder / part / label / path.name)


def run(python: Path, contender: Contender, phase: str, options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Return a contender's answer to one phase, with the peak memory of all its processes in bytes."""
    words = ["--data", data, "--model", options.model, "--size", options.size, "--batch", options.batch]
    words += ["--steps", options.steps, "--threads", options.threads, "--phase", phase]
    # Nobody uses the network or a GPU.
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(data / "hub"), "CUDA_VISIBLE_DEVICES": ""}
    environment = {**os.environ, **quiet, "OMP_NUM_THREADS": str(options.threads)}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        command = [str(word) for word in [python, contender.script, *words]]
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        try:
            peak = watch_memory(process)
        finally:
            process.kill()
        output.seek(0)
        errors.seek(0)
        if process.wait():
            raise RuntimeError(f"{phase}: {errors.read().strip()[-2000:]}")
        answer: dict[str, Any] = json.loads(output.read().strip().splitlines()[-1])
    # Samples can miss a short peak of the main process; the kernel's own figure does not.
    return {**answer, "peak_bytes": max(peak, answer["peak_rss_bytes"])}


def watch_memory(process: subprocess.Popen[str]) -> int:
    """Return the peak memory of a process and its children until it ends; shared pages count once (PSS)."""
    peak, started = 0, time.monotonic()
    while process.poll() is None:
        if time.monotonic() - started > WAIT_S:
            raise TimeoutError(f"{process.args}: no answer after {WAIT_S} s")
        total = 0
        try:
            parent = psutil.Process(process.pid)
            for member in (parent, *parent.children(recursive=True)):
                memory = member.memory_full_info()
                total += getattr(memory, "pss", memory.rss)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue  # one of them has just ended
        peak = max(peak, total)
        time.sleep(SAMPLING_S)
    return peak


def find_interpreters(contenders: list[Contender], folder: Path | None) -> tuple[dict[Contender, Path], dict[str, str]]:
    """Return interpreters with the packages of each contender, and the names of contenders without one.

    Args:
        contenders: The contenders.
        folder: Folder of the environments; None: nothing is installed, and only packages of this environment count.
    """
    pythons: dict[Contender, Path] = {}
    missing = {}
    for contender in contenders:
        try:
            if folder is None:
                for package in contender.packages:
                    metadata.version(package)
                pythons[contender] = Path(sys.executable)
            else:
                print(f"environment: {contender.name}", file=sys.stderr, flush=True)
                pythons[contender] = make_environment(contender, folder)
        except (metadata.PackageNotFoundError, subprocess.CalledProcessError):
            missing[contender.name] = "not installed"
    return pythons, missing


Answers = dict[Contender, dict[str, list[dict[str, Any]]]]


def measure(pythons: dict[Contender, Path], options: argparse.Namespace, data: Path) -> tuple[Answers, dict[str, str]]:
    """Return the answers of every contender, round by round, and the names of those that failed."""
    answers: Answers = {contender: {phase: [] for phase in PHASES} for contender in pythons}
    failed = {}
    for number in range(1, options.rounds + 1):
        for phase in PHASES:
            for contender in [known for known in pythons if known in answers]:
                try:
                    answers[contender][phase].append(run(pythons[contender], contender, phase, options, data))
                except (RuntimeError, TimeoutError) as error:
                    del answers[contender]
                    failed[contender.name] = f"failed: {str(error).splitlines()[-1]}".replace("|", "/")
                    print(f"{contender.name}, {error}", file=sys.stderr, flush=True)
                    continue
                rate = answers[contender][phase][-1]["images_per_s"]
                print(f"round {number}, {phase}: {contender.name}: {rate:.1f} images/s", file=sys.stderr, flush=True)
    return answers, failed


def to_table(answers: Answers, absent: dict[str, str]) -> str:
    """Return a table of medians; a ratio is Munseo's rate divided by the contender's, as the median over rounds.

    Args:
        answers: The answers of the contenders that could be measured.
        absent: Names of the others, and the reasons.
    """
    head = ["", "training, images/s", "Munseo is × faster", "ready after, s", "peak memory, MiB"]
    head += ["prediction, images/s", "Munseo is × faster", "peak memory, MiB"]
    lines = [head, ["---"] * len(head)]
    ours = next((own for contender, own in answers.items() if contender.key == "munseo"), None)
    for contender, own in answers.items():
        cells = [contender.name]
        for phase in PHASES:
            rates = [answer["images_per_s"] for answer in own[phase]]
            cells.append(f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})")
            cells.append("" if ours is None or own is ours else f"{median_ratio(ours[phase], own[phase]):.2f}")
            if phase == "train":
                cells.append(f"{statistics.median(answer['ready_s'] for answer in own[phase]):.0f}")
            cells.append(f"{statistics.median(answer['peak_bytes'] for answer in own[phase]) / 2**20:.0f}")
        lines.append(cells)
    lines += [[name, reason, *[""] * (len(head) - 2)] for name, reason in absent.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def median_ratio(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(our["images_per_s"] / their["images_per_s"] for our, their in pairs)


def versions(pythons: dict[Contender, Path]) -> str:
    """Return the versions of what was compared."""
    listed = [f"Python {sys.version.split()[0]}", *(f"{name} {metadata.version(name)}" for name in SAME_FOR_ALL[:3])]
    for contender, python in pythons.items():
        for package in contender.packages:
            ask = f"from importlib.metadata import version; print(version({package!r}))"
            listed.append(f"{package} {subprocess.check_output([python, '-c', ask], text=True).strip()}")
    return ", ".join(dict.fromkeys(listed))


def num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="folder of images: a folder per class, or flat with --table")
    parser.add_argument("--table", type=Path, help="CSV with ID,target for a flat folder")
    parser.add_argument("--model", default="tf_efficientnet_lite0", help="a timm model (default tf_efficientnet_lite0)")
    parser.add_argument("--size", type=int, default=224, help="px (default 224)")
    parser.add_argument("--batch", type=int, default=32, help="pages a step (default 32)")
    parser.add_argument("--steps", type=int, default=40, help="timed training steps of a round (default 40)")
    parser.add_argument("--num-test", type=int, default=1000, help="pages predicted in a round (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender is measured (default 5)")
    parser.add_argument(
        "--threads", type=int, default=num_cores(), help="threads of torch, for all (default: all cores)"
    )
    parser.add_argument("--only", nargs="+", choices=[contender.key for contender in CONTENDERS])
    parser.add_argument("--envs", type=Path, help="keep the environments in this folder and reuse them")
    parser.add_argument("--no-install", action="store_true", help="only contenders whose packages are already here")
    parser.add_argument("--json", type=Path, help="also write every answer to this file")
    return parser.parse_args()


def main() -> None:
    options = parse()
    labelled = list_labelled(options.images, options.table)
    if len(labelled) < options.batch:
        sys.exit(f"{options.images}: {len(labelled)} labelled images are less than a batch ({options.batch})")
    chosen = [contender for contender in CONTENDERS if not options.only or contender.key in options.only]
    with tempfile.TemporaryDirectory() as temporary:
        envs, data = (options.envs or Path(temporary) / "envs").resolve(), Path(temporary) / "data"
        make_folders(labelled, options.batch, options.num_test, data)
        pythons, missing = find_interpreters(chosen, None if options.no_install else envs)
        answers, failed = measure(pythons, options, data)
        print(
            f"{options.model} at {options.size} px, batch {options.batch}, {options.threads} threads, "
            f"{len(labelled)} images; median (lowest to highest) of {options.rounds} alternating rounds of "
            f"{options.steps} steps and {min(options.num_test, len(labelled))} pages; {versions(pythons)}\n\n"
            f"{to_table(answers, missing | failed)}"
        )
    if options.json:
        options.json.write_text(
            json.dumps({contender.key: phases for contender, phases in answers.items()}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
