"""What the service says of pages, and the descriptions that stand in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from munseo._service.page_reader import ReadPage
from munseo._service.served_model import ServedModel


class PageAnswer(BaseModel):
    """One page. A page that cannot be read has ``problem``, needs a person, and has no answer."""

    file: str = Field(description="as the request calls it, without folders")
    page: int = Field(ge=1)
    num_pages: int = Field(ge=1, description="of the file")
    target: str | None = Field(None, description="what a submission writes for the class")
    class_name: str | None = None
    confidence: float | None = Field(None, ge=0, le=1, description="calibrated probability of the class")
    needs_person: bool | None = Field(
        None, description="confidence under the threshold that the service was started with; null without one"
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


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="what is wrong, and what helps")
    errors: list[dict[str, str | int]] = Field([], description="files and pages that are wrong, with the reason")


def page_answers(pages: Sequence[ReadPage], rows: np.ndarray, model: ServedModel) -> Iterator[PageAnswer]:
    """Say what was found.

    Args:
        pages: Readable or not.
        rows: Calibrated probabilities of the readable ones, float32 (N, num_classes).
        model: The classes, and from which confidence on no person is needed.
    """
    left = iter(rows)
    threshold = model.needs_person_below
    for page in pages:
        if page.problem is not None:
            yield PageAnswer(
                file=page.file, page=page.number, num_pages=page.num_pages, needs_person=True, problem=str(page.problem)
            )
            continue
        row = next(left)
        best = int(row.argmax())
        yield PageAnswer(
            file=page.file,
            page=page.number,
            num_pages=page.num_pages,
            target=model.class_targets[best],
            class_name=model.class_names[best],
            confidence=float(row[best]),
            needs_person=None if threshold is None else bool(row[best] < threshold),
            # A float32 written as the double that it is comes back as the same float32.
            probabilities=dict(zip(model.class_names, map(float, row), strict=True)),
        )
