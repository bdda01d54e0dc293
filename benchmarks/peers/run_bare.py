"""PyTorch without any input: one batch that stays in memory, in the default layout, in 32 bits.

This is the limit for everyone who leaves the model as it is; only another layout or another runtime is faster.
"""

from __future__ import annotations

import itertools
import time

import timm
import torch
from protocol import Ready, StepClock, Task, serve


def train(task: Task, ready: Ready) -> float:
    model = timm.create_model(task.model, num_classes=task.num_classes).train()
    optimizer = torch.optim.AdamW(model.parameters())
    loss_of = torch.nn.CrossEntropyLoss()
    images = torch.randn(task.batch, 3, task.size, task.size)
    labels = torch.randint(task.num_classes, (task.batch,))
    clock = StepClock(task)
    ready()
    while not clock.done:
        optimizer.zero_grad()
        loss_of(model(images), labels).backward()
        optimizer.step()
        clock.step()
    return clock.rate()


def predict(task: Task, ready: Ready) -> float:
    model = timm.create_model(task.model, num_classes=task.num_classes).eval()
    images = torch.randn(task.batch, 3, task.size, task.size)
    batches = -(-task.num_test // task.batch)
    ready()
    with torch.inference_mode():
        for number in itertools.count(-1):
            if number == 0:
                started = time.perf_counter()
            if number == batches:
                break
            model(images).softmax(dim=1)
    return batches * task.batch / (time.perf_counter() - started)


if __name__ == "__main__":
    serve(train, predict)
