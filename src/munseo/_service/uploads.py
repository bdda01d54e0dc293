"""The files of a request, from its body to decoded and prepared pages."""

from __future__ import annotations

import asyncio
import threading
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from munseo._console import inert
from munseo._data.decoder import count_pages, decode_pages, has_pages
from munseo._data.image_error import ImageProblem
from munseo._service.admission import Limits
from munseo._service.errors import Refusal

FORM = "multipart/form-data"
MAX_NAME = 200
"""Largest length of a file's name."""
MAX_BOUNDARY = 70
"""Largest length of a form's boundary, from RFC 2046."""
OTHERS = "application/pdf", "application/octet-stream"
TEXT = "text"
"""Name of the field with the text of the file before it."""
ACCEPTED = f"{FORM}, image/*, {', '.join(OTHERS)}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a request: the name that the client gives it, without folders, and its content.

    ``text`` is the client's own text of the file, with a form feed between its pages, or None.
    """

    name: str
    data: bytes
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page of a file, prepared for the model, or the problem why it cannot be read; ``number`` counts from 1."""

    file: str
    number: int
    num_pages: int
    prepared: Any
    problem: ImageProblem | None


def check_media_type(content_type: str | None) -> None:
    """Refuse content types that cannot hold a file (415), before the body is read."""
    if not content_type:
        return
    kind = content_type.partition(";")[0].strip().lower()
    if kind != FORM and kind not in OTHERS and not kind.startswith("image/"):
        reason = f"The content type {inert(kind)[:MAX_NAME]} is not taken; send {ACCEPTED}."
        raise Refusal(415, reason, headers={"Accept-Post": ACCEPTED})


async def read_body(request: Request, limits: Limits, reserve: Callable[[int], None]) -> bytes:
    """Read a whole body; ``reserve`` is called with the length that is needed before the bytes are kept.

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
        reason = f"The body did not arrive within {limits.body_seconds:g} s."
        raise Refusal(408, reason, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal(400, "The connection was closed before the body had arrived.") from None
    return bytes(body)


def _check_size(num_bytes: int, limits: Limits) -> None:
    if num_bytes > limits.body_bytes:
        raise Refusal(413, f"A request may have {limits.body_bytes:,} bytes.")


def files_of(content_type: str | None, body: bytes, name: str | None, limits: Limits) -> list[Upload]:
    """Return the files in a body; without a content type the body is a file with the given name.

    Raises:
        Refusal: 400, if the body is empty or is not the form that its type announces; 413, if there are too many
            files; 422, if a part of the form is neither a file nor the text of the file before it.
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
        raise Refusal(422, "Every part of the form should be a file, or the text of the file before it.", form.wrong)
    if not form.files:
        raise Refusal(400, "The form holds no file.")
    return form.files


def clean_name(name: str | None, otherwise: str) -> str:
    """Return a file's name that is safe in an answer: short, without folders and control characters."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    last = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode("utf-8"))
    return inert(last)[:MAX_NAME].strip() or otherwise


class _Form:
    """Collects the parts of a form while it is parsed: the parser calls the methods ``on_…``."""

    def __init__(self, max_files: int) -> None:
        self.files: list[Upload] = []
        self.wrong: list[dict[str, str]] = []
        self.is_whole = False
        self._max_files = max_files
        self._num_parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value, self._data = b"", b"", bytearray()

    def callbacks(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in dir(self) if name.startswith("on_")}

    def on_part_begin(self) -> None:
        if self._num_parts >= 2 * self._max_files:
            raise Refusal(413, f"A request may have {self._max_files} files.")
        self._num_parts += 1
        self._headers, self._data = {}, bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def on_part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        number = len(self.files) + len(self.wrong) + 1
        if b"filename" in options:
            if number > self._max_files:
                raise Refusal(413, f"A request may have {self._max_files} files.")
            name = options[b"filename"].decode("utf-8", "replace")
            self.files.append(Upload(clean_name(name, f"file {number}"), bytes(self._data)))
        elif options.get(b"name") == TEXT.encode() and self.files and self.files[-1].text is None:
            self.files[-1] = replace(self.files[-1], text=self._data.decode("utf-8", "replace"))
        else:
            field = clean_name(options.get(b"name", b"").decode("utf-8", "replace"), f"part {number}")
            self.wrong.append({"file": field, "reason": "is a field, not a file: it has no filename"})

    def on_end(self) -> None:
        self.is_whole = True


async def count_request(uploads: Sequence[Upload], limits: Limits, threads: Executor) -> int:
    """Return the number of pages of all files of a request, before any of them is decoded.

    Raises:
        Refusal: 413, if a request may not have as many; the files with several pages are named.
    """
    loop, counts = asyncio.get_running_loop(), [1] * len(uploads)
    # Most files are one image, and a turn in a thread costs more than to see that.
    several = [index for index, file in enumerate(uploads) if has_pages(file.data)]
    found = [
        loop.run_in_executor(threads, count_pages, uploads[index].data, uploads[index].name, limits.pixels)
        for index in several
    ]
    for index, count in zip(several, await asyncio.gather(*found), strict=True):
        counts[index] = count
    total = sum(counts)
    if total > limits.pages:
        errors = [
            {"file": file.name, "reason": f"has {count:,} pages"}
            for file, count in zip(uploads, counts, strict=True)
            if count > 1
        ]
        raise Refusal(
            413, f"A request may have {limits.pages} pages, this one has {total:,}; send fewer at once.", errors
        )
    return total


async def read_pages(
    uploads: Sequence[Upload], prepare: Callable[..., Any], limits: Limits, threads: Executor
) -> list[ReadPage]:
    """Decode and prepare all pages of a request whose number is known to be allowed (``count_request``).

    ``prepare`` makes what the model takes of a page's pixels, uint8 RGB (H, W, 3) or grey (H, W), in several threads;
    it gets the page's own text too where the client sent one.
    Where the caller is cancelled, no further page is decoded.
    """
    loop, stop = asyncio.get_running_loop(), threading.Event()
    files = [loop.run_in_executor(threads, partial(_read, upload, prepare, limits, stop)) for upload in uploads]
    try:
        return [page for file in await asyncio.gather(*files) for page in file]
    finally:
        stop.set()


def _read(upload: Upload, prepare: Callable[..., Any], limits: Limits, stop: threading.Event) -> list[ReadPage]:
    pages: list[ReadPage] = []
    texts = [] if upload.text is None else upload.text.split("\f")  # as pdftotext writes it
    for page in decode_pages(upload.data, upload.name, limits.pixels):
        if stop.is_set():
            break
        own = texts[page.number - 1 : page.number]
        prepared = None if page.pixels is None else prepare(page.pixels, *own)
        pages.append(ReadPage(upload.name, page.number, page.num_pages, prepared, page.problem))
    return pages
