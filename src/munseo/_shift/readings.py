"""Readings: the measures of many pages, as tables of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from munseo._console import track
from munseo._cores import num_cores
from munseo._data import ImageError, Page, decode, letterbox
from munseo._data.decoder import decode_stored, read_bytes
from munseo._errors import UserError
from munseo._shift.measures import NAMES, SKEWED_DEG, PageReading, read_file, read_square
from munseo._shift.orientation import Orientation

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Readings:
    """The measures of N pages."""

    values: dict[str, np.ndarray]  # (N,) values by measure, except those of orientation
    layouts: np.ndarray  # (N, 194) ``layout_features``

    @staticmethod
    def gather(readings: Sequence[PageReading]) -> Readings:
        """Combine the readings of single pages."""
        values = {name: np.array([reading.values[name] for reading in readings]) for name in readings[0].values}
        return Readings(values, np.stack([reading.layout for reading in readings]))

    def table(self, orientation: Orientation) -> dict[str, np.ndarray]:
        """Return all measures in the order of ``MEASURES``: (N,) each."""
        states = orientation.probabilities(self.layouts)
        skewed = np.abs(self.values["skew"]) > SKEWED_DEG
        sideways = states[:, 1::2].sum(axis=1)
        upside_down = states[:, 2] + states[:, 6]
        columns = {
            **self.values,
            "sideways": sideways,
            "upside_down": upside_down,
            "mirrored": states[:, 4:].sum(axis=1),
            "sideways_skewed": sideways * skewed,
            "upside_down_skewed": upside_down * skewed,
        }
        return {name: columns[name] for name in NAMES if name in columns}


def read_pages(pages: Sequence[Page], size_px: int, description: str) -> Readings:
    """Decode and measure at least one page, in threads; ``description`` labels the progress bar.

    Raises:
        UserError: Pages cannot be read, all of them named.
    """
    readings = list(in_threads(lambda page: _read(page, size_px), pages, description))
    problems = [f"{page.id}: {reason}" for page, reason in zip(pages, readings, strict=True) if isinstance(reason, str)]
    if problems:
        raise UserError(f"{len(problems)} of {len(pages)} images cannot be read; fix or remove them.", problems)
    return Readings.gather([reading for reading in readings if isinstance(reading, PageReading)])


def load_squares(pages: Sequence[Page], size_px: int, description: str) -> list[np.ndarray]:
    """Return the pages as a model sees them: (S, S, 3) uint8 each."""
    return list(in_threads(lambda page: letterbox(decode_stored(page.path), size_px), pages, description))


def in_threads(work: Callable[[T], R], items: Sequence[T], description: str) -> Iterable[R]:
    """Do the work on all cores; threads are enough, since OpenCV releases the interpreter lock."""
    pool = ThreadPoolExecutor(num_cores())
    try:
        yield from track(pool.map(work, items), description, total=len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _read(page: Page, size_px: int) -> PageReading | str:
    """Return the reading, or the reason why there is none."""
    try:
        data = read_bytes(page.path, page.id)
        image = decode(data, page.id)
    except ImageError as error:
        return str(error.problem)
    reading = read_square(letterbox(image, size_px))
    return PageReading({**reading.values, **read_file(image, data)}, reading.layout)
