"""Kill training again and again, resume it each time, and check that the result is the same to the bit.

    python benchmarks/torture_training.py [--kills 25] [--seed 0] [--settings ema,plateau] [--json FILE]

Every kill is a SIGKILL, so that no clean-up runs. The moments are drawn from the seed: within a step, while the state
is being written (half of it is on the disk), between the write and the rename, just after the rename, between the
metrics of an epoch and its weights, while the best weights are judged, before the test split is predicted, before the
report is written, and at a random time by another process; with ``--moments ending`` before a file of the end.
Training is resumed and killed again until it ends; five settings together use everything that has state. Compared with
an uninterrupted run of the same settings: weights, metrics, all tables of predictions and the submission, with
tolerance zero; and the list of all files.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TINY = {
    "model_name": "test_efficientnet.r160_in1k", "pretrained": "false", "image_size": 64, "batch_size": 10, "epochs": 3,
    "val_split_ratio": 0.25, "device": "cpu", "num_threads": 1, "lr": 0.003, "robustness_pages": 0,
    "shifted_draws": 1, "save_every_minutes": 0.0001,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "ema": {
        "num_workers": 0, "ema_decay": 0.9, "augmentation.mixup": "true", "drop_path_rate": 0.1, "warmup_epochs": 1,
        "class_imbalance": "{aug_class: [1, 13, 14], max_samples: 6}",
    },
    "accumulate": {
        "num_workers": 2, "accumulate_batches": 2, "gradient_clip_norm": 1.0, "scheduler_name": "OneCycleLR",
        "progressive_resizing": "[{from_epoch: 0, image_size: 32}, {from_epoch: 1, image_size: 64}]",
    },
    "plateau": {
        "num_workers": 1, "scheduler_name": "ReduceLROnPlateau", "scheduler_params": "{patience: 0, threshold: 10}",
        "snapshot_epochs": 2, "weighted_sampler": "true",
    },
    "patience": {
        "num_workers": 2, "optimizer_name": "Momentum", "lr": 0.3, "epochs": 8, "patience": 2,
        "augmentation_level": "strong",
    },
    "folds": {"num_workers": 0, "n_folds": 2, "epochs": 2, "layer_decay": 0.8},
}  # fmt: skip
END = (".png", ".jpg", ".json", ".parquet", ".html", ".md")
"""Kinds of files that a run writes after training, and few of before."""
MOMENTS = ("step", "writing", "renaming", "renamed", "weights", "judging", "predicting", "reporting", "clock")


def main() -> None:
    """Read the command line and run; exit with 1 if a kill was not survived."""
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--moments", default=",".join(MOMENTS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.settings.split(",")
    with tempfile.TemporaryDirectory(prefix="munseo-torture-") as folder:
        os.environ |= {"MUNSEO_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        torture = _Torture(Path(folder), options.seed, options.moments.split(","))
        for number, name in enumerate(names):
            torture.settings(name, options.kills // len(names) + (number < options.kills % len(names)))
    survived, tried = sum(row["survived"] for row in torture.rows), len(torture.rows)
    print(f"survived {survived} / tried {tried}")
    if options.json:
        options.json.write_text(json.dumps({"survived": survived, "tried": tried, "kills": torture.rows}, indent=2))
    sys.exit(survived != tried)


class _Torture:
    """Kills runs; ``rows`` has one row per kill: settings, moment, its number, and whether it was survived."""

    def __init__(self, folder: Path, seed: int, moments: list[str]) -> None:
        from munseo import _synth as specimens

        self.folder, self.seed, self.moments = folder, seed, moments
        self.data = specimens.generate(folder / "data", num_train=72, num_test=17, longest_side_px=128, num_workers=1)
        (folder / "plain.yaml").write_text("{}\n")
        self.rows: list[dict[str, Any]] = []

    def settings(self, name: str, kills: int) -> None:
        """Kill runs with these settings a number of times, and resume them each time."""
        rng = np.random.default_rng([self.seed, list(SETTINGS).index(name)])  # the same kills with any other settings
        whole, seconds = self._whole(name)
        runs = self.folder / f"{name}-killed"
        mine: list[dict[str, Any]] = []
        judged = 0
        while judged < kills:
            ended = len(mine) >= kills
            moment = "none" if ended else self.moments[int(rng.integers(len(self.moments)))]
            number, wait = int(rng.integers(1, 6)), seconds * float(rng.uniform(0.2, 1.0))
            done = self._kill(moment, number, self._words(name, runs), wait)
            if done.returncode == -signal.SIGKILL:
                mine.append({"settings": name, "moment": moment, "number": number, "survived": False})
                print(f"{name}: killed {moment} {number}", flush=True)
                run = self._run(runs)
                if run is None or not (run / "report.html").exists():
                    continue
            elif done.returncode:
                print(f"{name}: {done.stderr.decode()}")
            self._judge(whole, runs, mine[judged:])  # the run is done; the next one begins
            judged = kills if done.returncode > 0 else len(mine)
            shutil.rmtree(runs)
        self.rows += mine

    def _whole(self, name: str) -> tuple[Path, float]:
        started = time.monotonic()
        words = self._train(name, self.folder / f"{name}-whole")
        subprocess.run([sys.executable, "-m", "munseo", *words], check=True, capture_output=True)
        run = self._run(self.folder / f"{name}-whole")
        assert run is not None
        return run, time.monotonic() - started

    def _words(self, name: str, runs: Path) -> list[str]:
        started = self._run(runs)
        return ["resume", str(started)] if started else self._train(name, runs)

    def _train(self, name: str, runs: Path) -> list[str]:
        values = {**TINY, **SETTINGS[name], "data_dir": self.data, "runs_dir": runs}
        return ["train", str(self.folder / "plain.yaml"), *(f"{key}={value}" for key, value in values.items())]

    @staticmethod
    def _run(runs: Path) -> Path | None:
        """Return the run that was started, if it can be resumed: its first files exist."""
        return next((path.parent for path in sorted(runs.glob("*/manifest.json"))), None)

    def _kill(self, moment: str, number: int, words: list[str], seconds: float) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, __file__, "--child", moment, str(number), *words]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        if moment == "clock":
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        _, stderr = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, b"", stderr)

    def _judge(self, whole: Path, runs: Path, kills: list[dict[str, Any]]) -> None:
        killed = self._run(runs)
        problems = ["no run"] if killed is None else differences(whole, killed)
        for row in kills:
            row["survived"] = not problems
        for problem in problems:
            print(f"DIFFERS: {problem}")


def differences(one: Path, other: Path) -> list[str]:
    """List the files of two runs that differ by a bit; tables are compared by their values."""
    found = []
    tables = sorted(path.relative_to(one) for path in one.rglob("*_predictions.parquet"))
    files = [path.relative_to(one) for name in ("weights.safetensors", "metrics.csv") for path in one.rglob(name)]
    for name in files:
        if not (other / name).is_file() or (one / name).read_bytes() != (other / name).read_bytes():
            found.append(str(name))
    for name in tables:
        same = (other / name).is_file() and pd.read_parquet(one / name).equals(pd.read_parquet(other / name))
        found += [] if same else [str(name)]
    lists = [
        {str(path.relative_to(run)).replace(run.name, "NAME") for path in run.rglob("*") if path.is_file()}
        for run in (one, other)
    ]
    found += [f"{name}: only in one of them" for name in sorted(lists[0] ^ lists[1])]
    submissions = [(folder / f"{folder.name}.csv") for folder in (one, other)]
    if not submissions[1].is_file() or submissions[0].read_bytes() != submissions[1].read_bytes():
        found.append("submission")
    return found


def _child(moment: str, number: int, words: list[str]) -> None:
    """Run Munseo in this process, and kill it when the moment comes for the ``number``-th time."""
    from munseo import _report as reports
    from munseo._commands.app import app
    from munseo._training import callbacks as recording
    from munseo._training import checkpoint as state
    from munseo._training import module, training_run
    from munseo._training import validation as judging

    count = 0

    def die() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(holder: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(holder, name)

        def patched(*positional: Any, **named: Any) -> Any:
            die()
            return original(*positional, **named)

        setattr(holder, name, patched)

    if moment == "step":
        before(module.SoftLoss, "forward")
    elif moment == "weights":
        before(recording, "save_weights")
    elif moment == "judging":
        number = 1
        before(judging, "judge_tables")
    elif moment == "predicting":
        number = 1
        before(training_run, "predict_test_pages")
    elif moment == "reporting":
        number = 1
        before(reports, "write_report")
    elif moment == "writing":
        save = state.torch.save

        def half(value: Any, file: Any) -> None:
            whole = io.BytesIO()
            save(value, whole)
            content = whole.getvalue()
            file.write(content[: len(content) // 2])
            file.flush()
            die()
            file.write(content[len(content) // 2 :])

        state.torch.save = half  # type: ignore[assignment]
    elif moment in ("renaming", "renamed"):
        replace = Path.replace

        def renaming(path: Path, target: Path) -> Path:
            is_state = Path(target).name == "state.ckpt"
            if is_state and moment == "renaming":
                die()
            result = replace(path, target)
            if is_state and moment == "renamed":
                die()
            return result

        Path.replace = renaming  # type: ignore[method-assign, assignment]
    elif moment == "ending":
        number *= 7  # The end writes some fifty files.
        replace = Path.replace

        def ending(path: Path, target: Path) -> Path:
            if Path(target).suffix in END:
                die()
            return replace(path, target)

        Path.replace = ending  # type: ignore[method-assign, assignment]
    app(words)


if __name__ == "__main__":
    main()
