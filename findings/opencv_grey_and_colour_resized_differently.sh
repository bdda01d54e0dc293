#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: enlarging a grey page gives other grey levels than enlarging three equal channels of it.
#
# Seen: with INTER_CUBIC, cv2.resize of one channel and of the same pixels as three equal channels differ by one grey level
# in some pixels; with INTER_AREA, INTER_LINEAR and INTER_NEAREST they are equal in all sizes that are tried. So a program
# that keeps grey pages in one channel to save time does not get the pixels of one that makes them RGB first.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install opencv-python-headless==5.0.0.93 numpy==2.4.6 --quiet
cat > "$work/seen.py" <<'PY'
import cv2
import numpy as np

rng = np.random.default_rng(0)
found = {}
for name in ("INTER_CUBIC", "INTER_AREA", "INTER_LINEAR", "INTER_NEAREST"):
    differing, largest = 0, 0
    for _ in range(200):
        height, width = (int(side) for side in rng.integers(20, 120, 2))
        grey = rng.integers(0, 256, (height, width), np.uint8)
        # A smooth page with noise, as scans are; enlarged by CUBIC, otherwise reduced.
        grey = cv2.GaussianBlur(grey, (5, 5), 1.0)
        scale = 1.7 if name == "INTER_CUBIC" else 0.6
        size = (round(width * scale), round(height * scale))
        how = getattr(cv2, name)
        one = cv2.resize(grey, size, interpolation=how)
        three = cv2.resize(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), size, interpolation=how)
        difference = np.abs(one.astype(int) - three[:, :, 0])
        differing += bool(difference.any())
        largest = max(largest, int(difference.max()))
    found[name] = (differing > 0, largest)
    print(f"{name:13} {differing} of 200 pages differ, by {largest} grey levels at most")
raise SystemExit(found != {"INTER_CUBIC": (True, 1), "INTER_AREA": (False, 0), "INTER_LINEAR": (False, 0),
                           "INTER_NEAREST": (False, 0)})
PY
python "$work/seen.py"
