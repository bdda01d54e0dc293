"""The loader: pages as a model takes them, decoded, letterboxed and stacked as uint8 batches."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from munseo._data import Page, letterbox, square
from munseo._model import ModelCard
from munseo._shift import deskew
from munseo._words.page_words import PageWords
from munseo._words.sidecar_file import words_of_text

T = TypeVar("T")

ITEMS_AHEAD = 2
"""Items that wait while the consumer is busy; each may be a batch of images."""


@dataclass(frozen=True)
class Batch:
    """The pages of one step.

    Attributes:
        images: uint8 (B, S, S, 3).
        labels: int64 (B,); -1 where a page has none.
        indices: int64 (B,): indices of the pages in the list that the loader was made of.
        policies: int64 (B,): the augmentation policy that a page got; -1 for the clean page.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor
    policies: torch.Tensor

    def to(self, device: torch.device, non_blocking: bool = True) -> Batch:
        """Return the batch with its images and labels on a device; what is only counted stays on the CPU."""
        images, labels = (tensor.to(device, non_blocking=non_blocking) for tensor in (self.images, self.labels))
        return Batch(images, labels, self.indices, self.policies)

    def pin_memory(self) -> Batch:
        """Pin the memory of images and labels; the loader calls it so that copies to a GPU overlap with its work."""
        return Batch(self.images.pin_memory(), self.labels.pin_memory(), self.indices, self.policies)


Item = tuple[np.ndarray, int, int, int]
"""Image (S, S, 3), label, index and policy of one page."""


def collate(items: Sequence[Item]) -> Batch:
    """Stack single pages into a batch."""
    images, labels, indices, policies = zip(*items, strict=True)
    return Batch(
        torch.from_numpy(np.stack(images)),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(indices, dtype=torch.int64),
        torch.tensor(policies, dtype=torch.int64),
    )


class PageDataset(Dataset[Item]):
    """A known number of pages in a fixed order."""

    def __len__(self) -> int:
        # torch's Dataset has no length; every subclass has one, and the loader's type needs it.
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DecodedPage:
    """A page that has been decoded: uint8 (S, S, 3) for each ``(image_size, orientation)`` that a model takes.

    ``words`` are those of the page; None where the run does not use any.
    """

    squares: Mapping[tuple[int, str], np.ndarray]
    words: PageWords | None = None

    def with_text(self, text: str) -> DecodedPage:
        """Return the page with the user's own text of it."""
        return replace(self, words=words_of_text(text, "column"))


def preprocessings_of(cards: Iterable[ModelCard]) -> list[tuple[int, str]]:
    """Return each ``(image_size, orientation)`` that models take."""
    return sorted({(card.image_size, card.orientation) for card in cards})


def prepared(pixels: np.ndarray, preprocessings: Sequence[tuple[int, str]]) -> DecodedPage:
    """Preprocess a page, (H, W, 3) uint8 RGB or (H, W) grey, upright, for models that take these."""
    return DecodedPage({(size, how): oriented(letterbox(pixels, size), how) for size, how in preprocessings})


class InferencePages(PageDataset):
    """Pages in their order, without augmentation: files that are decoded now, or pages that have been decoded."""

    def __init__(self, pages: Sequence[Page | DecodedPage], image_size: int, orientation: str) -> None:
        self.pages = pages
        self.image_size = image_size
        self.orientation = orientation

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, index: int) -> Item:
        page = self.pages[index]
        if isinstance(page, DecodedPage):
            return page.squares[self.image_size, self.orientation], -1, index, -1
        image = oriented(square(page, self.image_size), self.orientation)
        return image, -1 if page.label is None else page.label, index, -1


class ChosenPages(PageDataset):
    """Some pages of a dataset, by their indices."""

    def __init__(self, pages: PageDataset, indices: Sequence[int]) -> None:
        self.pages = pages
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        return self.pages[self.indices[index]]


def oriented(image: np.ndarray, orientation: str) -> np.ndarray:
    """Level a letterboxed page (``deskew``) or leave it (``as_is``): the last step of preprocessing of every page."""
    return deskew(image) if orientation == "deskew" else image


def single_threaded(_: int = 0) -> None:
    """Let a loader worker decode with one thread: the cores belong to the other workers and to the model."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def inference_loader(
    pages: PageDataset, batch_size: int, num_workers: int, pin_memory: bool = False, keep_workers: bool = False
) -> DataLoader[Item]:
    """Return a loader that gives ``Batch``es of pages, clean or damaged, in their order.

    With ``keep_workers`` the workers of one pass through the pages serve the next one too, instead of new ones.
    """
    return DataLoader(
        pages,
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=collate,
        worker_init_fn=single_threaded,
        pin_memory=pin_memory,
        persistent_workers=keep_workers and num_workers > 0,
    )


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items that a thread makes while the consumer works on the ones before; an error is raised in its place.

    OpenCV and torch release Python's lock, so that pages are damaged while the network computes.
    """
    made: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ITEMS_AHEAD)
    is_closed = threading.Event()

    def put(item: T | None, error: BaseException | None = None) -> None:
        while not is_closed.is_set():
            try:
                made.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            for item in items:
                put(item)
                if is_closed.is_set():
                    return
            put(None)
        except BaseException as error:  # also what would otherwise end the thread without a word
            put(None, error)

    thread = threading.Thread(target=make, name="pages ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        is_closed.set()
        thread.join()
