"""How much has been taken on and not answered yet; used by the event loop alone, so without locks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from munseo._service.errors import Refusal

LONGEST_RETRY_S = 60


class Waiting:
    """Files and bytes that wait, within limits.

    Args:
        limits: How many may.
        speed: Pages a second that are answered at the moment, 0 where it is not known yet.
    """

    def __init__(self, limits: Limits, speed: Callable[[], float]) -> None:
        self._limits = limits
        self._speed = speed
        self.num_files = 0
        self.num_bytes = 0

    @contextmanager
    def files(self, num: int) -> Iterator[None]:
        """Take these files on, until the block ends.

        Raises:
            Refusal: 429, with more than one request waiting there is no room for them.
        """
        if self.num_files and self.num_files + num > self._limits.waiting:
            raise self._busy("The queue is full.")
        self.num_files += num
        try:
            yield
        finally:
            self.num_files -= num

    def look(self) -> None:
        """Refuse before a body is read what would be refused after it.

        Raises:
            Refusal: 429, no file fits in.
        """
        if self.num_files >= self._limits.waiting:
            raise self._busy("The queue is full.")

    @contextmanager
    def bytes(self) -> Iterator[Callable[[int], None]]:
        """Count the bytes of one body, until the block ends.

        Yields:
            A function to call with the whole length that the body has or will have; it raises a ``Refusal`` with
            status 429 where the bodies of all requests would take too much memory.
        """
        own = 0

        def reach(total: int) -> None:
            nonlocal own
            more = max(0, total - own)
            if self.num_bytes + more > self._limits.waiting_bytes:
                raise self._busy("Too many bytes are waiting.")
            self.num_bytes += more
            own += more

        try:
            yield reach
        finally:
            self.num_bytes -= own

    def retry_after_s(self) -> int:
        """In how many seconds the files that wait now will have been answered, at the speed of now."""
        speed = self._speed()
        seconds = math.ceil(self.num_files / speed) if speed > 0 else 1
        return min(max(seconds, 1), LONGEST_RETRY_S)

    def _busy(self, why: str) -> Refusal:
        seconds = self.retry_after_s()
        return Refusal(429, f"{why} Try again in {seconds} s.", headers={"Retry-After": str(seconds)})


@dataclass(frozen=True)
class Limits:
    """Bounds of a request, and of all requests together.

    Attributes:
        body_bytes: Of one request; it is held in memory and never written to a disk.
        files: Of one request.
        pages: Of one request, over all its files.
        pixels: Of one image, checked before it is decoded; an A3 sheet at 400 dpi has 31 million.
        waiting: Files that have been accepted and not answered yet.
        waiting_bytes: Bodies in memory, whole or on their way.
        body_seconds: For a body to arrive, and for a request's head.
        answer_seconds: From then on until it is answered.
        connections: Open at once.
    """

    body_bytes: int = 32 * 2**20
    files: int = 64
    pages: int = 200
    pixels: int = 50_000_000
    waiting: int = 128
    waiting_bytes: int = 256 * 2**20
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    connections: int = 1024
