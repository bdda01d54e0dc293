"""The responses of the service, and their descriptions in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field

from munseo._service.errors import MEDIA_TYPE, Problem
from munseo._service.uploads import ReadPage

if TYPE_CHECKING:
    from munseo._prediction import Predictor


_TEXTS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("openapi.yaml").read_text(encoding="utf-8"))
"""The texts, examples and request body of the OpenAPI document."""


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
    num_words: int | None = Field(
        None, ge=0, description="words of the page; with 0 the image alone decided; null where the run uses no words"
    )
    problem: str | None = Field(None, description="why the page cannot be read")


class Answers(BaseModel):
    """All pages of a request, in the order of its files and their pages."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEXTS["example_answer"]]})

    run: str
    pages: list[PageAnswer]


def page_answers(pages: Sequence[ReadPage], rows: np.ndarray, predictor: Predictor) -> Iterator[PageAnswer]:
    """Describe all pages; ``rows`` are calibrated probabilities of the N readable ones, float32 (N, num_classes)."""
    remaining = iter(rows)
    card, threshold = predictor.card, predictor.threshold
    for page in pages:
        about: dict[str, Any] = {"file": page.file, "page": page.number, "num_pages": page.num_pages}
        if page.problem is not None:
            yield PageAnswer(**about, needs_person=True, problem=str(page.problem))
            continue
        row = next(remaining)
        best = int(row.argmax())
        yield PageAnswer(
            **about,
            target=card.class_targets[best],
            class_name=card.class_names[best],
            confidence=float(row[best]),
            needs_person=None if threshold is None else bool(row[best] < threshold.confidence),
            num_words=len(page.prepared.words.words) if predictor.uses_text else None,
            # A float32 that is written as the equal double is read back as the same float32.
            probabilities=dict(zip(card.class_names, map(float, row), strict=True)),
        )


def _problems(descriptions: Mapping[int | str, str]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of refusals, by status."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "example": _TEXTS["example_problem"]}}
    return {status: {"description": text, "content": content} for status, text in descriptions.items()}


OPENAPI: dict[str, Any] = _TEXTS["service"]
CLOSED = _problems(_TEXTS["closed"])
"""Refusals of every route that needs a token."""
PREDICT: dict[str, Any] = {**_TEXTS["predict"], "responses": {**CLOSED, **_problems(_TEXTS["predict_refusals"])}}
"""The description of ``POST /v1/predict``."""
