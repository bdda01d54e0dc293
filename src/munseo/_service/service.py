"""The application: routes that join reading, batching and answering."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from munseo._service.admission import Limits, Waiting
from munseo._service.auth import Gate
from munseo._service.batcher import Batcher
from munseo._service.errors import Refusal
from munseo._service.metrics import MEDIA_TYPE, Measures
from munseo._service.openapi import CLOSED, OPENAPI, PREDICT
from munseo._service.page_reader import ReadPage, read_pages
from munseo._service.responses import Answers, page_answers
from munseo._service.served_model import ServedModel
from munseo._service.uploads import check_media_type, files_of, read_body


class Service:
    """The state behind the routes.

    Args:
        model: Loaded.
        limits: What is taken on.
    """

    def __init__(self, model: ServedModel, limits: Limits) -> None:
        self.model = model
        self.limits = limits
        self.measures = Measures(lambda: self.batcher.num_waiting)
        self.batcher = Batcher(model.answer, model.batch_size, self.measures.batch)
        self.waiting = Waiting(limits, lambda: self.batcher.pages_per_s)
        self.threads = ThreadPoolExecutor(os.cpu_count() or 1, "decode")

    @asynccontextmanager
    async def working(self, _: FastAPI) -> AsyncIterator[None]:
        """From the first request to the last answer."""
        self.batcher.start()
        yield
        self.threads.shutdown()
        await asyncio.to_thread(self.batcher.stop)

    async def predict(self, request: Request) -> Response:
        """Read a body, answer its pages."""
        content_type = request.headers.get("content-type")
        check_media_type(content_type)
        self.waiting.look()
        with self.waiting.bytes() as reach:
            body = await read_body(request, self.limits, reach)
            uploads = files_of(content_type, body, request.query_params.get("name"), self.limits)
            with self.waiting.files(len(uploads)):
                try:
                    async with asyncio.timeout(self.limits.answer_seconds):
                        pages = await read_pages(uploads, self.model, self.limits, self.threads)
                        rows = await self._rows(pages)
                except TimeoutError:
                    raise Refusal(
                        504, f"No answer within {self.limits.answer_seconds:g} s; send fewer pages at once, or later."
                    ) from None
        self.measures.pages(len(rows), len(pages) - len(rows))
        answers = Answers(run=str(self.model.card["run"]), pages=list(page_answers(pages, rows, self.model)))
        return Response(answers.model_dump_json(), media_type="application/json")

    async def _rows(self, pages: Sequence[ReadPage]) -> np.ndarray:
        """Rows of the readable pages.

        Raises:
            Refusal: 422, there is none.
        """
        prepared = [page.prepared for page in pages if page.problem is None]
        if prepared:
            return await self.batcher.answer(prepared)
        errors = [
            {"file": page.file, "reason": str(page.problem or "")}
            | ({"page": page.number} if page.num_pages > 1 else {})
            for page in pages
        ]
        raise Refusal(422, "Not one page can be read.", errors)


def build(model: ServedModel, limits: Limits, token: str | None, hosts: Sequence[str]) -> FastAPI:
    """The application of one model.

    Args:
        model: Loaded.
        limits: What is taken on.
        token: That every request has to carry, but those that ask whether the service works; None: no token.
        hosts: Names under which it may be called; empty: any.
    """
    service = Service(model, limits)
    # Pages of documentation would load scripts from elsewhere; the description itself is enough.
    app = FastAPI(**OPENAPI, docs_url=None, redoc_url=None, lifespan=service.working)
    app.add_middleware(Gate, token=token, hosts=hosts, measures=service.measures)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Refusal, _of_refusal)

    @app.post("/v1/predict", response_model=Answers, **PREDICT)
    async def predict(request: Request) -> Response:
        return await service.predict(request)

    @app.get("/v1/model", summary="What answers here", responses=CLOSED)
    async def card() -> dict[str, Any]:
        """The model card: classes, preprocessing, validation, fingerprints, limits."""
        return dict(model.card)

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
        return Response(service.measures.text(), media_type=MEDIA_TYPE)

    return app


async def _of_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "There is nothing at this path; GET /openapi.json says what there is."}
    detail = known.get(error.status_code, HTTPStatus(error.status_code).description or str(error.detail))
    return Refusal(error.status_code, detail, headers=error.headers).response()
