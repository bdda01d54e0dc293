"""The server: it bounds connections, and answers what it has accepted before it ends."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from munseo._errors import UserError
from munseo._service.admission import Limits
from munseo._service.errors import raw_response

KEEP_ALIVE_S = 15
"""Time that an idle connection stays open, s."""
MAX_HEAD_BYTES = 16 * 2**10
"""Largest head of a request."""
LINGER_S = 5
"""Time for the rest of a body whose request has been answered already, s."""


def listen(host: str, port: int) -> socket.socket:
    """Open a port before anything is loaded, so that a port that is taken is reported at once.

    Raises:
        UserError: The port is taken, or the host is not this machine's.
    """
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio turns Nagle's algorithm off only where the protocol is named. With it the second half of an answer
        # waits 40 ms for the client's acknowledgement of the first.
        listener = socket.socket(family, kind, protocol)
        # A service that is started again must not wait until the system has forgotten its old connections.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise UserError(f"{host}:{port}: cannot be opened ({error.strerror}); choose another --port.") from None
    return listener


def run(app: Any, listener: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or Ctrl-C. Then no connection is accepted any more, and accepted requests are answered."""
    config = uvicorn.Config(
        app,
        http=_protocol(limits),
        ws="none",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(limits.body_seconds + limits.answer_seconds),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        backlog=min(limits.connections, 2048),
    )
    uvicorn.Server(config).run([listener])


def _protocol(limits: Limits) -> type[H11Protocol]:
    """Return uvicorn's protocol with limits of time: by itself it waits forever for a head or the rest of a body."""

    class BoundedProtocol(H11Protocol):
        _late: asyncio.TimerHandle | None = None
        _awaited = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.write(raw_response(503, "Too many connections are open.", {"Retry-After": "1"}))
                transport.close()
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._await("", 0)
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            self.transport.write(raw_response(400, "This is not HTTP/1.1 as it should be."))
            self.transport.close()

        def _watch(self) -> None:
            """Limit the time of what is awaited now. Bytes that trickle in do not prolong it."""
            answered = self.cycle is None or self.cycle.response_complete
            if self.transport.is_closing() or not answered:
                self._await("", 0)
            elif self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
                self._await("head", limits.body_seconds)
            elif self.conn.their_state is h11.SEND_BODY:
                # The rest of a refused body is read and dropped, since the client reads the answer only after it.
                self._await("rest", LINGER_S)
            else:
                self._await("", 0)

        def _await(self, what: str, seconds: float) -> None:
            if what == self._awaited:
                return
            if self._late is not None:
                self._late.cancel()
            self._awaited = what
            self._late = self.loop.call_later(seconds, self._too_late) if what else None

        def _too_late(self) -> None:
            if self._awaited == "head":
                self.transport.write(raw_response(408, f"No request arrived within {limits.body_seconds:g} s."))
            self.transport.close()

    return BoundedProtocol
