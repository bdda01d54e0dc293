"""The responses of the service, and their descriptions in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from munseo._service.errors import MEDIA_TYPE, Problem
from munseo._service.uploads import ReadPage

if TYPE_CHECKING:
    from munseo._prediction import Predictor


class PageAnswer(BaseModel):
    """One page. A page that cannot be read has ``problem``, needs a person, and has no prediction."""

    file: str = Field(description="as the request calls it, without folders")
    page: int = Field(ge=1)
    num_pages: int = Field(ge=1, description="pages of the file")
    target: str | None = Field(None, description="what a submission writes for the class")
    class_name: str | None = None
    confidence: float | None = Field(None, ge=0, le=1, description="calibrated probability of the class")
    needs_person: bool | None = Field(
        None, description="confidence below the threshold that the service was started with; null without one"
    )
    probabilities: dict[str, float] | None = Field(None, description="calibrated, by class name")
    problem: str | None = Field(None, description="why the page cannot be read")


class Answers(BaseModel):
    """All pages of a request, in the order of its files and their pages."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run": "2507051934-efficientnet_b4",
                    "pages": [
                        {
                            "file": "scan.jpg",
                            "page": 1,
                            "num_pages": 1,
                            "target": "7",
                            "class_name": "invoice",
                            "confidence": 0.9731,
                            "needs_person": False,
                            "probabilities": {"invoice": 0.9731, "letter": 0.0269},
                            "problem": None,
                        }
                    ],
                }
            ]
        }
    )

    run: str
    pages: list[PageAnswer]


def page_answers(pages: Sequence[ReadPage], rows: np.ndarray, predictor: Predictor) -> Iterator[PageAnswer]:
    """Describe the predictions of a request, page by page.

    Args:
        pages: All pages, readable or not.
        rows: Calibrated probabilities of the readable pages, float32 (N, num_classes).
        predictor: The predictor, with its classes and its threshold.
    """
    remaining = iter(rows)
    card, threshold = predictor.card, predictor.threshold
    for page in pages:
        if page.problem is not None:
            yield PageAnswer(
                file=page.file, page=page.number, num_pages=page.num_pages, needs_person=True, problem=str(page.problem)
            )
            continue
        row = next(remaining)
        best = int(row.argmax())
        yield PageAnswer(
            file=page.file,
            page=page.number,
            num_pages=page.num_pages,
            target=card.class_targets[best],
            class_name=card.class_names[best],
            confidence=float(row[best]),
            needs_person=None if threshold is None else bool(row[best] < threshold.confidence),
            # A float32 that is written as the equal double is read back as the same float32.
            probabilities=dict(zip(card.class_names, map(float, row), strict=True)),
        )


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
    421: _problem("The request names a host that is not this service's."),
    500: _problem("The service failed."),
}
"""Refusals of every route that needs a token."""
PREDICT: dict[str, Any] = {
    "summary": "Classify pages",
    "description": "Send one file as the body, or any number of files as a form. Each page of a PDF or TIFF has its "
    "own answer. A page that cannot be read has `problem`; a request without any readable page is refused.",
    "openapi_extra": {
        "parameters": [
            {
                "name": "name",
                "in": "query",
                "required": False,
                "description": "name in the answer of a file that is sent as the body",
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
        400: _problem("The body is empty, or it is not a form although its type says so."),
        408: _problem("The body did not arrive in time."),
        413: _problem("The request has more bytes, files or pages than it may have."),
        415: _problem("The content type cannot hold a file."),
        422: _problem("No page can be read, or a part of the form is not a file."),
        429: _problem("The queue is full; Retry-After says when to try again."),
        504: _problem("There was no answer in time."),
    },
}
"""The description of ``POST /v1/predict``."""
