"""The files of a request, from its body to decoded and prepared pages."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from munseo._console import inert
from munseo._data.decoder import decode_pages
from munseo._data.image_error import ImageProblem
from munseo._service.admission import Limits
from munseo._service.errors import Refusal

FORM = "multipart/form-data"
MAX_NAME = 200
"""Largest length of a file's name."""
MAX_BOUNDARY = 70
"""Largest length of a form's boundary, from RFC 2046."""
OTHERS = "application/pdf", "application/octet-stream"
ACCEPTED = f"{FORM}, image/*, {', '.join(OTHERS)}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a request.

    Attributes:
        name: The name that the client gives it, without folders.
        data: The content.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page of a file, or the reason why it cannot be read.

    Attributes:
        file: The name that the client gives the file.
        number: Number of the page, from 1.
        num_pages: Number of pages of the file.
        prepared: The page as the model takes it; None where there is a problem.
        problem: Why the page cannot be read.
    """

    file: str
    number: int
    num_pages: int
    prepared: Any
    problem: ImageProblem | None


def check_media_type(content_type: str | None) -> None:
    """Refuse content types that cannot hold a file, before the body is read.

    Raises:
        Refusal: 415.
    """
    if not content_type:
        return
    kind = content_type.partition(";")[0].strip().lower()
    if kind != FORM and kind not in OTHERS and not kind.startswith("image/"):
        raise Refusal(
            415,
            f"The content type {inert(kind)[:MAX_NAME]} is not taken; send {ACCEPTED}.",
            headers={"Accept-Post": ACCEPTED},
        )


async def read_body(request: Request, limits: Limits, reserve: Callable[[int], None]) -> bytes:
    """Read a whole body.

    Args:
        request: The request, of which the head has been read.
        limits: Limits of size and time.
        reserve: Called with the length that is needed before the bytes are kept.

    Raises:
        Refusal: 413, if the body is announced as too large or becomes so; 408, if it arrives too slowly; 429, if there
            is no memory for it now; 400, if the connection is closed.
    """
    declared = request.headers.get("content-length")
    # The HTTP parser accepts nothing but digits here.
    if declared is not None:
        _check_size(int(declared), limits)
        reserve(int(declared))
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                _check_size(len(body) + len(chunk), limits)
                reserve(len(body) + len(chunk))
                body += chunk
    except TimeoutError:
        raise Refusal(
            408,
            f"The body did not arrive within {limits.body_seconds:g} s.",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "The connection was closed before the body had arrived.") from None
    return bytes(body)


def _check_size(num_bytes: int, limits: Limits) -> None:
    if num_bytes > limits.body_bytes:
        raise Refusal(413, f"A request may have {limits.body_bytes:,} bytes.")


def files_of(content_type: str | None, body: bytes, name: str | None, limits: Limits) -> list[Upload]:
    """Return the files in a body.

    Args:
        content_type: Content type of the request; without one the body is a file.
        body: The whole body.
        name: Name of a body that is a file.
        limits: Limits with the number of files.

    Raises:
        Refusal: 400, if the body is empty or is not the form that its type announces; 413, if there are too many
            files; 422, if a part of the form is not a file.
    """
    kind, options = parse_options_header(content_type or "application/octet-stream")
    if kind.lower() != FORM.encode():
        if not body:
            raise Refusal(400, f"The body is empty. Send a file, or files as {FORM}.")
        return [Upload(clean_name(name, "body"), body)]
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= MAX_BOUNDARY:
        raise Refusal(400, f"The content type {FORM} comes without a usable boundary.")
    form = _Form(limits.files)
    parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Refusal(400, f"The body is not {FORM} with the boundary that its header names.") from None
    if not form.is_whole:
        raise Refusal(400, "The form is cut short: its closing boundary is missing.")
    if form.wrong:
        raise Refusal(422, "Every part of the form should be a file.", form.wrong)
    if not form.files:
        raise Refusal(400, "The form holds no file.")
    return form.files


def clean_name(name: str | None, otherwise: str) -> str:
    """Return a file's name that is safe in an answer: short, without folders and control characters."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    last = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode("utf-8"))
    return inert(last)[:MAX_NAME].strip() or otherwise


class _Form:
    """Collects the parts of a form while it is parsed."""

    def __init__(self, max_files: int) -> None:
        self.files: list[Upload] = []
        self.wrong: list[dict[str, str]] = []
        self.is_whole = False
        self._max_files = max_files
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value, self._data = b"", b"", bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.files) + len(self.wrong) >= self._max_files:
            raise Refusal(413, f"A request may have {self._max_files} files.")
        self._headers, self._data = {}, bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        number = len(self.files) + len(self.wrong) + 1
        if b"filename" in options:
            name = options[b"filename"].decode("utf-8", "replace")
            self.files.append(Upload(clean_name(name, f"file {number}"), bytes(self._data)))
        else:
            field = clean_name(options.get(b"name", b"").decode("utf-8", "replace"), f"part {number}")
            self.wrong.append({"file": field, "reason": "is a field, not a file: it has no filename"})

    def _end(self) -> None:
        self.is_whole = True


async def read_pages(
    uploads: Sequence[Upload], prepare: Callable[[np.ndarray], Any], limits: Limits, threads: Executor
) -> list[ReadPage]:
    """Decode and prepare all pages of a request.

    Args:
        uploads: The files.
        prepare: Prepares the pixels of a page, (H, W, 3) uint8 upright RGB, for the model; called in several threads.
        limits: Limits with the number of pages and of their pixels.
        threads: The threads that decode.

    Raises:
        Refusal: 413, if there are more pages than a request may have.
    """
    loop = asyncio.get_running_loop()
    files = [loop.run_in_executor(threads, partial(_read, upload, prepare, limits)) for upload in uploads]
    pages = [page for file in await asyncio.gather(*files) for page in file]
    _check_number(len(pages), limits)
    return pages


def _read(upload: Upload, prepare: Callable[[np.ndarray], Any], limits: Limits) -> list[ReadPage]:
    pages = []
    for page in decode_pages(upload.data, upload.name, limits.pixels):
        # The first page gives the number of pages, so that no other page of a file with too many is decoded.
        _check_number(page.num_pages, limits, upload.name)
        prepared = None if page.pixels is None else prepare(page.pixels)
        pages.append(ReadPage(upload.name, page.number, page.num_pages, prepared, page.problem))
    return pages


def _check_number(num_pages: int, limits: Limits, file: str | None = None) -> None:
    if num_pages > limits.pages:
        errors = [{"file": file, "reason": f"has {num_pages:,} pages"}] if file else []
        raise Refusal(413, f"A request may have {limits.pages} pages; send fewer at once.", errors)
