"""The door for images as a function of bytes, which lets nothing out but what is documented.

This file needs no fuzzer: a test pushes every file of ``corpus/image_door`` through the same function.
"""

from __future__ import annotations

import numpy as np

from munseo._data import decode, inspect
from munseo._data.decoder import decode_pages
from munseo._data.image_error import ImageError, ImageProblem

PAGES = 3
"""Of a document that are looked at; the others go the same way."""


def image_door(data: bytes) -> None:
    """Whatever these bytes are: pixels, or a reason; and both ways into the door agree."""
    found = inspect(data, "page")
    try:
        pixels = decode(data, "page")
    except ImageError as error:
        problem: ImageProblem | None = error.problem
    else:
        problem = None
        assert pixels.dtype == np.uint8
        assert pixels.shape == (found.height, found.width, 3)
    assert found.problem == problem
    for page, _ in zip(decode_pages(data, "page"), range(PAGES), strict=False):
        assert (page.pixels is None) == (page.problem is not None)
