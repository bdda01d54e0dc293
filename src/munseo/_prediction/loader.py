"""The loader: pages as a model takes them, decoded, letterboxed and stacked as uint8 batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from munseo._data import Page, square
from munseo._shift import deskew


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
    """A page that has been decoded: uint8 (S, S, 3) for each ``(image_size, orientation)`` that a model takes."""

    squares: Mapping[tuple[int, str], np.ndarray]


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
    pages: PageDataset, batch_size: int, num_workers: int, pin_memory: bool = False
) -> DataLoader[Item]:
    """Return a loader that gives ``Batch``es of pages, clean or damaged, in their order."""
    return DataLoader(
        pages,
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=collate,
        worker_init_fn=single_threaded,
        pin_memory=pin_memory,
    )
