"""The decoder as a function of bytes, which raises nothing but what is documented.

This file needs no fuzzer: a test gives every file of ``corpus/image_decoder`` to the same function.
"""

from __future__ import annotations

import numpy as np

from munseo._data import decode, inspect
from munseo._data.decoder import decode_pages
from munseo._data.image_error import ImageError, ImageProblem

PAGES = 3
"""The pages of a document that are decoded; the others are decoded by the same code."""


def image_decoder(data: bytes) -> None:
    """Check that any bytes are pixels or have a reason, and that both functions of the decoder agree."""
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
