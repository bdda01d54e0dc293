"""The page as an application: the rooms, and what stands before all of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from munseo._data import ImageError
from munseo._errors import UserError
from munseo._locale import LANGUAGES, Texts
from munseo._report import html
from munseo._report.hangul_font import all_hangul
from munseo._service.auth import called_name
from munseo._service.errors import Refusal
from munseo._ui.explainer import Models
from munseo._ui.page_templates import page
from munseo._ui.routes import (
    augment_page as augmenting,
)
from munseo._ui.routes import (
    review_page as review,
)
from munseo._ui.routes import (
    run_page as run,
)
from munseo._ui.routes import (
    runs_page as runs,
)
from munseo._ui.routes import (
    try_page as trying,
)
from munseo._ui.site import NotHere, Site

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts of this machine alone; style attributes hold the lengths of bars."""
_log = logging.getLogger("munseo._ui")


def build(site: Site, load: trying.Load, hosts: Sequence[str]) -> FastAPI:
    """The application.

    Args:
        site: Where everything is.
        load: Loads a run to answer.
        hosts: Names under which it may be called; empty: any. See ``service.gate``.
    """
    app = FastAPI(title="Munseo", docs_url=None, redoc_url=None, openapi_url=None)
    models = Models()

    @app.middleware("http")
    async def before(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        return await _guarded(request, call_next, hosts)

    for router in (
        runs.router(site), run.router(site, models), review.router(site), trying.router(site, models, load),
        augmenting.router(site),
    ):  # fmt: skip
        app.include_router(router)

    @app.get("/static/report.css")
    def style() -> FileResponse:
        return FileResponse(html.TEMPLATES / "report.css", media_type="text/css")

    @app.get("/static/hangul.woff")
    def hangul() -> Response:
        return Response(all_hangul(), media_type="font/woff", headers={"Cache-Control": "max-age=86400"})

    app.mount("/static", StaticFiles(directory=STATIC))
    for kind in (NotHere, UserError, ImageError, Refusal, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _explain)
    return app


async def _guarded(
    request: Request, call_next: Callable[[Request], Awaitable[Response]], hosts: Sequence[str]
) -> Response:
    """Whom it is for, from where it comes, in which language; and what the browser may do with the answer."""
    chosen = request.query_params.get("lang")
    language = _language(chosen or request.cookies.get("lang"), request.headers.get("accept-language", ""))
    request.state.words = Texts(language, "ui")
    netloc = request.headers.get("host", "").lower()
    origin = request.headers.get("origin")
    if hosts and called_name(request) not in hosts:
        response: Response = Response(f"This page answers to {', '.join(hosts)} only.", 421, media_type="text/plain")
    elif request.method != "GET" and origin is not None and origin.partition("://")[2].lower() != netloc:
        # Another site's page could otherwise decide about pages here, in its visitor's name.
        response = Response("Sent from another site.", 403, media_type="text/plain")
    elif chosen in LANGUAGES and request.method == "GET":
        rest = [pair for pair in request.query_params.multi_items() if pair[0] != "lang"]
        response = RedirectResponse(f"{request.url.path}?{urlencode(rest)}" if rest else request.url.path, 303)
        response.set_cookie("lang", chosen, max_age=365 * 86400, samesite="strict")
    else:
        try:
            response = await call_next(request)
        except Exception:  # the terminal gets the trace, the reader a page that says so
            _log.error("%s", traceback.format_exc())
            response = page(request, "problem.html.j2", "runs", 500,
                            message="Munseo failed at this page. Its terminal says why.", details=[])  # fmt: skip
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _language(chosen: str | None, accepted: str) -> str:
    """The chosen language, else the first that the browser asks for and that there is."""
    if chosen in LANGUAGES:
        return str(chosen)
    wanted = [part.split(";")[0].strip().lower()[:2] for part in accepted.split(",")]
    return next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])


def _explain(request: Request, error: Exception) -> Response:
    details: list[Any] = []
    if isinstance(error, UserError):
        message, details, status = error.message, list(error.problems), 422
    elif isinstance(error, ImageError):
        message, status = str(error), 422
    elif isinstance(error, Refusal):
        message, status = error.detail, error.status
        details = [f"{one.get('file', '')}: {one.get('reason', '')}" for one in error.errors]
    elif isinstance(error, RequestValidationError):
        message, status = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()), 422
    else:
        message, status = request.state.words("nothing_here"), getattr(error, "status_code", 404)
    return page(request, "problem.html.j2", "runs", status, message=message, details=details)
