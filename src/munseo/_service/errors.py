"""Why a request is not answered, as ``application/problem+json`` (RFC 9457): for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Refusal(Exception):  # noqa: N818 (it is no error of ours)
    """A request that is not answered, raised wherever that is noticed.

    Args:
        status: HTTP status.
        detail: One sentence: what is wrong and what helps.
        errors: Files or pages that are wrong, each ``{"file", "page", "reason"}``.
        headers: For the response.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer that says so."""
        return Response(body(self.status, self.detail, self.errors), self.status, self.headers, MEDIA_TYPE)


def body(status: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """The JSON of a refusal."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        content["errors"] = list(errors)
    return json.dumps(content, ensure_ascii=False).encode()


def at_once(status: int, detail: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole HTTP/1.1 response, for connections that do not get as far as the application."""
    content = body(status, detail)
    lines = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(content)), "Connection": "close", **(headers or {})}
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return head.encode("ascii") + b"\r\n" + content
