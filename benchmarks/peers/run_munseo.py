"""Munseo: the step, the input and the trainer of ``munseo train`` with the ``eda`` policy; prediction of pages.

The cache stays in the data folder. So the first round decodes and checks all pages before the first step, and the other
rounds, from which the medians are, find that there.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from protocol import Ready, Task, prediction_rate, serve

from munseo._bench.step_rate import training_rate
from munseo._config import Config
from munseo._data import Page
from munseo._model import Classifier, ModelCard, build_classifier, model_normalisation
from munseo._prediction import InferenceSetup, predict_pages
from munseo._prediction.device import choose_workers
from munseo._training import collect, make_splits
from munseo._training.training_run import build_module, make_card

EPOCHS = 10**6
"""Number of epochs, so that no schedule ends within the measurement."""


def train(task: Task, ready: Ready) -> float:
    config = Config.model_validate(
        {
            "model_name": task.model, "pretrained": False, "image_size": task.size, "batch_size": task.batch,
            "augmentation": {"eda": True}, "data_dir": task.data, "epochs": EPOCHS, "shift": "none", "device": "cpu",
            "num_threads": torch.get_num_threads(), "cache": str(task.data / "cache"),
        }
    )  # fmt: skip
    collection = collect(config)
    module, _ = build_module(config, make_card(config, collection.pages), make_splits(config, collection)[0])
    ready()
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
    return training_rate(module, task.steps)


def predict(task: Task, ready: Ready) -> float:
    settings = InferenceSetup(torch.device("cpu"), task.batch, choose_workers("auto", torch.device("cpu")))
    classifier = make_classifier(task)

    def of(folder: Path) -> int:
        pages = [Page(path.name, path, None) for path in sorted(folder.rglob("*.*"))]
        return len(predict_pages(classifier, pages, settings))

    return prediction_rate(of, task, ready)


def make_classifier(task: Task) -> Classifier:
    names = tuple(str(number) for number in range(task.num_classes))
    mean, std = model_normalisation(task.model)
    return build_classifier(ModelCard(task.model, names, names, task.size, mean, std))[0]


if __name__ == "__main__":
    serve(train, predict)
