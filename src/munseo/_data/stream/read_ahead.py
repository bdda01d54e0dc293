"""Reading ahead: threads decode while the model computes, and only a bounded number of pages waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
P = TypeVar("P")


class _End:
    """Follows the last page of a source."""


@dataclass(frozen=True)
class _Failure:
    error: BaseException


def read_ahead(sources: Iterable[S], read: Callable[[S], Iterable[P]], num_threads: int, num_pages: int) -> Iterator[P]:
    """Yield the pages of all sources in their order, read by threads.

    Args:
        sources: The sources; only one thread at a time takes one from the iterator.
        read: Yields the pages of a source; an error that it raises is raised here.
        num_threads: The number of sources that are read at once.
        num_pages: The number of pages that may wait, besides one for each thread.
    """
    buffer: _Buffer[S, P] = _Buffer(sources, num_pages)
    threads = [threading.Thread(target=buffer.fill, args=(read,), daemon=True) for _ in range(num_threads)]
    for thread in threads:
        thread.start()
    try:
        yield from buffer.pages()
    finally:
        buffer.stop()
        for thread in threads:
            thread.join()


class _Buffer(Generic[S, P]):
    """The pages that wait, in one queue for each source that has been started."""

    def __init__(self, sources: Iterable[S], limit: int) -> None:
        self._changed = threading.Condition()
        self._sources = iter(sources)
        self._limit = limit
        self._queues: dict[int, deque[P | _End | _Failure]] = {}
        self._num_started = self._current = self._num_waiting = 0
        self._no_more = self._stopped = False

    def pages(self) -> Iterator[P]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._queues.get(self._current) or (self._no_more and self._current == self._num_started)
                )
                if self._current not in self._queues:
                    return
                item = self._queues[self._current].popleft()
                if isinstance(item, _End):
                    del self._queues[self._current]
                    self._current += 1
                else:
                    self._num_waiting -= 1
                self._changed.notify_all()
            if isinstance(item, _Failure):
                raise item.error
            if not isinstance(item, _End):
                yield item

    def fill(self, read: Callable[[S], Iterable[P]]) -> None:
        """Read sources until none is left; this is the work of one thread."""
        while True:
            started = self._start()
            if started is None:
                return
            turn, source = started
            try:
                for page in read(source):
                    if not self._put(turn, page):
                        return
            # The consumer of the pages raises it again.
            except BaseException as error:
                self._put(turn, _Failure(error))
            self._put(turn, _End())

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _start(self) -> tuple[int, S] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._no_more or self._num_waiting < self._limit)
            if self._stopped or self._no_more:
                return None
            turn = self._num_started
            try:
                source = next(self._sources)
            except StopIteration:
                self._no_more = True
            except BaseException as error:
                self._no_more = True
                self._queues[turn] = deque([_Failure(error)])
                self._num_started += 1
            else:
                self._queues[turn] = deque()
                self._num_started += 1
                return turn, source
            self._changed.notify_all()
            return None

    def _put(self, turn: int, item: P | _End | _Failure) -> bool:
        """Add a page when there is room. The current source always has room for one page, or all threads would wait."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._stopped
                    or self._num_waiting < self._limit
                    or isinstance(item, _End)
                    or (turn == self._current and not self._queues[turn])
                )
            )
            if self._stopped:
                return False
            self._queues[turn].append(item)
            if not isinstance(item, _End):
                self._num_waiting += 1
            self._changed.notify_all()
            return True
