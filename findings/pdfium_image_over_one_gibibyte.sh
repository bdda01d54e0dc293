#!/usr/bin/env bash
# pypdfium2 5.15.2 (PDFium 159.0.8149): an image of more than 1 GiB, packed with Flate, is drawn in part without an error.
#
# Seen: a page that is covered by one grey image of 8 bits, level 200 everywhere. With 32,000 x 32,000 pixels (0.95 GiB) the
# page has level 200; with 34,000 x 34,000 (1.08 GiB) its last rows are black: the mean is 186. There is no error.
# This script exits with 1 if that changes. It takes a few seconds, and 200 MB of memory.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pypdfium2==5.15.2 numpy==2.2.6 --quiet
cat > "$work/seen.py" <<'PY'
import zlib

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


def mean_level(side: int) -> float:
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b"\xc8" * side) for _ in range(side)) + packer.flush()
    image = b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8" % (side, side)
    document = pypdfium2.PdfDocument(
        pdf(
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R"
            b" /Resources << /XObject << /I 5 0 R >> >> >>",
            b"<< /Length 30 >>\nstream\nq 200 0 0 200 0 0 cm /I Do Q  \nendstream",
            image + b" /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
        )
    )
    return float(document[0].render(scale=4).to_numpy().mean())


found = [mean_level(side) for side in (32_000, 34_000)]
for side, level in zip((32_000, 34_000), found):
    print(f"{side} x {side}: mean level {level:.0f}")
raise SystemExit(not (abs(found[0] - 200) < 1 and found[1] < 195))
PY
python "$work/seen.py"
