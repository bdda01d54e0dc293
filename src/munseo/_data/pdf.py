"""Pages of a PDF as images."""

from __future__ import annotations

import threading

import numpy as np
import pypdfium2

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError

LONGEST_SIDE_PX = 1600
"""Of a rendered page: an A4 page at about 137 dpi, more than any model looks at."""

_PDFIUM = threading.Lock()
"""PDFium keeps state of its own and is not made for threads; two at once crash the process."""


class PdfPages:
    """An open PDF, rendered with annotations and the values of filled-in forms, on white.

    Threads may share it or have several at once; only one renders at a time.

    Args:
        data: The file's content.

    Raises:
        UnreadableError: The file has a password, or no page.
        pypdfium2.PdfiumError: The file is damaged.
    """

    def __init__(self, data: bytes) -> None:
        with _PDFIUM:
            try:
                self._document = pypdfium2.PdfDocument(data)
            except pypdfium2.PdfiumError as error:
                reason = str(error).lower()
                if "password" in reason and b"/Encrypt" in data:
                    raise UnreadableError(ImageProblem(ProblemCode.PDF_WITH_PASSWORD)) from None
                # Of a file without pages PDFium says what was wrong with the one before, or that all is well.
                if "password" in reason or "success" in reason:
                    raise UnreadableError(ImageProblem(ProblemCode.PDF_WITHOUT_PAGES)) from None
                raise
            self.num_pages = len(self._document)
            if self.num_pages == 0:
                self._document.close()
                raise UnreadableError(ImageProblem(ProblemCode.PDF_WITHOUT_PAGES))
            self._document.init_forms()

    def page(self, number: int) -> np.ndarray:
        """Render one page.

        Args:
            number: From 0.

        Returns:
            (H, W, 3) uint8 RGB with its longest side at ``LONGEST_SIDE_PX``.

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
                bitmap = page.render(scale=LONGEST_SIDE_PX / longest, rev_byteorder=True)
                pixels = bitmap.to_numpy()
                # The bitmap's memory goes with it, hence the copy.
                rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3].copy()
                # Closed here, under the lock: the collector would do it in any thread, at any time.
                bitmap.close()
                return rgb
            finally:
                page.close()

    def close(self) -> None:
        """Free PDFium's memory."""
        with _PDFIUM:
            self._document.close()
