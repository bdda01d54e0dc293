"""The body of a request, in memory and never on a disk, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request

from munseo.service.limits import Limits
from munseo.service.refusals import Refusal


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
