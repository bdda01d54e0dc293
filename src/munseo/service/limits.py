"""What the service takes on; all that is beyond is refused before it costs memory or time."""

from __future__ import annotations

from dataclasses import dataclass


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
