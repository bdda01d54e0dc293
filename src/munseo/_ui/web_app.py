"""The web UI as an application: its routes, and the checks before all of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from munseo._data import ImageError
from munseo._errors import UserError
from munseo._locale import LANGUAGES, Texts
from munseo._report import html
from munseo._report.fonts import all_hangul
from munseo._service.auth import HeadAsGet, called_name
from munseo._service.errors import Refusal
from munseo._ui.explainer import Explainers
from munseo._ui.page_templates import page, same_address
from munseo._ui.routes import augment_page, review_page, run_page, runs_page, try_page
from munseo._ui.site import NotHere, Site

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security policy: only scripts of this server run; style attributes hold the lengths of bars."""
_log = logging.getLogger("munseo._ui")


def build(site: Site, load: try_page.Load, hosts: Sequence[str]) -> FastAPI:
    """Build the application. ``hosts`` are the names under which it may be called; empty allows any."""
    app = FastAPI(title="Munseo", docs_url=None, redoc_url=None, openapi_url=None)
    explainers = Explainers()

    @app.middleware("http")
    async def before(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        return await _guarded(request, call_next, hosts)

    app.add_middleware(HeadAsGet)
    app.include_router(runs_page.router(site))
    app.include_router(run_page.router(site, explainers))
    app.include_router(review_page.router(site))
    app.include_router(try_page.router(site, explainers, load))
    app.include_router(augment_page.router(site))

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
    """Check host and origin of a request, find its language, and tell the browser what the page may do."""
    chosen = request.query_params.get("lang")
    language = _language(chosen or request.cookies.get("lang"), request.headers.get("accept-language", ""))
    request.state.texts = Texts(language, "ui")
    netloc = request.headers.get("host", "").lower()
    origin = request.headers.get("origin")
    if hosts and called_name(request) not in hosts:
        response: Response = Response(f"This page answers to {', '.join(hosts)} only.", 421, media_type="text/plain")
    elif request.method != "GET" and origin is not None and origin.partition("://")[2].lower() != netloc:
        # Another site's page could otherwise decide about pages here, in its visitor's name.
        response = Response("Sent from another site.", 403, media_type="text/plain")
    elif chosen in LANGUAGES and request.method == "GET":
        response = RedirectResponse(same_address(request), 303)
        response.set_cookie("lang", chosen, max_age=365 * 86400, samesite="strict")
    else:
        try:
            response = await call_next(request)
        except Exception:  # the terminal shows the trace, and the reader gets a page of error
            _log.error("%s", traceback.format_exc())
            response = page(request, "problem.html.j2", "runs", 500,
                            message=request.state.texts("failed"), details=[])  # fmt: skip
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _language(chosen: str | None, accepted: str) -> str:
    """Return the chosen language, else the first one of the browser's that exists."""
    if chosen in LANGUAGES:
        return str(chosen)
    wanted = [part.split(";")[0].strip().lower()[:2] for part in accepted.split(",")]
    return next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])


def _explain(request: Request, error: Exception) -> Response:
    """Return the page that explains an error which the reader can correct."""
    details: list[Any] = []
    texts: Texts = request.state.texts
    if isinstance(error, ImageError):
        message, status = f"{error.name}: {texts.remark(error.problem.remark)}", 422
    elif isinstance(error, UserError):
        message, details, status = error.message, list(error.problems), 422
    elif isinstance(error, Refusal):
        message, status = error.detail, error.status
        details = [f"{problem.get('file', '')}: {problem.get('reason', '')}" for problem in error.errors]
    elif isinstance(error, RequestValidationError):
        message, status = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()), 422
    else:
        message, status = texts("nothing_here"), getattr(error, "status_code", 404)
    return page(request, "problem.html.j2", "runs", status, message=message, details=details)
