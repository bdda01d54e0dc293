"""Formats whose files have several pages: what they have in common, and PDF."""

from __future__ import annotations

import threading
from typing import Protocol

import numpy as np
import pypdfium2
from pypdfium2 import raw

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError

MAX_PAGES = 10_000
"""The pages of one file that are read and counted; a book at the limit of ``decoder.MAX_BYTES`` has fewer."""

PDF_LONGEST_SIDE_PX = 1600
"""The longest side of a rendered PDF page: A4 at about 137 dpi, which is more than any model looks at."""

_PDF_END = b"%%EOF"  # the mark at the end of a PDF, or up to 1,024 bytes before it
_PDF_END_BYTES = 1024

_PDFIUM = threading.Lock()  # PDFium has global state and is not thread-safe; two calls at once crash the process


class PagedFile(Protocol):
    """An open file of several pages."""

    num_pages: int
    # Both are about the page that was read last. The size is the width and height of the upright page in the file, px;
    # 0, 0 where it has none.
    has_square_pixels: bool
    stored_size: tuple[int, int]

    def page(self, number: int) -> np.ndarray:
        """Return a page, counted from 0, as uint8 RGB (H, W, 3), or (H, W) if it is stored as grey."""

    def close(self) -> None:
        """Free the memory of the reader."""


class PdfPages:
    """An open PDF, rendered with annotations and the values of filled-in forms, on white.

    Threads may share it or open several files at once, but only one of them renders at a time.

    Args:
        data: The content of the file.

    Raises:
        UnreadableError: The file has a password, or no page.
        pypdfium2.PdfiumError: The file is damaged.
    """

    has_square_pixels = True
    stored_size = (0, 0)

    def __init__(self, data: bytes) -> None:
        with _PDFIUM:
            try:
                self._document = pypdfium2.PdfDocument(data)
            except pypdfium2.PdfiumError as error:
                locked = error.err_code == raw.FPDF_ERR_PASSWORD
                if locked and b"/Encrypt" in data:
                    raise UnreadableError(ImageProblem(ProblemCode.PDF_WITH_PASSWORD)) from None
                # For a file without pages PDFium reports the problem of the file before it, or success.
                if locked or error.err_code == raw.FPDF_ERR_SUCCESS:
                    raise UnreadableError(ImageProblem(ProblemCode.PDF_WITHOUT_PAGES)) from None
                if _PDF_END not in data[-_PDF_END_BYTES:]:
                    raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED)) from None
                raise
            self.num_pages = len(self._document)
            if self.num_pages == 0:
                self._document.close()
                raise UnreadableError(ImageProblem(ProblemCode.PDF_WITHOUT_PAGES))
            self._document.init_forms()

    def page(self, number: int) -> np.ndarray:
        """Render one page.

        Args:
            number: The page, counted from 0.

        Returns:
            (H, W, 3) uint8 RGB with its longest side at ``PDF_LONGEST_SIDE_PX``.

        Raises:
            UnreadableError: The page has no size.
            pypdfium2.PdfiumError: The page is damaged.
        """
        with _PDFIUM:
            page = self._document[number]
            try:
                longest = max(page.get_size())
                if not longest > 0:
                    if number == 0:
                        raise UnreadableError(ImageProblem(ProblemCode.FIRST_PAGE_WITHOUT_SIZE))
                    raise UnreadableError(ImageProblem(ProblemCode.PAGE_WITHOUT_SIZE, page=number + 1))
                bitmap = page.render(scale=PDF_LONGEST_SIDE_PX / longest, rev_byteorder=True)
                pixels = bitmap.to_numpy()
                # A copy, because closing the bitmap frees its memory.
                rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3].copy()
                # Closed here, under the lock: the garbage collector would do it in any thread, at any time.
                bitmap.close()
                return rgb
            finally:
                page.close()

    def close(self) -> None:
        """Free the memory of PDFium."""
        with _PDFIUM:
            self._document.close()
