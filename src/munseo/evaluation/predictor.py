"""Class probabilities of pages, by every road the same."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from munseo.config import Config
from munseo.console import track
from munseo.data import Page
from munseo.evaluation.combining import Combination, is_ensemble, member_folders, read_combination
from munseo.evaluation.inputs import Batch, inference_loader
from munseo.evaluation.views import VIEWS, check_views
from munseo.model import Classifier, load_classifier
from munseo.model.card import ModelCard
from munseo.run import RunFolder


@dataclass(frozen=True)
class Settings:
    """How prediction runs on this machine; none of it changes what is predicted beyond the last digits."""

    device: torch.device
    batch_size: int = 50
    num_workers: int = 0
    precision: str = "32-true"


def predict_pages(
    classifier: Classifier,
    pages: Sequence[Page],
    settings: Settings,
    views: Sequence[str] = ("identity",),
    description: str = "predicting",
) -> np.ndarray:
    """Predict pages.

    Args:
        classifier: The model; it is moved to the device and set to evaluation.
        pages: Pages whose images can be decoded.
        settings: Device, batch, workers, precision.
        views: Names of test-time views; their probabilities are averaged.
        description: What the progress bar says.

    Returns:
        Probabilities, float32 (num_pages, num_classes), a row a page in the order given.
    """
    check_views(views)
    classifier = classifier.to(settings.device).eval()
    if settings.device.type in ("cpu", "cuda"):
        classifier = classifier.to(memory_format=torch.channels_last)
    pinned = settings.device.type == "cuda"
    loader = inference_loader(
        pages, classifier.card.image_size, settings.batch_size, settings.num_workers, pin_memory=pinned
    )
    rows = np.empty((len(pages), classifier.card.num_classes), dtype=np.float32)
    done = 0
    with torch.inference_mode(), autocast(settings):
        for batch in track(loader, description):
            assert isinstance(batch, Batch)
            probabilities = _mean_probabilities(classifier, batch.images.to(settings.device, non_blocking=True), views)
            rows[done : done + len(probabilities)] = probabilities.cpu().numpy()
            done += len(probabilities)
    assert done == len(pages)
    return rows


def _mean_probabilities(classifier: Classifier, images: torch.Tensor, views: Sequence[str]) -> torch.Tensor:
    prepared = classifier.prepare(images)  # (B, 3, S, S)
    total = torch.zeros(len(images), classifier.card.num_classes, device=images.device)
    for name in views:
        total += classifier(VIEWS[name](prepared, classifier.white)).float().softmax(dim=1)
    return total / len(views)


def autocast(settings: Settings) -> AbstractContextManager[object]:
    """Mixed precision as the trainer uses it, for the same numbers outside of it."""
    if settings.precision == "32-true":
        return nullcontext()
    dtype = torch.bfloat16 if settings.precision.startswith("bf16") else torch.float16
    return torch.autocast(settings.device.type, dtype=dtype)


def choose_device(wish: str) -> torch.device:
    """The device of a configuration; ``auto`` takes CUDA, then MPS, then the CPU."""
    if wish == "auto":
        wish = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(wish)


def read_card(run: RunFolder) -> ModelCard:
    """The card beside a run's weights; that of the first fold in a k-fold run."""
    file = (run.folds or [run])[0].model_file
    return ModelCard.from_dict(run.read_json(file), str(file))


def load_members(run: RunFolder) -> list[Classifier]:
    """The models of a run: one, or one a fold, whose probabilities are to be averaged."""
    return [load_classifier(read_card(member), member.weights_file) for member in run.folds or [run]]


def predict_run(
    members: Sequence[Classifier], pages: Sequence[Page], settings: Settings, views: Sequence[str]
) -> np.ndarray:
    """Mean probabilities of a run's members, float32 (num_pages, num_classes)."""
    total: np.ndarray | None = None
    for number, member in enumerate(members):
        name = "predicting" if len(members) == 1 else f"predicting, fold {number + 1} of {len(members)}"
        rows = predict_pages(member, pages, settings, views, name)
        total = rows if total is None else total + rows
    assert total is not None
    return total / np.float32(len(members))


@dataclass(frozen=True)
class LoadedRun:
    """A run's models, whose probabilities are averaged, and how the run was configured."""

    classifiers: Sequence[Classifier]
    config: Config

    def views(self, tta: bool | None) -> Sequence[str]:
        """The views to average: the configured set, the page alone, or (None) what the run was judged with."""
        if tta is None:
            return self.classifiers[0].card.tta_views
        return tuple(self.config.tta_views) if tta else ("identity",)

    def columns(self, class_names: Sequence[str]) -> list[int]:
        """Where these classes stand among the run's own."""
        return [self.classifiers[0].card.class_names.index(name) for name in class_names]


@dataclass(frozen=True)
class Predictor:
    """All that answers for a run folder, loaded.

    Attributes:
        card: The classes of the answer, in its order.
        runs: The run itself, or the members of an ensemble: each keeps its own size, normalisation, views, classes.
        combination: What makes one answer of the members'; None for an ordinary run.
    """

    card: ModelCard
    runs: tuple[LoadedRun, ...]
    combination: Combination | None

    def predict(self, pages: Sequence[Page], settings: Sequence[Settings], tta: bool | None = None) -> np.ndarray:
        """Probabilities, float32 (num_pages, num_classes).

        Args:
            pages: Pages whose images can be decoded.
            settings: For each of ``runs``, since each may have been trained in another precision.
            tta: Average the configured views; None: as each run was judged.
        """
        rows = [
            predict_run(run.classifiers, pages, setting, run.views(tta))[:, run.columns(self.card.class_names)]
            for run, setting in zip(self.runs, settings, strict=True)
        ]
        return rows[0] if self.combination is None else self.combination(np.stack(rows)).astype(np.float32)


def load_predictor(run: RunFolder) -> Predictor:
    """Load the models of a run, of all its folds, or of all members of an ensemble."""
    if not is_ensemble(run):
        classifiers = load_members(run)
        return Predictor(classifiers[0].card, (LoadedRun(classifiers, run.read_config()),), None)
    members = tuple(LoadedRun(load_members(member), member.read_config()) for member in member_folders(run))
    return Predictor(read_card(run), members, read_combination(run))
