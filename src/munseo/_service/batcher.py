"""Pages of all requests answered together: whatever waits when the model is free becomes its next batch.

Nothing waits for a batch to fill. A single client is answered at once, and under load batches fill by themselves.
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
"""Share of the old speed in the new one, batch by batch: some ten batches are remembered."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    page: Any
    answer: asyncio.Future[np.ndarray]
    loop: asyncio.AbstractEventLoop


class Batcher:
    """A thread that owns the model.

    Args:
        answer: From pages to rows, as in ``ServedModel``.
        batch_size: Pages that it is given at most.
        told: Called after each batch with its number of pages and the seconds that it took.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Any]], np.ndarray],
        batch_size: int,
        told: Callable[[int, float], None] = lambda num_pages, seconds: None,
    ) -> None:
        self._answer = answer
        self._batch_size = batch_size
        self._told = told
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self.pages_per_s = 0.0
        """Of the last batches; 0 before the first."""

    @property
    def num_waiting(self) -> int:
        """Pages that wait for the model."""
        return len(self._waiting)

    @property
    def is_alive(self) -> bool:
        """Whether pages are answered."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what waits, then end."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    async def answer(self, pages: Sequence[Any]) -> np.ndarray:
        """Wait for the rows of some pages, float32 (len(pages), num_classes).

        Whoever stops waiting is forgotten: their pages are not computed.
        """
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(page, loop.create_future(), loop) for page in pages]
        with self._changed:
            self._waiting.extend(waiting)
            self._changed.notify()
        try:
            return np.stack([await one.answer for one in waiting])
        finally:
            for one in waiting:
                one.answer.cancel()

    def _work(self) -> None:
        while batch := self._next():
            start = time.perf_counter()
            rows: list[np.ndarray | Exception]
            try:
                rows = list(self._answer([one.page for one in batch]))
            except Exception as error:  # the requests of this batch are told; the next batch may be fine
                rows = [error] * len(batch)
            seconds = time.perf_counter() - start
            speed = len(batch) / seconds
            self.pages_per_s = _MEMORY * self.pages_per_s + (1 - _MEMORY) * speed if self.pages_per_s else speed
            self._told(len(batch), seconds)
            for one, row in zip(batch, rows, strict=True):
                one.loop.call_soon_threadsafe(_settle, one.answer, row)

    def _next(self) -> list[_Waiting]:
        """The next batch; empty at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if not self._waiting:
                    return []
                batch: list[_Waiting] = []
                while self._waiting and len(batch) < self._batch_size:
                    one = self._waiting.popleft()
                    if not one.answer.cancelled():
                        batch.append(one)
                if batch:
                    return batch


def _settle(answer: asyncio.Future[np.ndarray], row: np.ndarray | Exception) -> None:
    if answer.done():
        return
    if isinstance(row, Exception):
        answer.set_exception(row)
    else:
        answer.set_result(row)
