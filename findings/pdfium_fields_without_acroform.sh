#!/usr/bin/env bash
# pypdfium2 5.15.2 (PDFium 159.0.8149): a filled-in field is not drawn where the document has no /AcroForm.
#
# Seen: a page with one widget, whose appearance stream fills it with black. With /AcroForm and init_forms() the field is
# drawn. Without /AcroForm, as pages are that other programs copy out of a document, it is not: init_forms() returns
# False, rendering with annotations leaves the widget out, and nothing says so. If the subtype of the annotation is set to
# Stamp in memory (FPDFAnnot_SetStringValue, before rendering), the same appearance is drawn.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pypdfium2==5.15.2 numpy==2.2.6 --quiet
cat > "$work/seen.py" <<'PY'
import ctypes

import pypdfium2
from pypdfium2 import raw


def pdf(*objects: bytes) -> bytes:
    """Write numbered objects as a PDF; the first one is the catalogue."""
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + head + table + trailer


def form(catalogue: bytes) -> bytes:
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalogue,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Annots [4 0 R] >>",
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /V (b) /F 4 /Rect [50 50 150 150] /AP << /N 5 0 R >> >>",
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 100 100] /Length 21 >>\nstream\n0 g 0 0 100 100 re f \nendstream",
    )


def num_black(data: bytes, as_stamp: bool = False) -> int:
    document = pypdfium2.PdfDocument(data)
    document.init_forms()
    page = document[0]
    if as_stamp:
        units = "Stamp\0".encode("utf-16-le")
        annotation = raw.FPDFPage_GetAnnot(page, 0)
        text = (ctypes.c_ushort * (len(units) // 2)).from_buffer_copy(units)
        raw.FPDFAnnot_SetStringValue(annotation, b"Subtype", text)
        raw.FPDFPage_CloseAnnot(annotation)
    return int((page.render(draw_annots=True).to_numpy() < 128).all(2).sum())


with_form, without = form(b"/AcroForm << /Fields [4 0 R] >>"), form(b"")
found = [num_black(with_form), num_black(without), num_black(without, as_stamp=True)]
for name, number in zip(("with /AcroForm", "without it", "without it, as a stamp"), found):
    print(f"{name:22} {number:6} black pixels")
raise SystemExit(not (found[0] > 9000 and found[1] == 0 and found[2] > 9000))
PY
python "$work/seen.py"
