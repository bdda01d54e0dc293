"""The HTTP service: routes that read pages, predict them in batches, and answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException

from munseo._console import quietly
from munseo._cores import num_cores
from munseo._service.admission import Admission, Limits
from munseo._service.auth import AccessControl, HeadAsGet
from munseo._service.batcher import Batcher
from munseo._service.errors import Refusal
from munseo._service.responses import CLOSED, OPENAPI, PREDICT, Answers, page_answers
from munseo._service.uploads import ReadPage, check_media_type, count_request, files_of, read_body, read_pages

if TYPE_CHECKING:
    from munseo._prediction import Predictor

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds of the histogram of requests' durations, s."""
_PAGES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Upper bounds of the histogram of batches' sizes."""


class Service:
    """The state of the service: one predictor, its queue, and what was admitted within the limits."""

    def __init__(self, predictor: Predictor, limits: Limits) -> None:
        self.predictor = predictor
        self.limits = limits
        self.admission = Admission(limits, lambda: self.batcher.pages_per_s)
        self.metrics = ServiceMetrics(self.admission, lambda: self.batcher.num_waiting)
        self.batcher = Batcher(self._probabilities, predictor.batch_size, self.metrics.count_batch)
        self.threads = ThreadPoolExecutor(num_cores(), "decode")

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Start the model's thread before the first request, and stop it after the last answer."""
        self.batcher.start()
        yield
        self.threads.shutdown()
        await asyncio.to_thread(self.batcher.stop)

    async def predict(self, request: Request) -> Response:
        """Read the files of a request and answer with the predictions of their pages."""
        content_type = request.headers.get("content-type")
        check_media_type(content_type)
        self.admission.check()
        with self.admission.bytes() as reserve:
            body = await read_body(request, self.limits, reserve)
            uploads = files_of(content_type, body, request.query_params.get("name"), self.limits)
            if not self.predictor.uses_text and any(upload.text is not None for upload in uploads):
                raise Refusal(422, "This run was trained without words; send the files without their text.")
            with self.admission.files(len(uploads)):
                try:
                    async with asyncio.timeout(self.limits.answer_seconds):
                        num_pages = await count_request(uploads, self.limits, self.threads)
                        with self.admission.pages(num_pages):
                            pages = await read_pages(uploads, self.predictor.prepare, self.limits, self.threads)
                            rows = await self._rows(pages)
                except TimeoutError:
                    raise Refusal(
                        504, f"No answer within {self.limits.answer_seconds:g} s; send fewer pages at once, or later."
                    ) from None
        self.metrics.count_pages(len(rows), len(pages) - len(rows))
        answers = Answers(run=self.predictor.folder.name, pages=list(page_answers(pages, rows, self.predictor)))
        return Response(answers.model_dump_json(), media_type="application/json")

    async def _rows(self, pages: Sequence[ReadPage]) -> np.ndarray:
        """Predict the readable pages, or refuse the request (422) if no page can be read."""
        prepared = [page.prepared for page in pages if page.problem is None]
        if prepared:
            return await self.batcher.predict(prepared)
        errors = [
            {"file": page.file, "reason": str(page.problem or "")}
            | ({"page": page.number} if page.num_pages > 1 else {})
            for page in pages
        ]
        raise Refusal(422, "Not one page can be read.", errors)

    def _probabilities(self, pages: Sequence[Any]) -> np.ndarray:
        with quietly():
            return self.predictor.probabilities(pages)


class ServiceMetrics:
    """The metrics of one service, for Prometheus.

    Args:
        admission: What was accepted and is not answered yet.
        num_waiting: Returns how many pages wait for the model.
    """

    def __init__(self, admission: Admission, num_waiting: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        options: Any = {"registry": self._registry, "namespace": "munseo"}
        self._requests = Counter("requests", "Requests, by path and status.", ("path", "status"), **options)
        self._seconds = Histogram("request_seconds", "From a request's head to its answer.", ("path",),
                                  buckets=_SECONDS, **options)  # fmt: skip
        self._pages = Counter("pages", "Pages, answered or unreadable.", ("outcome",), **options)
        self._batch = Histogram("batch_pages", "Pages that the model is given at once.", buckets=_PAGES, **options)
        self._model = Counter("model_seconds", "Time in which the model computes.", **options)
        Gauge("waiting_pages", "Pages that wait for the model.", **options).set_function(num_waiting)
        for name, text, count in (
            ("admitted_files", "Files that were accepted and are not answered yet.", lambda: admission.num_files),
            ("admitted_pages", "Pages that are decoded or wait for their answer.", lambda: admission.num_pages),
            ("admitted_bytes", "Bytes of all request bodies in memory.", lambda: admission.num_bytes),
        ):
            Gauge(name, text, **options).set_function(count)

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def count_pages(self, answered: int, unreadable: int) -> None:
        """Count the pages of a request."""
        self._pages.labels("answered").inc(answered)
        self._pages.labels("unreadable").inc(unreadable)

    def count_batch(self, num_pages: int, seconds: float) -> None:
        """Count a batch; called in the model's thread."""
        self._batch.observe(num_pages)
        self._model.inc(seconds)

    def text(self) -> bytes:
        """Return all metrics in the format of Prometheus."""
        return generate_latest(self._registry)


def build(
    predictor: Predictor, model_card: Mapping[str, Any], limits: Limits, token: str | None, hosts: Sequence[str]
) -> FastAPI:
    """Build the application that serves one predictor.

    Args:
        predictor: The predictor.
        model_card: The answer to ``GET /v1/model``.
        limits: What the service accepts.
        token: Token that every request needs, except those that ask whether the service works; None for no token.
        hosts: Host names under which the service may be called; empty allows any.
    """
    service = Service(predictor, limits)
    # FastAPI's pages of documentation would load scripts from other servers; the description itself is enough.
    app = FastAPI(**OPENAPI, docs_url=None, redoc_url=None, lifespan=service.lifespan)
    app.add_middleware(AccessControl, token=token, hosts=hosts, count=service.metrics.count_request)
    app.add_middleware(HeadAsGet)
    app.add_exception_handler(HTTPException, _respond_to_http_error)
    app.add_exception_handler(Refusal, _respond_to_refusal)

    @app.post("/v1/predict", response_model=Answers, **PREDICT)
    async def predict(request: Request) -> Response:
        return await service.predict(request)

    @app.get("/v1/model", summary="What answers here", responses=CLOSED)
    async def card() -> dict[str, Any]:
        """The model card: classes, preprocessing, validation, fingerprints, limits."""
        return dict(model_card)

    @app.get("/healthz", summary="Whether the process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", summary="Whether pages are answered", responses={503: CLOSED[401]})
    async def readyz() -> Response:
        if not service.batcher.is_alive:
            raise Refusal(503, "The model does not answer.")
        return Response('{"status":"ready"}', media_type="application/json")

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response, responses=CLOSED)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _respond_to_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()


async def _respond_to_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "There is nothing at this path; GET /openapi.json says what there is."}
    detail = known.get(error.status_code, HTTPStatus(error.status_code).description or str(error.detail))
    return Refusal(error.status_code, detail, headers=error.headers).response()
