"""Annotations of a PDF page that viewers show and PDFium leaves out.

PDFium draws fields only through the form that it makes of them, which leaves out those without a kind (``/FT``), and it
draws no line or polygon that comes without its own drawing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2
from pypdfium2 import raw

MAX_ANNOTATIONS = 10_000
"""The annotations of one page that are looked at: more would only keep the computer busy."""

MAX_POINTS = 10_000
"""The points of one annotation that are drawn."""

_LINES = frozenset([raw.FPDF_ANNOT_LINE, raw.FPDF_ANNOT_POLYLINE, raw.FPDF_ANNOT_POLYGON])
_CHANGED = _LINES | {raw.FPDF_ANNOT_WIDGET}
_NOT_SHOWN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW


def has_fields(page: pypdfium2.PdfPage) -> bool:
    """Return whether a page has a field of a form."""
    return any(kind == raw.FPDF_ANNOT_WIDGET for _, kind in _annotations(page))


def make_visible(page: pypdfium2.PdfPage) -> None:
    """Change a page in memory so that PDFium draws all of its annotations; it must not have been rendered before.

    A field without a kind becomes a stamp, which is drawn from the same appearance. Lines become a part of the page,
    at the width of ``/Border`` or of 1 point, without arrows; PDFium does not give the width of ``/BS``.
    """
    for annotation, kind in _annotations(page):
        if kind not in _CHANGED:
            continue
        has_drawing = raw.FPDFAnnot_HasKey(annotation, b"AP")
        if kind in _LINES and not has_drawing and not raw.FPDFAnnot_GetFlags(annotation) & _NOT_SHOWN:
            _draw_lines(page, annotation, kind)
        elif kind == raw.FPDF_ANNOT_WIDGET and has_drawing and not _is_field(page, annotation):
            raw.FPDFAnnot_SetStringValue(annotation, b"Subtype", _utf16("Stamp"))


def _annotations(page: pypdfium2.PdfPage) -> Iterator[tuple[Any, int]]:
    """Yield each annotation with its kind; most are links, of which a page may have hundreds."""
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if annotation:
            try:
                yield annotation, raw.FPDFAnnot_GetSubtype(annotation)
            finally:
                raw.FPDFPage_CloseAnnot(annotation)


def _is_field(page: pypdfium2.PdfPage, annotation: Any) -> bool:
    return page.formenv is not None and raw.FPDFAnnot_GetFormFieldType(page.formenv, annotation) != -1


def _draw_lines(page: pypdfium2.PdfPage, annotation: Any, kind: int) -> None:
    """Add what an annotation shows to the page."""
    points = _line(annotation) if kind == raw.FPDF_ANNOT_LINE else _vertices(annotation)
    if len(points) < 2:
        return
    path = raw.FPDFPageObj_CreateNewPath(points[0].x, points[0].y)
    for point in points[1:]:
        raw.FPDFPath_LineTo(path, point.x, point.y)
    is_filled = False
    if kind == raw.FPDF_ANNOT_POLYGON:
        raw.FPDFPath_Close(path)
        is_filled = bool(raw.FPDFAnnot_HasKey(annotation, b"IC"))
    width = _border_width(annotation)
    raw.FPDFPageObj_SetStrokeWidth(path, width)
    raw.FPDFPageObj_SetStrokeColor(path, *_colour(annotation, raw.FPDFANNOT_COLORTYPE_Color))
    if is_filled:
        raw.FPDFPageObj_SetFillColor(path, *_colour(annotation, raw.FPDFANNOT_COLORTYPE_InteriorColor))
    raw.FPDFPath_SetDrawMode(path, raw.FPDF_FILLMODE_WINDING if is_filled else raw.FPDF_FILLMODE_NONE, width > 0)
    raw.FPDFPage_InsertObject(page, path)  # which also frees it, with the page


def _line(annotation: Any) -> list[Any]:
    start, end = raw.FS_POINTF(), raw.FS_POINTF()
    return [start, end] if raw.FPDFAnnot_GetLine(annotation, start, end) else []


def _vertices(annotation: Any) -> list[Any]:
    number = raw.FPDFAnnot_GetVertices(annotation, None, 0)
    if number > MAX_POINTS:
        return []
    points = (raw.FS_POINTF * number)()
    raw.FPDFAnnot_GetVertices(annotation, points, number)
    return list(points)


def _border_width(annotation: Any) -> float:
    across, down, width = ctypes.c_float(), ctypes.c_float(), ctypes.c_float()
    return width.value if raw.FPDFAnnot_GetBorder(annotation, across, down, width) else 1.0


def _colour(annotation: Any, kind: int) -> tuple[int, int, int, int]:
    """Return red, green, blue and opacity, 0 to 255; black where the annotation has no colour."""
    values = [ctypes.c_uint(0) for _ in range(3)] + [ctypes.c_uint(255)]
    raw.FPDFAnnot_GetColor(annotation, kind, *values)
    red, green, blue, opacity = (value.value for value in values)
    return red, green, blue, opacity


def _utf16(text: str) -> Any:
    units = f"{text}\0".encode("utf-16-le")
    return (ctypes.c_ushort * (len(units) // 2)).from_buffer_copy(units)
