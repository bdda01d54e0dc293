"""Predicts the pages of all requests together: the pages that wait when the model is free become its next batch.

No page waits for a batch to fill. A single client is answered at once, and under load batches fill by themselves.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_MEMORY = 0.8
"""Weight of the previous speed in the running mean: it covers about the last ten batches."""


@dataclass(frozen=True, slots=True)
class _QueuedPage:
    page: Any
    row: asyncio.Future[np.ndarray]


class Batcher:
    """A thread that owns the model.

    Args:
        predict: Returns the probabilities of prepared pages, float32 (N, num_classes). The row of a page should
            not depend on the pages that come with it; where it does, its digits vary between requests.
        batch_size: Largest number of pages in a batch.
        report: Called after each batch with its number of pages and its duration in seconds.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Any]], np.ndarray],
        batch_size: int,
        report: Callable[[int, float], None] = lambda num_pages, seconds: None,
    ) -> None:
        self._predict = predict
        self._batch_size = batch_size
        self._report = report
        self._changed = threading.Condition()
        self._waiting: deque[_QueuedPage] = deque()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self.pages_per_s = 0.0
        """Pages per second of the last batches; 0 before the first one."""

    @property
    def num_waiting(self) -> int:
        """Number of pages that wait for the model."""
        return len(self._waiting)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs, so that pages are predicted."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Predict the pages that wait, then end the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    async def predict(self, pages: Sequence[Any]) -> np.ndarray:
        """Wait for the probabilities of prepared pages, float32 (len(pages), num_classes).

        If the caller is cancelled, its pages are not computed any more.
        """
        loop = asyncio.get_running_loop()
        queued = [_QueuedPage(page, loop.create_future()) for page in pages]
        with self._changed:
            self._waiting.extend(queued)
            self._changed.notify()
        try:
            return np.stack([await page.row for page in queued])
        finally:
            for page in queued:
                page.row.cancel()

    def _work(self) -> None:
        while batch := self._next():
            start = time.perf_counter()
            rows: list[np.ndarray | Exception]
            try:
                rows = list(self._predict([queued.page for queued in batch]))
            except Exception as error:  # the requests of this batch fail; the next batch may succeed
                rows = [error] * len(batch)
            seconds = time.perf_counter() - start
            speed = len(batch) / seconds
            self.pages_per_s = _MEMORY * self.pages_per_s + (1 - _MEMORY) * speed if self.pages_per_s else speed
            self._report(len(batch), seconds)
            # All pages at once: waking up the event loop for each of them would cost more than the answers.
            batch[0].row.get_loop().call_soon_threadsafe(_settle, [queued.row for queued in batch], rows)

    def _next(self) -> list[_QueuedPage]:
        """Wait for the next batch; it is empty when the thread has to end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if not self._waiting:
                    return []
                batch: list[_QueuedPage] = []
                while self._waiting and len(batch) < self._batch_size:
                    queued = self._waiting.popleft()
                    if not queued.row.cancelled():
                        batch.append(queued)
                if batch:
                    return batch


def _settle(futures: Sequence[asyncio.Future[np.ndarray]], rows: Sequence[np.ndarray | Exception]) -> None:
    for future, row in zip(futures, rows, strict=True):
        if future.done():
            continue
        if isinstance(row, Exception):
            future.set_exception(row)
        else:
            future.set_result(row)
