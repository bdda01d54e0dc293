"""timm: ``create_dataset`` and ``create_loader`` with their defaults, and the step of its training script."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from protocol import Ready, StepClock, Task, prediction_rate, serve
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.optim import create_optimizer_v2
from torch.utils.data import DataLoader


def make_loader(task: Task, model: torch.nn.Module, folder: Path, is_training: bool) -> DataLoader:
    """Load a folder per class; random resized crops, mirrored, with jittered colours, or resized and cropped."""
    config = resolve_data_config({"input_size": (3, task.size, task.size)}, model=model)
    keys = ("input_size", "interpolation", "mean", "std", "crop_pct")
    return create_loader(
        create_dataset("", root=str(folder), is_training=is_training),
        batch_size=task.batch,
        is_training=is_training,
        device=torch.device("cpu"),
        **{key: config[key] for key in keys},
    )


def train(task: Task, ready: Ready) -> float:
    model = timm.create_model(task.model, num_classes=task.num_classes).train()
    optimizer = create_optimizer_v2(model, "adamw", lr=1e-4)
    loss_of = torch.nn.CrossEntropyLoss()
    loader = make_loader(task, model, task.data / "train", is_training=True)
    clock = StepClock(task)
    ready()
    while True:
        for images, labels in loader:
            loss = loss_of(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            clock.step()
            if clock.done:
                return clock.rate()


def predict(task: Task, ready: Ready) -> float:
    model = timm.create_model(task.model, num_classes=task.num_classes).eval()

    def of(folder: Path) -> int:
        loader = make_loader(task, model, folder, is_training=False)
        with torch.inference_mode():
            return sum(len(model(images).softmax(dim=1)) for images, _ in loader)

    return prediction_rate(of, task, ready)


if __name__ == "__main__":
    serve(train, predict)
