"""From a body to the files in it: one, or the parts of a form."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from munseo._console import inert
from munseo._service.admission import Limits
from munseo._service.errors import Refusal

FORM = "multipart/form-data"
MAX_NAME = 200
MAX_BOUNDARY = 70
"""Characters, as RFC 2046 has it."""
OTHERS = "application/pdf", "application/octet-stream"
ACCEPTED = f"{FORM}, image/*, {', '.join(OTHERS)}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a request.

    Attributes:
        name: As the client calls it, without folders.
        data: Its content.
    """

    name: str
    data: bytes


def check_media_type(content_type: str | None) -> None:
    """Refuse before the body is read what cannot hold a file.

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


def files_of(content_type: str | None, body: bytes, name: str | None, limits: Limits) -> list[Upload]:
    """The files in a body.

    Args:
        content_type: Of the request; without one the body is a file.
        body: The whole body.
        name: What a body that is a file is called.
        limits: Of the number of files.

    Raises:
        Refusal: 400 no form although it says so, or nothing in it; 413 too many files; 422 a part that is no file.
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
    """A file's name as it may stand in an answer: no folders, no control characters, not long."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    last = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode("utf-8"))
    return inert(last)[:MAX_NAME].strip() or otherwise


class _Form:
    """What the parser finds, part by part."""

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


async def read_body(request: Request, limits: Limits, reach: Callable[[int], None]) -> bytes:
    """Read a body whole.

    Args:
        request: Its head has been read.
        limits: Of size and time.
        reach: Told of the length that will be needed, before the bytes are kept.

    Raises:
        Refusal: 413 too large, by what it says or by what comes; 408 too slow; 429 no memory for it now; 400 broken
            off.
    """
    declared = request.headers.get("content-length")
    # The parser of heads takes digits only.
    if declared is not None:
        _check(int(declared), limits)
        reach(int(declared))
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                _check(len(body) + len(chunk), limits)
                reach(len(body) + len(chunk))
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


def _check(num_bytes: int, limits: Limits) -> None:
    if num_bytes > limits.body_bytes:
        raise Refusal(413, f"A request may have {limits.body_bytes:,} bytes.")
