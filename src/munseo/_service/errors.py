"""Errors of the service as ``application/problem+json`` (RFC 9457), for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Refusal(Exception):  # noqa: N818 (a reply to the client, not a fault of the program)
    """A request that is refused; any function that notices the reason raises it.

    Args:
        status: HTTP status.
        detail: One sentence that says what is wrong and what helps.
        errors: Files or pages that are wrong, each as ``{"file", "page", "reason"}``.
        headers: Headers of the response.
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
        """Return the response that reports the refusal."""
        return Response(_content(self.status, self.detail, self.errors), self.status, self.headers, MEDIA_TYPE)


class Problem(BaseModel):
    """The reason why a request was not answered (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="what is wrong, and what helps")
    errors: list[dict[str, str | int]] = Field([], description="files and pages that are wrong, with the reason")


def raw_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole HTTP/1.1 response, for connections that do not get as far as the application."""
    content = _content(status, detail)
    lines = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(content)), "Connection": "close", **(headers or {})}
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return head.encode("ascii") + b"\r\n" + content


def _content(status: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Return the JSON of a problem."""
    title = HTTPStatus(status).phrase
    content: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        content["errors"] = list(errors)
    return json.dumps(content, ensure_ascii=False).encode()
