"""Access control before every route: host name, token, and answers to errors that reveal nothing."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from munseo._service.errors import Refusal

OPEN = ("/healthz", "/readyz")
"""Paths without a token, for those who start and watch processes; they only say whether this one works."""
PATHS = (*OPEN, "/metrics", "/openapi.json", "/v1/model", "/v1/predict")
_log = logging.getLogger("munseo._service")


class HeadAsGet:
    """Answers HEAD as GET without a body (RFC 9110), in front of an application that knows GET only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; only the server still knows that it was HEAD, and so sends no body."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # A copy, since the server reads its own scope when it writes the answer.
        await self._app({**scope, "method": "GET"}, receive, answer)


class AccessControl:
    """Checks requests before they reach the application, and turns its failures into answers.

    This is a plain ASGI middleware: Starlette's middleware for functions starts tasks and queues for each request,
    which cost a third of the event loop under load.

    Args:
        app: The application.
        token: Token that ``Authorization: Bearer`` has to carry; None for no token.
        hosts: Host names under which the service may be called; empty allows any. Without this check a web page could
            make its own name point to this machine (DNS rebinding) and read the answers.
        count: Called after each request with its path, the status and the duration in seconds.
    """

    def __init__(
        self, app: ASGIApp, token: str | None, hosts: Sequence[str], count: Callable[[str, int, float], None]
    ) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._hosts = hosts
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, pass it on and count it."""
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
        except Exception:  # whatever it is, the sender gets an answer and the log gets the trace
            if status:  # a part of the answer is sent already, so the connection has to be broken off
                raise
            # Only those who run the service may read the trace.
            _log.exception("a request failed")
            failed = Refusal(500, "The service failed at this request. Its own log says why.")
            await failed.response()(scope, receive, answer)
        finally:
            # Counted separately, every other path would add a time series whose name the sender chooses.
            path = scope["path"] if scope["path"] in PATHS else "other"
            self._count(path, status, time.perf_counter() - start)

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
    """Return the host name of a request, from its header ``Host``; empty if that is not valid."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:  # an opening bracket without a closing one
        return ""
