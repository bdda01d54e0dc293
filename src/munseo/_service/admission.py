"""Admission of requests: how much was accepted and is not answered yet. Only the event loop uses it, without locks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from munseo._service.errors import Refusal

LONGEST_RETRY_S = 60
"""Longest time after which a client is asked to try again, s."""


class Admission:
    """The files, pages and bytes of requests that were accepted and are not answered yet.

    ``speed`` returns the pages per second that are answered at the moment, 0 where that is not known yet.
    """

    def __init__(self, limits: Limits, speed: Callable[[], float]) -> None:
        self._limits = limits
        self._speed = speed
        self.num_files = 0
        self.num_pages = 0
        self.num_bytes = 0

    @contextmanager
    def files(self, num: int) -> Iterator[None]:
        """Admit the files of a request until the block ends.

        Raises:
            Refusal: 429, if other requests wait and the files would be too many. A request alone is always admitted.
        """
        if self.num_files and self.num_files + num > self._limits.waiting:
            raise self._busy("The queue is full.")
        self.num_files += num
        try:
            yield
        finally:
            self.num_files -= num

    @contextmanager
    def pages(self, num: int) -> Iterator[None]:
        """Admit the pages of a request until the block ends: from before they are decoded until they are answered.

        Raises:
            Refusal: 429, if other requests wait and the pages would be too many. A request alone is always admitted.
        """
        if self.num_pages and self.num_pages + num > self._limits.waiting_pages:
            raise self._busy("Too many pages are waiting.")
        self.num_pages += num
        try:
            yield
        finally:
            self.num_pages -= num

    def check(self) -> None:
        """Refuse a request (429) before its body is read if its files could not be admitted."""
        if self.num_files >= self._limits.waiting:
            raise self._busy("The queue is full.")

    @contextmanager
    def bytes(self) -> Iterator[Callable[[int], None]]:
        """Count the bytes of one body until the block ends.

        Yields:
            A function to call with the length that the body has or will have. It raises a ``Refusal`` with status 429
            where the bodies of all requests would take too much memory.
        """
        reserved = 0

        def reserve(total: int) -> None:
            nonlocal reserved
            more = max(0, total - reserved)
            if self.num_bytes + more > self._limits.waiting_bytes:
                raise self._busy("Too many bytes are waiting.")
            self.num_bytes += more
            reserved += more

        try:
            yield reserve
        finally:
            self.num_bytes -= reserved

    def _busy(self, why: str) -> Refusal:
        """Return a refusal with the seconds until the waiting files are answered at the present speed."""
        speed = self._speed()
        waiting = max(self.num_files, self.num_pages)
        seconds = min(max(math.ceil(waiting / speed) if speed > 0 else 1, 1), LONGEST_RETRY_S)
        return Refusal(429, f"{why} Try again in {seconds} s.", headers={"Retry-After": str(seconds)})


@dataclass(frozen=True)
class Limits:
    """Limits of a request, and of all requests together.

    Attributes:
        body_bytes: Bytes of one request, which is held in memory and never written to a disk.
        files: Files of one request.
        pages: Pages of one request, over all its files.
        pixels: Pixels of one image, checked before it is decoded; an A3 sheet at 400 dpi has 31 million.
        waiting: Files that were accepted and are not answered yet.
        waiting_pages: Pages of these files; a prepared page takes 3 · image_size² bytes.
        waiting_bytes: Bytes of all bodies in memory, whole or arriving.
        body_seconds: Time for a body to arrive, and for the head of a request.
        answer_seconds: Time from then until the answer.
        connections: Connections that are open at once.
    """

    body_bytes: int = 32 * 2**20
    files: int = 64
    pages: int = 200
    pixels: int = 50_000_000
    waiting: int = 128
    waiting_pages: int = 512
    waiting_bytes: int = 256 * 2**20
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    connections: int = 1024
