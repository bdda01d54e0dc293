"""The predictions of the pages of a dataset by single views: each page is predicted at most once by each view.

Judging needs the same pages in several ways: by the run's own views, by every view, and again by the views of the
second look. All of these are means of the rows that are kept here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from munseo._console import Advance, phase
from munseo._model import Classifier
from munseo._prediction.device import InferenceSetup, autocast
from munseo._prediction.inference import filled, images_at_once, place
from munseo._prediction.loader import Batch, ChosenPages, PageDataset, ahead, inference_loader
from munseo._prediction.tta import PAGE_VIEWS, PIXEL_MOVES, check_views, distinct_views, mean_of_logits, view_input


@dataclass(frozen=True)
class _Input:
    """Images for the network, float32 (B, 3, S, S), and for each of them the rows and views that it shows."""

    images: torch.Tensor
    meanings: Sequence[Sequence[tuple[int, str]]]


class ViewPredictions:
    """The logits of N pages by views, which are predicted when they are first asked for.

    Args:
        classifier: The model; an engine may run its network.
        pages: The pages; they are damaged or decoded when they are predicted.
        setup: How the model runs on this machine.
        description: What is done, for progress bars and logs.

    ``advance`` is called with the numbers of predictions where a caller shows the progress of several calls itself.
    """

    advance: Advance | None = None

    def __init__(self, classifier: Classifier, pages: PageDataset, setup: InferenceSetup, description: str) -> None:
        self.classifier = classifier
        self.pages = pages
        self.setup = setup
        self.description = description
        self._logits: dict[str, np.ndarray] = {}  # float32 (N, K) for each view; not a number where it is unknown
        self._known: dict[str, np.ndarray] = {}  # bool (N,)

    def mean(self, views: Sequence[str], rows: np.ndarray | None = None) -> np.ndarray:
        """Return the mean of views in the space of the model's card, float32 (M, K), for M rows, or for all pages."""
        kept = self.logits(views, rows)
        return mean_of_logits(list(torch.from_numpy(kept)), self.classifier.card.tta_space).numpy()

    def probabilities(self, view: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the probabilities of rows, or of all pages, by one view, float32 (M, K)."""
        return torch.from_numpy(self.logits((view,), rows)[0]).softmax(dim=1).numpy()

    def logits(self, views: Sequence[str], rows: np.ndarray | None = None) -> np.ndarray:
        """Return the logits of rows, or of all pages, by V views, float32 (V, M, K)."""
        check_views(views)
        wanted = np.arange(len(self.pages)) if rows is None else np.asarray(rows)
        self._complete(tuple(dict.fromkeys(views)), wanted)
        return np.stack([self._logits[view][wanted] for view in views])

    def missing(self, views: Sequence[str], rows: np.ndarray | None = None) -> int:
        """Return the number of predictions, a page by a view each, that ``logits`` would compute now."""
        wanted = np.arange(len(self.pages)) if rows is None else np.asarray(rows)
        nothing = np.zeros(len(self.pages), dtype=bool)
        return sum(int((~self._known.get(view, nothing)[wanted]).sum()) for view in dict.fromkeys(views))

    def _complete(self, views: tuple[str, ...], wanted: np.ndarray) -> None:
        """Predict what is unknown of these rows by these views; pages that lack the same views go together."""
        shape = (len(self.pages), self.classifier.card.num_classes)
        for view in views:
            self._logits.setdefault(view, np.full(shape, np.nan, dtype=np.float32))
            self._known.setdefault(view, np.zeros(len(self.pages), dtype=bool))
        unknown = ~np.stack([self._known[view][wanted] for view in views], axis=1)  # (M, V)
        if not unknown.any():
            return
        with nullcontext(self.advance) if self.advance else phase(self.description, int(unknown.sum())) as advance:
            for pattern in np.unique(unknown, axis=0):
                lacking = tuple(view for view, is_unknown in zip(views, pattern, strict=True) if is_unknown)
                if lacking:
                    self._predict(lacking, wanted[(unknown == pattern).all(axis=1)], advance)

    def _predict(self, views: tuple[str, ...], rows: np.ndarray, advance: Advance) -> None:
        place(self.classifier, self.setup)
        inputs = self._inputs(views, rows)
        if not self.setup.num_workers:
            inputs = ahead(inputs)  # the next pages are decoded and damaged while the network works
        with torch.inference_mode(), autocast(self.setup.precision, self.setup.device):
            for given in inputs:
                logits = self.classifier(given.images)[: len(given.meanings)].float().cpu().numpy()
                for row, meanings in zip(logits, given.meanings, strict=True):
                    for page, view in meanings:
                        self._logits[view][page] = row
                        self._known[view][page] = True
                advance(sum(map(len, given.meanings)))

    def _inputs(self, views: tuple[str, ...], rows: np.ndarray) -> Iterator[_Input]:
        """Yield the network's inputs for pages by views; a view that leaves a page like another one costs nothing."""
        setup, size = self.setup, images_at_once(self.classifier, self.setup)
        loader = inference_loader(
            ChosenPages(self.pages, rows.tolist()), setup.batch_size, setup.num_workers, setup.device.type == "cuda"
        )
        whole = [view for view in views if view in PIXEL_MOVES or view in PAGE_VIEWS]
        sampled = [view for view in views if view not in whole]
        start = 0
        for batch in loader:
            assert isinstance(batch, Batch)
            numbers = rows[start : start + len(batch.images)].tolist()
            start += len(numbers)
            images: list[np.ndarray] = []
            meanings: list[list[tuple[int, str]]] = []
            for number, page in zip(numbers, batch.images.numpy(), strict=True):
                for image, names in distinct_views(page, whole):
                    images.append(image)
                    meanings.append([(number, name) for name in names])
            for first in range(0, len(images), size):
                stacked = torch.from_numpy(np.stack(images[first : first + size]))
                yield self._input(stacked, "identity", meanings[first : first + size], size)
            for view in sampled:
                for first in range(0, len(numbers), size):
                    part = [[(number, view)] for number in numbers[first : first + size]]
                    yield self._input(batch.images[first : first + size], view, part, size)

    def _input(
        self, pages: torch.Tensor, view: str, meanings: Sequence[Sequence[tuple[int, str]]], size: int
    ) -> _Input:
        with torch.inference_mode():
            whole = filled(self.classifier, pages, size).to(self.setup.device)
            return _Input(view_input(self.classifier, whole, view), meanings)
