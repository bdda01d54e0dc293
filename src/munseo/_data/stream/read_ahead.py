"""Reading ahead: threads decode while the model works, and no more pages wait than were asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

S = TypeVar("S")
P = TypeVar("P")


class _End:
    """After the last page of a source."""


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def read_ahead(sources: Iterable[S], read: Callable[[S], Iterable[P]], num_threads: int, num_pages: int) -> Iterator[P]:
    """Yield the pages of all sources in their order, read by threads.

    Args:
        sources: Taken one at a time, by one thread at a time.
        read: From a source to its pages, one by one; an error that it raises is raised here.
        num_threads: Sources that are read at once.
        num_pages: Pages that may wait, and for each thread one more.
    """
    shelf: _Shelf[S, P] = _Shelf(sources, num_pages)
    threads = [threading.Thread(target=shelf.fill, args=(read,), daemon=True) for _ in range(num_threads)]
    for thread in threads:
        thread.start()
    try:
        yield from shelf.pages()
    finally:
        shelf.stop()
        for thread in threads:
            thread.join()


class _Shelf(Generic[S, P]):
    """Pages that wait, a row for each source that has been begun."""

    def __init__(self, sources: Iterable[S], limit: int) -> None:
        self._changed = threading.Condition()
        self._sources = iter(sources)
        self._limit = limit
        self._rows: dict[int, deque[P | _End | _Failure]] = {}
        self._num_begun = 0
        self._current = 0
        self._num_waiting = 0
        self._no_more = False
        self._stopped = False

    def pages(self) -> Iterator[P]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._rows.get(self._current) or (self._no_more and self._current == self._num_begun)
                )
                if self._current not in self._rows:
                    return
                found = self._rows[self._current].popleft()
                if isinstance(found, _End):
                    del self._rows[self._current]
                    self._current += 1
                else:
                    self._num_waiting -= 1
                self._changed.notify_all()
            if isinstance(found, _Failure):
                raise found.error
            if not isinstance(found, _End):
                yield found

    def fill(self, read: Callable[[S], Iterable[P]]) -> None:
        """The work of one thread."""
        while True:
            begun = self._begin()
            if begun is None:
                return
            turn, source = begun
            try:
                for page in read(source):
                    if not self._put(turn, page):
                        return
            # It is raised again where the pages are taken.
            except BaseException as error:
                self._put(turn, _Failure(error))
            self._put(turn, _End())

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _begin(self) -> tuple[int, S] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._no_more or self._num_waiting < self._limit)
            if self._stopped or self._no_more:
                return None
            turn = self._num_begun
            try:
                source = next(self._sources)
            except StopIteration:
                self._no_more = True
            except BaseException as error:
                self._no_more = True
                self._rows[turn] = deque([_Failure(error)])
                self._num_begun += 1
            else:
                self._rows[turn] = deque()
                self._num_begun += 1
                return turn, source
            self._changed.notify_all()
            return None

    def _put(self, turn: int, found: P | _End | _Failure) -> bool:
        """Shelve a page when there is room. The source whose turn it is always has room for one, or all would wait."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._stopped
                    or self._num_waiting < self._limit
                    or isinstance(found, _End)
                    or (turn == self._current and not self._rows[turn])
                )
            )
            if self._stopped:
                return False
            self._rows[turn].append(found)
            if not isinstance(found, _End):
                self._num_waiting += 1
            self._changed.notify_all()
            return True
