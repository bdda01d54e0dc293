"""Show that two checkouts write the same bytes: both run the same commands, and every file is compared.

    python benchmarks/same_bits.py OLD_CHECKOUT NEW_CHECKOUT [--work FOLDER] [--only train,predict] [--keep]

Each checkout draws a data set, trains, is stopped and resumed, trains folds, predicts (CSV, parquet in shards, an
ensemble, an exported model), evaluates, looks for problems and answers over HTTP. Afterwards the files of both are
compared byte by byte. Times, speeds, run names and paths differ between any two runs and are taken out of text files
first. The wording of sentences may change, so reports, plots, comments in YAML and columns of sentences are left out;
weights, metrics, predictions, tables and every number are compared. Takes about ten minutes on two cores, and exits
with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import yaml

COMMON = [
    *("data_dir=data", "runs_dir=runs", "model_name=tf_efficientnet_lite0", "image_size=64", "batch_size=16"),
    *("lr=0.002", "epochs=2", "num_workers=1", "robustness_pages=12", "compile=false", "cache=false"),
]
TRAININGS = {
    "plain": ["augmentation.eda=true", "augmentation.mixup=true", "TTA=true", "second_look=true", "ema_decay=0.9"],
    "resumed": ["augmentation_level=strong", "class_weighting=true", "label_smoothing=0.1", "warmup_epochs=1"],
    "folds": ["n_folds=2", "epochs=1", "loss=focal", "orientation=deskew", "random_seed=7"],
    "scratch": ["pretrained=false", "model_name=resnet10t", "weighted_sampler=true", "monitor=val_shifted_macro_f1"],
}
EPOCHS_BEFORE_STOP = 1
PORT = 8731
SECONDS_TO_START = 120
# Files for people, locks, and the training state, which holds the time and the versions of its libraries.
LEFT_OUT = re.compile(
    r"(^|/)(report(\.ko)?\.(html|md)|doctor\.html|\.lock|state\.ckpt|timing\.csv|[^/]*\.png)$|^cache/"
)
VOLATILE_KEYS = {
    *("started", "finished", "seconds", "command", "git_commit", "sha256", "manifest_sha256", "fingerprints", "id"),
    *("memory_bytes", "eager_s", "compiled_s", "created", "dir", "location", "versions", "weights_sha256"),
    *("pages_per_second", "text", "verdict"),
}
VOLATILE_COLUMNS = ["started", "minutes", "detail", "about", "source", "meaning", "method"]
PATTERNS = (
    (re.compile(r"\b\d{10}-[\w\-]+(\.\w+-[\w\-]+)*"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.+:Z\-]*"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "SECONDS"),
)


class Checkout:
    """One version of Munseo, and the folder that it works in.

    Args:
        source: The checkout, which has ``src/munseo``.
        work: Its own working folder.
    """

    def __init__(self, source: Path, work: Path) -> None:
        self.source, self.work = source.resolve(), work
        self.environment = {**os.environ, "PYTHONPATH": str(self.source / "src"), "COLUMNS": "200"}
        self.environment["MUNSEO_CACHE"] = str(work / "cache")
        work.mkdir(parents=True)

    def command(self, *words: str) -> list[str]:
        """The words of a command line of this version."""
        return [sys.executable, "-m", "munseo", *words]

    def run(self, *words: str, save: str | None = None, check: bool = True) -> None:
        """Run a command; its standard output can be saved as a file to compare."""
        done = subprocess.run(
            self.command(*words), cwd=self.work, env=self.environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            sys.exit(f"{self.source}: munseo {' '.join(words)} ended with {done.returncode}\n{done.stderr[-3000:]}")
        if save:
            (self.work / save).write_text(done.stdout, encoding="utf-8")

    def train(self, name: str) -> None:
        """Train one of ``TRAININGS`` and give its folder the training's name."""
        words = ["train", "efficientnet_b4", *COMMON, *TRAININGS[name], f"runs_dir=new-{name}", "-q"]
        if name == "resumed":
            self._stopped(words, self.work / f"new-{name}")
            run = next((self.work / f"new-{name}").iterdir())
            self.run("resume", str(run.relative_to(self.work)), "-q")
        else:
            self.run(*words)
        (self.work / "runs").mkdir(exist_ok=True)
        next((self.work / f"new-{name}").iterdir()).rename(self.work / "runs" / name)

    def _stopped(self, words: list[str], runs: Path) -> None:
        """Start a training and interrupt it after its first epoch, as Ctrl-C does."""
        process = subprocess.Popen(self.command(*words), cwd=self.work, env=self.environment)
        while process.poll() is None:
            time.sleep(0.05)
            rows = [len(file.read_text(encoding="utf-8").splitlines()) - 1 for file in runs.glob("*/metrics.csv")]
            if rows and rows[0] >= EPOCHS_BEFORE_STOP:
                process.send_signal(signal.SIGINT)
                break
        process.wait()

    def serve(self, run: str, pages: list[str]) -> None:
        """Ask the service about some pages, one after the other and together, and save what it says."""
        process = subprocess.Popen(
            self.command("serve", run, "--port", str(PORT), "--backend", "torch", "-q"),
            cwd=self.work,
            env=self.environment,
        )
        try:
            self._await_service(process)
            for index, page in enumerate(pages):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{PORT}/v1/predict",
                    (self.work / page).read_bytes(),
                    {"Content-Type": "image/jpeg"},
                )
                with urllib.request.urlopen(request, timeout=60) as response:
                    (self.work / f"service-{index}.json").write_bytes(response.read())
        finally:
            process.terminate()
            process.wait()

    def _await_service(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(SECONDS_TO_START * 5):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5).close()
                return
            except OSError:
                assert process.poll() is None, "the service ended"
                time.sleep(0.2)
        sys.exit("the service did not start")


def run_all(checkout: Checkout, only: set[str]) -> None:
    """Run every step that was asked for; later steps need the runs of ``train``."""
    checkout.run("synth", "data", "--num-train", "119", "--num-test", "34", "--longest-side-px", "200", "-q")
    for name in TRAININGS:
        checkout.train(name)
    if "predict" in only:
        _predict(checkout)
    if "serve" in only:
        pages = sorted(path.relative_to(checkout.work).as_posix() for path in (checkout.work / "data/test").iterdir())
        checkout.serve("runs/plain", [page for page in pages if page.endswith(".jpg")][:3])
    if "look" in only:
        checkout.run("evaluate", "runs/plain", save="evaluate.txt")
        checkout.run("evaluate", "runs/folds", save="evaluate-folds.txt")
        checkout.run("doctor", "data", "--run", "runs/plain", "-q")
        checkout.run("shift", "data", "--image-size", "128", "--num-pages", "60", "-q")
        checkout.run("runs", "runs", "--csv", save="runs.csv")
        checkout.run("runs", "diff", "runs/plain", "runs/scratch", "--json", "diff.json")
        checkout.run("score", "runs/plain", "--public", "0.7", "--private", "0.6", "-q")
        checkout.run("report", "runs/plain", "-q")


def _predict(checkout: Checkout) -> None:
    out = ("-q", "--proba")
    checkout.run("predict", "runs/plain", "data/test", "-o", "plain.csv", *out, "--abstain-below", "0.5")
    checkout.run("predict", "runs/plain", "data/test", "-o", "no_tta.csv", *out, "--no-tta", "--second-look")
    checkout.run("predict", "runs/folds", "data/test", "-o", "folds.csv", *out)
    for shard in ("0/2", "1/2"):
        checkout.run("predict", "runs/resumed", "data/test", "-o", "sharded.parquet", *out, "--shard", shard)
    checkout.run("predict", "runs/plain", "data/test", "-o", "whole.parquet", *out)
    checkout.run("ensemble", "runs/plain", "runs/resumed", "-o", "ensemble", "-q")
    checkout.run("predict", "runs/ensemble", "data/test", "-o", "ensemble.csv", *out)
    checkout.run("export", "runs/plain", "--format", "openvino", "-q")
    checkout.run("predict", "runs/plain", "data/test", "-o", "openvino.csv", *out, "--backend", "openvino")


def compare(old: Path, new: Path) -> Iterator[str]:
    """Every difference between the files of two folders, a line each."""
    files = {
        side: {_plain(path.relative_to(side).as_posix(), side): path for path in side.rglob("*") if path.is_file()}
        for side in (old, new)
    }
    for name in sorted(files[old].keys() | files[new].keys()):
        if LEFT_OUT.search(name):
            continue
        if name not in files[new] or name not in files[old]:
            yield f"{name}: only in {'old' if name in files[old] else 'new'}"
        elif not _same(files[old][name], files[new][name], old, new):
            yield f"{name}: differs"


def _same(a: Path, b: Path, old: Path, new: Path) -> bool:
    if a.read_bytes() == b.read_bytes():
        return True
    if a.suffix == ".parquet":
        tables = [pq.read_table(path) for path in (a, b)]
        metadata = [_plain(str(table.schema.metadata), side) for table, side in zip(tables, (old, new), strict=True)]
        return tables[0].equals(tables[1]) and metadata[0] == metadata[1]
    if a.suffix == ".json":
        return _stable(json.loads(a.read_text("utf-8")), old) == _stable(json.loads(b.read_text("utf-8")), new)
    if a.suffix == ".yaml":
        return _stable(yaml.safe_load(a.read_text("utf-8")), old) == _stable(yaml.safe_load(b.read_text("utf-8")), new)
    if a.suffix == ".csv":
        tables = [pd.read_csv(path, dtype=str).drop(columns=VOLATILE_COLUMNS, errors="ignore") for path in (a, b)]
        return _plain(tables[0].to_csv(), old) == _plain(tables[1].to_csv(), new)
    return a.suffix in (".txt", ".xml") and _plain(a.read_text("utf-8"), old) == _plain(b.read_text("utf-8"), new)


def _stable(value: object, side: Path) -> object:
    if isinstance(value, dict):
        return {key: _stable(item, side) for key, item in value.items() if key not in VOLATILE_KEYS}
    if isinstance(value, list):
        return [_stable(item, side) for item in value]
    return _plain(value, side) if isinstance(value, str) else value


def _plain(text: str, side: Path) -> str:
    text = text.replace(str(side), "WORK")
    for pattern, name in PATTERNS:
        text = pattern.sub(name, text)
    return text


def main() -> None:
    """Run both checkouts and print what differs."""
    parser = argparse.ArgumentParser(description="Show that two checkouts write the same bytes.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--work", type=Path, default=Path("same-bits"))
    parser.add_argument("--only", default="train,predict,serve,look", help="steps, separated by commas")
    parser.add_argument("--reuse-old", action="store_true", help="the old checkout's files are there from before")
    options = parser.parse_args()
    sides = {name: (options.work / name).resolve() for name in ("old", "new")}
    for name, source in (("old", options.old), ("new", options.new)):
        if name == "old" and options.reuse_old:
            continue
        shutil.rmtree(sides[name], ignore_errors=True)
        started = time.monotonic()
        run_all(Checkout(source, sides[name]), set(options.only.split(",")))
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    differences = list(compare(sides["old"], sides["new"]))
    num_files = sum(path.is_file() for path in sides["old"].rglob("*"))
    print("\n".join(differences) or "no difference")
    print(f"{num_files:,} files of the old checkout, {len(differences):,} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
