"""Hugging Face: ``datasets``' image folder and the ``Trainer``, as its guide to image classification shows them.

The model is timm's, in the wrapper that ``transformers`` has for it, built from a configuration with random weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
from datasets import Dataset, load_dataset
from protocol import WARM_UP, Ready, StepClock, Task, prediction_rate, serve
from torchvision.transforms import CenterCrop, Compose, Normalize, RandomResizedCrop, Resize, ToTensor
from transformers import (
    DefaultDataCollator,
    TimmWrapperConfig,
    TimmWrapperForImageClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class Ends(TrainerCallback):
    """Counts steps."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Record that the weights have been updated."""
        self.clock.step()


def load(task: Task, folder: Path, steps: list[Callable]) -> Dataset:
    """Load a folder per class; pages are transformed when they are used."""
    cfg = timm.get_pretrained_cfg(task.model)
    transform = Compose([*steps, ToTensor(), Normalize(cfg.mean, cfg.std)])

    def transforms(examples: dict[str, list]) -> dict[str, list]:
        examples["pixel_values"] = [transform(image.convert("RGB")) for image in examples.pop("image")]
        return examples

    pages = load_dataset("imagefolder", data_dir=str(folder), split="train", cache_dir=str(task.data / "datasets"))
    return pages.rename_column("label", "labels").with_transform(transforms)


def make_trainer(task: Task, folder: str, pages: Dataset | None = None, clock: StepClock | None = None) -> Trainer:
    """Build a trainer; everything else has its defaults, and pages are loaded in the process itself."""
    config = TimmWrapperConfig(architecture=task.model, num_labels=task.num_classes)
    arguments = TrainingArguments(
        output_dir=folder,
        remove_unused_columns=False,
        per_device_train_batch_size=task.batch,
        per_device_eval_batch_size=task.batch,
        dataloader_drop_last=True,  # a last, smaller batch would be counted as a full one
        max_steps=WARM_UP + task.steps,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )
    return Trainer(
        TimmWrapperForImageClassification(config),
        arguments,
        data_collator=DefaultDataCollator(),
        train_dataset=pages,
        callbacks=[Ends(clock)] if clock else [],
    )


def train(task: Task, ready: Ready) -> float:
    pages = load(task, task.data / "train", [RandomResizedCrop(task.size)])
    clock = StepClock(task)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(task, folder, pages, clock)
        ready()
        trainer.train()
    return clock.rate()


def predict(task: Task, ready: Ready) -> float:
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(task, folder)
        steps = [Resize(task.size), CenterCrop(task.size)]
        # The list of files is made once and kept, so it is not part of predicting them.
        pages = {part: load(task, task.data / part, steps) for part in ("val", "test")}

        def of(images: Path) -> int:
            return len(trainer.predict(pages[images.name]).predictions)

        return prediction_rate(of, task, ready)


if __name__ == "__main__":
    serve(train, predict)
