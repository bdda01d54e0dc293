"""Formats whose files have several pages: PDF and TIFF."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Protocol

import numpy as np
import pypdfium2
from PIL import TiffImagePlugin
from pypdfium2 import raw

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.pixel_aspect import aspect_ratio, stretched
from munseo._data.pixels import check_size, exif_orientation, to_8_bits, upright

MAX_PAGES = 10_000
"""The pages of one file that are read and counted; a book at the limit of ``decoder.MAX_BYTES`` has fewer."""

PDF_LONGEST_SIDE_PX = 1600
"""The longest side of a rendered PDF page: A4 at about 137 dpi, which is more than any model looks at."""

_PDF_END = b"%%EOF"  # the mark at the end of a PDF, or up to 1,024 bytes before it
_PDF_END_BYTES = 1024

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255  # the tags of TIFF that say what a directory is
_REDUCED, _MASK = 1, 4  # bits of the first: a copy of less resolution, a mask of transparency
_OLD_REDUCED = 2  # the value of the second, older one for a reduced copy

_PDFIUM = threading.Lock()  # PDFium has global state and is not thread-safe; two calls at once crash the process


class PagedFile(Protocol):
    """An open file of several pages; ``has_square_pixels`` is about the page that was read last."""

    num_pages: int
    has_square_pixels: bool

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


class TiffPages:
    """An open TIFF.

    Its directories are a chain in the file, so they are counted one by one and only up to ``MAX_PAGES``: a chain of
    millions of pages is not a document. Directories of reduced copies and of masks are no pages, wherever they are.

    Args:
        data: The content of the file.
        max_pixels: Larger pages are refused before they are decoded.

    Raises:
        UnreadableError: The first page is too large.
    """

    has_square_pixels = True

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._image = TiffImagePlugin.TiffImageFile(BytesIO(data))
        self._damaged: dict[int, Exception] = {}
        directories = list(self._walk())
        # A file may have nothing but a reduced copy.
        self._pages = [number for number, is_page in enumerate(directories) if is_page] or [0]
        self.num_pages = len(self._pages)
        if self._pages[0] not in self._damaged:
            self._image.seek(self._pages[0])
            check_size(*self._image.size, max_pixels)

    def _walk(self) -> Iterator[bool]:
        """Yield for each directory whether it is a page; the file has to be read along the chain."""
        for number in range(MAX_PAGES + 1):
            try:
                self._image.seek(number)
            except EOFError:
                return
            except SyntaxError as error:
                # Pillow knows its tags, but not this kind of picture, such as a mask; others may follow.
                self._damaged[number] = error
            kind, old_kind = (self._image.tag_v2.get(tag, 0) for tag in (_NEW_SUBFILE_TYPE, _SUBFILE_TYPE))
            is_copy = isinstance(kind, int) and bool(kind & (_REDUCED | _MASK))
            yield not is_copy and old_kind != _OLD_REDUCED

    def page(self, number: int) -> np.ndarray:
        """Decode one page, counted from 0; ``UnreadableError`` if it is too large."""
        if self._pages[number] in self._damaged:
            raise self._damaged[self._pages[number]]
        self._image.seek(self._pages[number])
        check_size(*self._image.size, self._max_pixels)
        ratio = aspect_ratio(self._image)
        self.has_square_pixels = ratio == 1
        self._image.load()
        # Pillow's load() has turned a TIFF already, and its orientation is 1 from then on.
        pixels = upright(to_8_bits(self._image), exif_orientation(self._image))
        return stretched(pixels, ratio, self._max_pixels)

    def close(self) -> None:
        """Close the image."""
        self._image.close()
