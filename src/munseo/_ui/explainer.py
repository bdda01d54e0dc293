"""Explains the predictions of a run: heat maps, the views of a page, and the nearest training pages."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from munseo._console import quietly
from munseo._data import Page, letterbox
from munseo._data.cache import square
from munseo._errors import UserError
from munseo._model import Classifier
from munseo._prediction.grad_cam import can_explain, heat_map, overlay
from munseo._prediction.loader import oriented
from munseo._prediction.predictor import PredictOptions, Predictor
from munseo._prediction.tta import PAGE_VIEWS, TENSOR_VIEWS, VIEWS, view_logits
from munseo._run import RunFolder
from munseo._ui.site import ResultCache

NEAREST = 4
"""Number of training pages that are shown next to a page."""
_BATCH = 16
"""Number of training pages that are turned into points at a time."""


@dataclass(frozen=True)
class ViewPrediction:
    """One view of a page, uint8 (S, S, 3), with its probabilities, float32 (num_classes,), before any calibration.

    The temperature of a run is that of everything that predicts together, and a single view has another one.
    ``averaged`` says whether the run averages this view.
    """

    name: str
    image: np.ndarray
    probabilities: np.ndarray
    averaged: bool


class Explainer:
    """The first model of a run, loaded to explain pages. One thread at a time uses the model.

    Raises:
        UserError: The weights are missing or were changed.
    """

    def __init__(self, run: RunFolder) -> None:
        with quietly():
            self.predictor: Predictor = Predictor.load(run, PredictOptions(device="cpu", backend="torch"))
        self.classifier: Classifier = self.predictor.runs[0].classifiers[0].eval()
        self.card = self.classifier.card
        self.neighbours: Neighbours | None = None
        self._lock = threading.Lock()

    def square(self, pixels: np.ndarray) -> np.ndarray:
        """Return a page (H, W, 3) uint8 as the model gets it, (S, S, 3) uint8."""
        return oriented(letterbox(pixels, self.card.image_size), self.card.orientation)

    def heat(self, image: np.ndarray, label: int | None) -> np.ndarray:
        """Return the page with the regions that support a class marked, uint8 (S, S, 3)."""
        if not can_explain(self.classifier):
            raise UserError("The network of this run does not show its features.")
        with self._lock:
            return overlay(image, heat_map(self.classifier, image, label))

    def views(self, image: np.ndarray) -> list[ViewPrediction]:
        """Predict every view of a page (S, S, 3) uint8."""
        pages = torch.from_numpy(image)[None]
        averaged = self.predictor.runs[0].views
        predictions = []
        with self._lock, torch.inference_mode():
            for name in VIEWS:
                row = view_logits(self.classifier, pages, name).softmax(dim=1).numpy()[0]
                predictions.append(ViewPrediction(name, self._view(image, name), row, name in averaged))
        return predictions

    def points(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return the features of pages before the head, scaled to unit length, float32 (N, dimensions)."""
        network: Any = self.classifier.network
        with self._lock, torch.inference_mode():
            maps = network.forward_features(self.classifier.prepare(torch.from_numpy(np.stack(images))))
            points: np.ndarray = network.forward_head(maps, pre_logits=True).float().numpy()
        lengths: np.ndarray = np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
        return np.asarray(points / lengths)

    def _view(self, image: np.ndarray, name: str) -> np.ndarray:
        if name in PAGE_VIEWS:
            return PAGE_VIEWS[name](image)
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
        seen = TENSOR_VIEWS[name](pixels, torch.full((3, 1, 1), 255.0))
        return np.array(seen[0].permute(1, 2, 0).round().clamp(0, 255).byte())


class Neighbours:
    """The features of all training pages, which the model of an explainer computes in the background.

    The labels of the pages count ``class_names``, which need not be those of the model.
    """

    def __init__(self, explainer: Explainer, pages: Sequence[Page], class_names: Sequence[str]) -> None:
        self.pages = pages
        self.class_names = class_names
        self.num_read = 0
        self._explainer = explainer
        self._points: list[np.ndarray] = []
        self._thread = threading.Thread(target=self._read, name="neighbours", daemon=True)
        self._thread.start()

    @property
    def are_ready(self) -> bool:
        """Whether all pages have been read."""
        return self.num_read == len(self.pages)

    def nearest(self, image: np.ndarray) -> list[tuple[Page, float]]:
        """Return the nearest pages with their cosine similarity, the nearest first; none until all have been read."""
        if not self.are_ready or not self.pages:
            return []
        similarity = np.concatenate(self._points) @ self._explainer.points([image])[0]
        nearest = np.argsort(-similarity)[:NEAREST]
        return [(self.pages[index], float(similarity[index])) for index in nearest]

    def class_name(self, page: Page) -> str:
        """Return the class that a page is labelled with."""
        return self.class_names[page.label or 0]

    def _read(self) -> None:
        card = self._explainer.card
        for start in range(0, len(self.pages), _BATCH):
            batch = [square(page, card.image_size) for page in self.pages[start : start + _BATCH]]
            self._points.append(self._explainer.points([oriented(image, card.orientation) for image in batch]))
            self.num_read += len(batch)


class Explainers:
    """The explainers of all runs, loaded on first use. Only the last one is kept, since each takes memory."""

    def __init__(self) -> None:
        self._cache = ResultCache(1)

    def get(self, run: RunFolder) -> Explainer:
        """Return the explainer of a run.

        Raises:
            UserError: Its weights cannot be loaded.
        """
        weights = (run.folds or [run])[0].weights_file
        stamp = weights.stat().st_mtime_ns if weights.exists() else 0
        return self._cache.get((run.path, stamp), lambda: Explainer(run))
