"""PDF: the pages of a document, drawn by PDFium."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pypdfium2
from pypdfium2 import raw

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.pdf_annotations import has_fields, make_visible
from munseo._data.pdf_end import has_end, is_cut, with_end
from munseo._data.pdf_fonts import serve_fonts

LONGEST_SIDE_PX = 1600
"""The longest side of a page: A4 at about 137 dpi, which is more than any model looks at."""

_TEXT_LOOKED_AT = 1000  # the characters of a blank page among which one that is no space is sought

PDFIUM_LOCK = threading.Lock()  # PDFium has global state and is not thread-safe; two calls at once crash the process

if hasattr(os, "register_at_fork"):
    # A process that is forked while another thread draws would wait for that thread, which it does not have, for ever.
    os.register_at_fork(
        before=PDFIUM_LOCK.acquire, after_in_parent=PDFIUM_LOCK.release, after_in_child=PDFIUM_LOCK.release
    )

# It explains at length that this build of PDFium draws no XFA form, which is said below in one sentence.
logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)


class PdfPages:
    """An open PDF, rendered with annotations and the values of filled-in forms, on white.

    Threads may share it or open several files at once, but only one of them renders at a time.

    Args:
        data: The content of the file.

    Attributes:
        num_pages: The number of its pages.
        has_undrawn_text: Whether the page that was rendered last is blank although characters stand on it.

    Raises:
        UnreadableError: The file is locked, damaged or cut short, has no page, or its content is no page that can be
            drawn.
    """

    has_square_pixels = True
    stored_size = (0, 0)  # a page of a PDF has no pixels

    def __init__(self, data: bytes) -> None:
        self.has_undrawn_text = False
        if is_cut(data):
            raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
        with PDFIUM_LOCK:
            self._document, features = _opened(data)
            try:
                with suppress(pypdfium2.PdfiumError):  # the page is drawn without its fields then
                    self._document.init_forms()  # before anything else, or they are not drawn
                self.num_pages = len(self._document)
                if problem := self._problem(features):
                    raise UnreadableError(problem)
            except BaseException:
                self._document.close()
                raise

    def _problem(self, features: set[int]) -> ImageProblem | None:
        """Return why the pages of a document are not what a person means by it."""
        if self.num_pages == 0:
            return ImageProblem(ProblemCode.PDF_WITHOUT_PAGES)
        holds_documents = {raw.FPDF_UNSP_DOC_PORTABLECOLLECTION, raw.FPDF_UNSP_DOC_ATTACHMENT} <= features
        # With several pages it is a letter that comes with attachments rather than their cover sheet.
        if holds_documents and self.num_pages == 1:
            return ImageProblem(ProblemCode.PDF_PORTFOLIO)
        form = self._document.get_formtype()
        if form == raw.FORMTYPE_XFA_FULL or (form == raw.FORMTYPE_XFA_FOREGROUND and self.num_pages == 1):
            page = self._loaded_page(0)
            try:
                return None if has_fields(page) else ImageProblem(ProblemCode.PDF_XFA_FORM)
            finally:
                page.close()
        return None

    def _loaded_page(self, number: int) -> pypdfium2.PdfPage:
        try:
            return self._document[number]
        except pypdfium2.PdfiumError:
            raise UnreadableError(ImageProblem(ProblemCode.PDF_PAGE_DAMAGED, page=number + 1)) from None

    def page(self, number: int) -> np.ndarray:
        """Render one page.

        Args:
            number: The page, counted from 0.

        Returns:
            (H, W, 3) uint8 RGB with its longest side at ``LONGEST_SIDE_PX``.

        Raises:
            UnreadableError: The page is damaged or has no size.
        """
        with PDFIUM_LOCK:
            page = self._loaded_page(number)
            try:
                longest = max(page.get_size())
                if not longest > 0:
                    if number == 0:
                        raise UnreadableError(ImageProblem(ProblemCode.FIRST_PAGE_WITHOUT_SIZE))
                    raise UnreadableError(ImageProblem(ProblemCode.PAGE_WITHOUT_SIZE, page=number + 1))
                make_visible(page)
                bitmap = page.render(scale=LONGEST_SIDE_PX / longest, rev_byteorder=True)
                rgb: np.ndarray = bitmap.to_numpy()  # its memory is Python's, so that it outlives the bitmap
                # Closed here, under the lock: the garbage collector would do it in any thread, at any time.
                bitmap.close()
                self.has_undrawn_text = _is_blank(rgb) and _has_text(page)
                return rgb
            finally:
                page.close()

    def close(self) -> None:
        """Free the memory of PDFium."""
        with PDFIUM_LOCK:
            self._document.close()


class _Document(pypdfium2.PdfDocument):  # type: ignore[misc]
    """A document whose fields are drawn although it has no form, which programs that split PDFs leave behind."""

    def get_formtype(self) -> int:
        """Return ``FORMTYPE_*``; where there is no form ``init_forms`` is told to collect the fields of the pages."""
        return int(super().get_formtype() or raw.FORMTYPE_ACRO_FORM)


_features: set[int] = set()  # what PDFium says of the document that it opens, while the lock is held
_HANDLER = raw.UNSUPPORT_INFO(version=1)
_HANDLER.FSDK_UnSupport_Handler = dict(_HANDLER._fields_)["FSDK_UnSupport_Handler"](lambda _, kind: _features.add(kind))


def _opened(data: bytes) -> tuple[_Document, set[int]]:
    """Open a document; also return the ``FPDF_UNSP_*`` that PDFium knows of and does not draw."""
    serve_fonts()
    raw.FSDK_SetUnSpObjProcessHandler(ctypes.byref(_HANDLER))
    try:
        return _loaded(data)
    except pypdfium2.PdfiumError as error:
        problem = _problem_of(error, data)
    if problem.code == ProblemCode.TRUNCATED and (ended := with_end(data)) is not None:
        with suppress(pypdfium2.PdfiumError):
            return _loaded(ended)
    raise UnreadableError(problem)


def _loaded(data: bytes) -> tuple[_Document, set[int]]:
    _features.clear()
    return _Document(data), set(_features)


def _problem_of(error: pypdfium2.PdfiumError, data: bytes) -> ImageProblem:
    """Return why PDFium did not open a file."""
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        # For a file without pages PDFium reports the problem of the file before it, or success.
        if b"/Encrypt" in data:
            return ImageProblem(ProblemCode.PDF_WITH_PASSWORD)
        return ImageProblem(ProblemCode.PDF_WITHOUT_PAGES)
    if error.err_code == raw.FPDF_ERR_SECURITY and b"/Encrypt" in data:
        return ImageProblem(ProblemCode.PDF_LOCKED)
    if error.err_code == raw.FPDF_ERR_SUCCESS:
        return ImageProblem(ProblemCode.PDF_WITHOUT_PAGES)
    return ImageProblem(ProblemCode.PDF_DAMAGED) if has_end(data) else ImageProblem(ProblemCode.TRUNCATED)


def _is_blank(rgb: np.ndarray) -> bool:
    """Return whether a page has one colour; a look at every 16th pixel answers that for nearly every page."""
    first = rgb[0, 0]
    return bool((rgb[::16, ::16] == first).all()) and bool((rgb == first).all())


def _has_text(page: Any) -> bool:
    try:
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return False
    try:
        return bool(text.get_text_range(0, min(text.count_chars(), _TEXT_LOOKED_AT)).strip())
    finally:
        text.close()
