"""Readings of many pages, and the table of numbers that comes of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from munseo._console import track
from munseo._data import ImageError, Page, decode, letterbox
from munseo._data.decoder import read_bytes
from munseo._errors import UserError
from munseo._shift.measures import FITTED, NAMES, SKEWED_DEG, Reading, read_file, read_square
from munseo._shift.orientation import Orientation

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Readings:
    """Of N pages.

    Attributes:
        values: Measure to (N,) values, all but those of orientation.
        layouts: (N, 194).
    """

    values: dict[str, np.ndarray]
    layouts: np.ndarray

    @staticmethod
    def gather(readings: Sequence[Reading]) -> Readings:
        """Put single readings together."""
        values = {name: np.array([reading.values[name] for reading in readings]) for name in readings[0].values}
        return Readings(values, np.stack([reading.layout for reading in readings]))

    def table(self, orientation: Orientation) -> dict[str, np.ndarray]:
        """Every measure there is, in the order of ``MEASURES``: (N,) each."""
        states = orientation.probabilities(self.layouts)
        skewed = np.abs(self.values["skew"]) > SKEWED_DEG
        sideways = states[:, 1::2].sum(axis=1)
        upside_down = states[:, 2] + states[:, 6]
        whole = {
            **self.values,
            "sideways": sideways,
            "upside_down": upside_down,
            "mirrored": states[:, 4:].sum(axis=1),
            "sideways_skewed": sideways * skewed,
            "upside_down_skewed": upside_down * skewed,
        }
        return {name: whole[name] for name in NAMES if name in whole}


def read_pages(pages: Sequence[Page], size_px: int, description: str) -> Readings:
    """Decode and measure pages, in threads.

    Args:
        pages: At least one.
        size_px: Side of the square that a model sees.
        description: Beside the progress bar.

    Raises:
        UserError: Pages cannot be read, all of them named.
    """
    found = list(in_threads(lambda page: _read(page, size_px), pages, description))
    problems = [f"{page.id}: {one}" for page, one in zip(pages, found, strict=True) if isinstance(one, str)]
    if problems:
        raise UserError(f"{len(problems)} of {len(pages)} images cannot be read; mend or remove them.", problems)
    return Readings.gather([one for one in found if isinstance(one, Reading)])


def load_squares(pages: Sequence[Page], size_px: int, description: str) -> list[np.ndarray]:
    """Pages as a model sees them: (S, S, 3) uint8 each."""
    return list(in_threads(lambda page: letterbox(decode(page.path), size_px), pages, description))


def in_threads(work: Callable[[T], R], items: Sequence[T], description: str) -> Iterable[R]:
    """Do the work on all cores; OpenCV lets go of the interpreter, so threads are enough."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from track(pool.map(work, items), description, total=len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def as_matrix(table: dict[str, np.ndarray], names: Sequence[str] = FITTED) -> np.ndarray:
    """(N, measures) of the named measures."""
    return np.stack([table[name] for name in names], axis=1)


def _read(page: Page, size_px: int) -> Reading | str:
    """The reading, or why there is none."""
    try:
        data = read_bytes(page.path, page.id)
        image = decode(data, page.id)
    except ImageError as error:
        return error.reason
    reading = read_square(letterbox(image, size_px))
    return Reading({**reading.values, **read_file(image, data)}, reading.layout)
