"""The protocol of the contenders: what each of them is asked, and its answer, one JSON line on standard output.

    python benchmarks/peers/run_timm.py --data FOLDER --model tf_efficientnet_lite0 --size 224 --batch 32 --phase train

The data folder has a folder per class below ``train/``, ``val/`` (a few pages, for warming up) and ``test/``.
Contenders call ``serve``; nothing of Munseo is imported here, since their environments do not have it.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

WARM_UP = 3
"""Training steps that are not timed, as in ``munseo bench train``."""


@dataclass(frozen=True)
class Task:
    """What is measured.

    Attributes:
        data: The folder of images.
        model: A timm model; its weights are random.
        size: Side of the model's input, px.
        batch: Pages per step.
        steps: Number of timed training steps.
        phase: ``train`` or ``predict``.
    """

    data: Path
    model: str
    size: int
    batch: int
    steps: int
    phase: str

    @property
    def num_classes(self) -> int:
        """Folders below ``train/``."""
        return sum(path.is_dir() for path in (self.data / "train").iterdir())

    @property
    def num_test(self) -> int:
        """Pages below ``test/``."""
        return sum(path.is_file() for path in (self.data / "test").rglob("*"))


Ready = Callable[[], None]
"""Called when data and model are there and the first step could be done."""
Work = Callable[[Task, Ready], float]
"""A function that does a phase and returns pages per second."""


class StepClock:
    """Records the end of every training step."""

    def __init__(self, task: Task) -> None:
        self.batch, self.steps = task.batch, task.steps
        self.ends: list[float] = []

    def step(self) -> None:
        """Record the end of a step."""
        self.ends.append(time.perf_counter())

    @property
    def done(self) -> bool:
        """Whether that was the last step."""
        return len(self.ends) == WARM_UP + self.steps

    def rate(self) -> float:
        """Return the pages per second, input included, since the end of the warm-up."""
        if not self.done:
            sys.exit(f"{len(self.ends)} steps were done, not {WARM_UP + self.steps}")
        return self.steps * self.batch / (self.ends[-1] - self.ends[WARM_UP - 1])


def prediction_rate(predict: Callable[[Path], int], task: Task, ready: Ready) -> float:
    """Return the pages per second from files to probabilities, including the start of the workers.

    Args:
        predict: Predicts a folder and returns the number of its predictions.
        task: What is measured.
        ready: Called first.
    """
    ready()
    predict(task.data / "val")
    started = time.perf_counter()
    answered = predict(task.data / "test")
    seconds = time.perf_counter() - started
    if answered != task.num_test:
        sys.exit(f"{answered} pages were answered, not {task.num_test}")
    return answered / seconds


def serve(train: Work, predict: Work) -> None:
    """Read the task from the command line, do it, and print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--phase", choices=("train", "predict"), required=True)
    words = vars(parser.parse_args())
    torch.set_num_threads(words.pop("threads"))
    task = Task(**words)
    ready: list[float] = []
    rate = (train if task.phase == "train" else predict)(
        task, lambda: ready.append(time.time() - psutil.Process().create_time())
    )
    scale = 1 if sys.platform == "darwin" else 1024
    answer = {
        "phase": task.phase,
        "images_per_s": rate,
        "ready_s": ready[0],
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(answer), flush=True)
