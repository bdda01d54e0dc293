"""From the files of a request to prepared pages, in threads, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

from munseo._data.decoder import decode_pages
from munseo._data.image_error import ImageProblem
from munseo._service.admission import Limits
from munseo._service.errors import Refusal
from munseo._service.served_model import ServedModel
from munseo._service.uploads import Upload


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page of a file, or why there is none.

    Attributes:
        file: As the client calls it.
        number: From 1.
        num_pages: Of the file.
        prepared: What the model takes; None where there is a problem.
        problem: Why it cannot be read; reads well after the file's name.
    """

    file: str
    number: int
    num_pages: int
    prepared: Any
    problem: ImageProblem | None


async def read_pages(
    uploads: Sequence[Upload], model: ServedModel, limits: Limits, threads: Executor
) -> list[ReadPage]:
    """Decode and prepare all pages of a request.

    Raises:
        Refusal: 413, it has more pages than a request may have.
    """
    loop = asyncio.get_running_loop()
    files = [loop.run_in_executor(threads, partial(_read, upload, model, limits)) for upload in uploads]
    pages = [page for file in await asyncio.gather(*files) for page in file]
    _check_number(len(pages), limits)
    return pages


def _read(upload: Upload, model: ServedModel, limits: Limits) -> list[ReadPage]:
    pages = []
    for page in decode_pages(upload.data, upload.name, limits.pixels):
        # The first page tells how many there are: no other is decoded of a file that has too many.
        _check_number(page.num_pages, limits, upload.name)
        prepared = None if page.pixels is None else model.prepare(page.pixels)
        pages.append(ReadPage(upload.name, page.number, page.num_pages, prepared, page.problem))
    return pages


def _check_number(num_pages: int, limits: Limits, file: str | None = None) -> None:
    if num_pages > limits.pages:
        errors = [{"file": file, "reason": f"has {num_pages:,} pages"}] if file else []
        raise Refusal(413, f"A request may have {limits.pages} pages; send fewer at once.", errors)
