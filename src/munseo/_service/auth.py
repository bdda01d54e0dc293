"""What stands before every route: whom the request is for, who sends it, and that no error says more than it should."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from munseo._service.errors import Refusal
from munseo._service.metrics import Measures

OPEN = ("/healthz", "/readyz")
"""Asked by whoever starts and watches processes; they say nothing but whether this one works."""
PATHS = (*OPEN, "/metrics", "/openapi.json", "/v1/model", "/v1/predict")
_log = logging.getLogger("munseo._service")


class Gate:
    """Passes requests on, and turns whatever goes wrong behind it into an answer.

    An ASGI layer of its own, since Starlette's for functions starts tasks and queues for each request, which under load
    cost a third of the event loop.

    Args:
        app: What stands behind.
        token: What ``Authorization: Bearer`` has to carry; None: nothing.
        hosts: Names under which the service may be called; empty: any. A web page that makes its own name point to
            this machine (DNS rebinding) could read answers otherwise.
        measures: Counts.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: Sequence[str], measures: Measures) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._hosts = hosts
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, pass it on, count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(Request(scope))
            await self._app(scope, receive, answer)
        except Refusal as refusal:
            await refusal.response()(scope, receive, answer)
        except Exception:
            if status:  # half of an answer is out; what is left is to break it off
                raise
            # Whoever runs the service reads the trace; whoever asks it does not.
            _log.exception("a request failed")
            failed = Refusal(500, "The service failed at this request. Its own log says why.")
            await failed.response()(scope, receive, answer)
        finally:
            # Any other path would be a label of the sender's choice, and a time series each.
            path = scope["path"] if scope["path"] in PATHS else "other"
            self._measures.request(path, status, time.perf_counter() - start)

    def _check(self, request: Request) -> None:
        if self._hosts and called_name(request) not in self._hosts:
            raise Refusal(421, f"This service answers to {', '.join(self._hosts)} only.")
        if self._token is None or request.url.path in OPEN:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise Refusal(401, "Send the header Authorization: Bearer with this service's token.",
                          headers={"WWW-Authenticate": "Bearer"})  # fmt: skip


def called_name(request: Request) -> str:
    """Under which name it is called, from ``Host``; empty if that is none."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:  # brackets without end
        return ""
