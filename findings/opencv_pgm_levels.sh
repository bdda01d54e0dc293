#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: the same PGM has other grey levels as text (P2) than in bytes (P5).
#
# Seen: the header of a PGM says which value is white. For 15, a white pixel is 255 in the text form and 15, almost black,
# in the binary one; with 1000, it is 1000 of 65535 with IMREAD_UNCHANGED and 3 with IMREAD_GRAYSCALE. Pillow 13.0.0 gives
# white for all of them.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6 --quiet
cat > "$work/seen.py" <<'PY'
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

FILES = {
    "P2, white is 15": b"P2 2 1 15\n0 15\n",
    "P5, white is 15": b"P5 2 1 15\n\x00\x0f",
    "P5, white is 1000": b"P5 2 1 1000\n\x00\x00\x03\xe8",
}


def by_opencv(content: bytes, flag: int) -> int:
    return int(cv2.imdecode(np.frombuffer(content, np.uint8), flag)[0, 1])


found = {}
for name, content in FILES.items():
    grey, unchanged = by_opencv(content, cv2.IMREAD_GRAYSCALE), by_opencv(content, cv2.IMREAD_UNCHANGED)
    pillow = Image.open(BytesIO(content))
    white = np.asarray(pillow)[0, 1] / (65535 if pillow.mode == "I" else 255)
    found[name] = grey, unchanged, float(white)
    print(f"{name}: OpenCV {grey} as grey, {unchanged} unchanged; Pillow {white:.2f} of white")
seen = {"P2, white is 15": (255, 255, 1.0), "P5, white is 15": (15, 15, 1.0), "P5, white is 1000": (3, 1000, 1.0)}
raise SystemExit(found != seen)
PY
python "$work/seen.py"
