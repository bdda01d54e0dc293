"""The words of the OpenAPI description."""

from __future__ import annotations

from typing import Any

from munseo._service.errors import MEDIA_TYPE
from munseo._service.responses import Problem

OPENAPI: dict[str, Any] = {
    "title": "Munseo",
    "summary": "Classes of document pages.",
    "version": "1",
}
_FILE = {"type": "string", "format": "binary", "minLength": 1}
_EXAMPLE = {"type": "about:blank", "title": "Unprocessable Content", "status": 422,
            "detail": "Not one page can be read.",
            "errors": [{"file": "scan.jpg", "reason": "is cut short; the end of the file is missing"}]}  # fmt: skip


def _problem(description: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "example": _EXAMPLE}}
    return {"description": description, "content": content}


CLOSED: dict[int | str, dict[str, Any]] = {
    401: _problem("The token is missing or wrong."),
    421: _problem("The service is not called so."),
    500: _problem("The service failed."),
}
PREDICT: dict[str, Any] = {
    "summary": "Classify pages",
    "description": "One file as the body, or any number of files as a form. Each page of a PDF or TIFF has an answer "
    "of its own. A page that cannot be read has `problem`; a request of which no page can be read is refused.",
    "openapi_extra": {
        "parameters": [
            {
                "name": "name",
                "in": "query",
                "required": False,
                "description": "what a body that is a file is called in the answer",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "array", "items": _FILE, "minItems": 1}},
                        "required": ["file"],
                        "additionalProperties": False,
                    }
                },
                "image/*": {"schema": _FILE},
                "application/pdf": {"schema": _FILE},
                "application/octet-stream": {"schema": _FILE},
            },
        },
    },
    "responses": {
        **CLOSED,
        400: _problem("The body is empty, or no form although it says so."),
        408: _problem("The body did not arrive in time."),
        413: _problem("More bytes, files or pages than a request may have."),
        415: _problem("A content type that holds no file."),
        422: _problem("Not one page can be read, or a part of the form is no file."),
        429: _problem("The queue is full; Retry-After says when to come again."),
        504: _problem("No answer in time."),
    },
}
