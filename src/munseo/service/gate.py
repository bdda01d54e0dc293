"""What stands before every route: whom the request is for, who sends it, and that no error says more than it should."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from munseo.service.measures import Measures
from munseo.service.refusals import Refusal

OPEN = ("/healthz", "/readyz")
"""Asked by whoever starts and watches processes; they say nothing but whether this one works."""
PATHS = (*OPEN, "/metrics", "/openapi.json", "/v1/model", "/v1/predict")
_log = logging.getLogger("munseo.service")

Call = Callable[[Request], Awaitable[Response]]


class Gate:
    """Passes requests on, and turns whatever goes wrong behind it into an answer.

    Args:
        token: What ``Authorization: Bearer`` has to carry; None: nothing.
        hosts: Names under which the service may be called; empty: any. A web page that makes its own name point to
            this machine (DNS rebinding) could read answers otherwise.
        measures: Counts.
    """

    def __init__(self, token: str | None, hosts: Sequence[str], measures: Measures) -> None:
        self._token = None if token is None else token.encode()
        self._hosts = hosts
        self._measures = measures

    async def __call__(self, request: Request, call_next: Call) -> Response:
        """Check a request, pass it on, count it."""
        start = time.perf_counter()
        try:
            self._check(request)
            response = await call_next(request)
        except Refusal as refusal:
            response = refusal.response()
        except Exception:
            # Whoever runs the service reads the trace; whoever asks it does not.
            _log.exception("a request failed")
            response = Refusal(500, "The service failed at this request. Its own log says why.").response()
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        # Any other path would be a label of the sender's choice, and a time series each.
        path = request.url.path if request.url.path in PATHS else "other"
        self._measures.request(path, response.status_code, time.perf_counter() - start)
        return response

    def _check(self, request: Request) -> None:
        if self._hosts and _host(request) not in self._hosts:
            raise Refusal(421, f"This service answers to {', '.join(self._hosts)} only.")
        if self._token is None or request.url.path in OPEN:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise Refusal(401, "Send the header Authorization: Bearer with this service's token.",
                          headers={"WWW-Authenticate": "Bearer"})  # fmt: skip


def _host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:  # brackets without end
        return ""
