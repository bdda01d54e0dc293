#!/usr/bin/env bash
# pypdfium2 5.15.2: a PDF without pages fails with the error of the file that was opened before it.
#
# Seen: the first call gives code 0 ("Success"). After some other file has failed with code 3 ("Data format error"), the
# same bytes give code 3 too, also when a good PDF was opened in between. So neither the code nor the message tells what
# is wrong with a file, unless the last failure before it is known.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pypdfium2==5.15.2 --quiet
cat > "$work/seen.py" <<'PY'
import pypdfium2


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


def outcome(content: bytes) -> str:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        return f"error {error.err_code}"
    return f"{len(document)} page"


catalogue = b"<< /Type /Catalog /Pages 2 0 R >>"
no_pages = pdf(catalogue, b"<< /Type /Pages /Kids [] /Count 0 >>")
one_page = pdf(
    catalogue,
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
)
opened = [("no pages", no_pages), ("a text", b"This is a letter."), ("no pages", no_pages), ("one page", one_page),
          ("no pages", no_pages)]
found = []
for name, content in opened:
    found.append(outcome(content))
    print(f"{name:9} {found[-1]}")
raise SystemExit(found != ["error 0", "error 3", "error 3", "1 page", "error 3"])
PY
python "$work/seen.py"
