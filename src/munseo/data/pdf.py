"""The first page of a PDF as an image."""

from __future__ import annotations

import threading

import numpy as np
import pypdfium2

from munseo.data.image_error import UnreadableError

LONGEST_SIDE_PX = 1600
"""Of a rendered page: an A4 page at about 137 dpi, more than any model looks at."""

_PDFIUM = threading.Lock()
"""PDFium keeps state of its own and is not made for threads; two at once crash the process."""


def render_first_page(data: bytes) -> tuple[np.ndarray, int]:
    """Render with annotations and the values of filled-in forms, on white.

    Returns:
        The page, (H, W, 3) uint8 RGB with its longest side at ``LONGEST_SIDE_PX``, and the number of pages.

    Raises:
        UnreadableError: The file has a password, no page, or a page without a size.
        pypdfium2.PdfiumError: The file is damaged.
    """
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise UnreadableError("asks for a password; save the PDF without one") from None
            raise
        try:
            return _render(document)
        finally:
            document.close()


def _render(document: pypdfium2.PdfDocument) -> tuple[np.ndarray, int]:
    if len(document) == 0:
        raise UnreadableError("is a PDF without pages")
    document.init_forms()
    page = document[0]
    longest = max(page.get_size())
    if not longest > 0:
        raise UnreadableError("is a PDF whose first page has no size")
    bitmap = page.render(scale=LONGEST_SIDE_PX / longest, rev_byteorder=True)
    pixels = bitmap.to_numpy()
    # The bitmap's memory goes with the document, hence the copy.
    rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3].copy()
    return rgb, len(document)
