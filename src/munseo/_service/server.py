"""The server: connections within limits, and an end that answers what was accepted."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from munseo._service.admission import Limits
from munseo._service.errors import at_once

KEEP_ALIVE_S = 15
MAX_HEAD_BYTES = 16 * 2**10
LINGER_S = 5
"""For the rest of a body whose request has been answered already."""


def listen(host: str, port: int) -> socket.socket:
    """Take a port, so that whoever starts the service hears before anything is loaded that it is taken.

    Raises:
        OSError: It is, or the host is not this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio turns Nagle's algorithm off only where the protocol is named. With it the second half of an answer waits
    # 40 ms for the client's acknowledgement of the first.
    door = socket.socket(family, kind, protocol)
    try:
        # A service that is started again must not wait until the system has forgotten its old connections.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError:
        door.close()
        raise
    return door


def run(app: Any, door: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or Ctrl-C; then no connection is taken any more, and what was accepted is answered."""
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
    uvicorn.Server(config).run([door])


def _protocol(limits: Limits) -> type[H11Protocol]:
    """Uvicorn's protocol with bounds: by itself it waits for a head, and for the rest of a body, without end."""

    class BoundedProtocol(H11Protocol):
        _late: asyncio.TimerHandle | None = None
        _awaited = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.write(at_once(503, "Too many connections are open.", {"Retry-After": "1"}))
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
            self.transport.write(at_once(400, "This is not HTTP/1.1 as it should be."))
            self.transport.close()

        def _watch(self) -> None:
            """Bound what is awaited now. Bytes that trickle in do not prolong it."""
            answered = self.cycle is None or self.cycle.response_complete
            if self.transport.is_closing() or not answered:
                self._await("", 0)
            elif self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
                self._await("head", limits.body_seconds)
            elif self.conn.their_state is h11.SEND_BODY:
                # Of a body that was refused the rest is passed over, or the client would not read the answer.
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
                self.transport.write(at_once(408, f"No request arrived within {limits.body_seconds:g} s."))
            self.transport.close()

    return BoundedProtocol
