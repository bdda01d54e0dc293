#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 and Pillow 13.0.0: a BMP whose colour masks are not the usual ones has wrong colours in one
# and is refused by the other.
#
# Seen: a 32-bit BMP (BITMAPINFOHEADER, BI_BITFIELDS) with ten bits a colour is a valid file. cv2.imdecode gives other
# colours without a word (grey 128 becomes 40, 10, 2); Pillow raises OSError, "Unsupported BMP bitfields
# layout". A white page has the right colour by chance, so that a test with white paper does not notice.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6 --quiet
cat > "$work/seen.py" <<'PY'
import struct
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

MASKS = (0x3FF00000, 0x000FFC00, 0x000003FF)


def bmp(red: int, green: int, blue: int) -> bytes:
    """Write an 8 x 8 page of one colour, ten bits a colour."""
    value = sum(round(level / 255 * 1023) << shift for level, shift in ((red, 20), (green, 10), (blue, 0)))
    pixels = struct.pack("<I", value) * 64
    header = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 32, 3, len(pixels), 0, 0, 0, 0) + struct.pack("<3I", *MASKS)
    start = 14 + len(header)
    return b"BM" + struct.pack("<III", start + len(pixels), 0, start) + header + pixels


def by_opencv(content: bytes) -> tuple[int, ...]:
    return tuple(int(level) for level in cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[0, 0, ::-1])


def by_pillow(content: bytes) -> str:
    try:
        return str(Image.open(BytesIO(content)).convert("RGB").getpixel((0, 0)))
    except OSError as error:
        return type(error).__name__


colours = {"white": (255, 255, 255), "red": (255, 0, 0), "grey": (128, 128, 128)}
found = {}
for name, colour in colours.items():
    content = bmp(*colour)
    found[name] = by_opencv(content), by_pillow(content)
    print(f"{name:6} is {colour}, in OpenCV {found[name][0]}, in Pillow {found[name][1]}")
wrong = [name for name, colour in colours.items() if found[name][0] != colour]
raise SystemExit(wrong != ["red", "grey"] or {pillow for _, pillow in found.values()} != {"OSError"})
PY
python "$work/seen.py"
