"""What the service counts of itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_PAGES = (1, 2, 4, 8, 16, 32, 64, 128)


class Measures:
    """Counters of one application.

    Args:
        num_waiting: Pages that wait for the model.
    """

    def __init__(self, num_waiting: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        own: Any = {"registry": self._registry, "namespace": "munseo"}
        self._requests = Counter("requests", "Requests, by path and status.", ("path", "status"), **own)
        self._seconds = Histogram("request_seconds", "From a request's head to its answer.", ("path",),
                                  buckets=_SECONDS, **own)  # fmt: skip
        self._pages = Counter("pages", "Pages, answered or unreadable.", ("outcome",), **own)
        self._batch = Histogram("batch_pages", "Pages that the model is given at once.", buckets=_PAGES, **own)
        self._model = Counter("model_seconds", "Time in which the model computes.", **own)
        Gauge("waiting_pages", "Pages that wait for the model.", **own).set_function(num_waiting)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def pages(self, answered: int, unreadable: int) -> None:
        """Count the pages of a request."""
        self._pages.labels("answered").inc(answered)
        self._pages.labels("unreadable").inc(unreadable)

    def batch(self, num_pages: int, seconds: float) -> None:
        """Count a batch; called in the model's thread."""
        self._batch.observe(num_pages)
        self._model.inc(seconds)

    def text(self) -> bytes:
        """All of it, in the format of Prometheus."""
        return generate_latest(self._registry)
