#!/usr/bin/env bash
# Pillow 13.0.0: four valid kinds of TIFF are read wrong without a word, or called damaged.
#
# Seen, with a ramp of grey from 0 to 255 (tifffile 2026.3.3 writes the first three, and reads them back right):
# - RGB of 16 bits with PlanarConfiguration 2, uncompressed: opened as RGB, and the pixels are noise (the rows of each
#   plane are taken for bytes);
# - unsigned grey of 32 bits: opened as mode I, so that levels above half are negative numbers;
# - big-endian BigTIFF: "cannot identify image file", although the little-endian one is read;
# - uncompressed YCbCr with 2 x 2 subsampling (TIFF 6.0, section 21): "image file is truncated", although every byte is
#   there; OpenCV 5.0.0.93 reads it.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pillow==13.0.0 tifffile==2026.3.3 opencv-python-headless==5.0.0.93 numpy==2.4.6 --quiet
cat > "$work/seen.py" <<'PY'
import struct
from io import BytesIO

import cv2
import numpy as np
import tifffile
from PIL import Image

RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))


def written(values, **options):
    stream = BytesIO()
    tifffile.imwrite(stream, values, metadata=None, **options)
    return stream.getvalue()


def subsampled() -> bytes:
    """Write the ramp as YCbCr: four values of Y, then Cb and Cr of the block."""
    blocks = RAMP.reshape(32, 2, 32, 2).swapaxes(1, 2).reshape(32, 32, 4)
    pixels = np.concatenate([blocks, np.full((32, 32, 2), 128, np.uint8)], 2).tobytes()
    tags = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 3, 0), (259, 3, 1, 1), (262, 3, 1, 6), (273, 4, 1, 0),
            (277, 3, 1, 3), (278, 4, 1, 64), (279, 4, 1, len(pixels)), (530, 3, 2, 2 | 2 << 16)]
    behind = 8 + 2 + 12 * len(tags) + 4
    values = {258: behind, 273: behind + 6}
    entries = b"".join(struct.pack("<HHII", tag, kind, count, values.get(tag, value)) for tag, kind, count, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    return head + struct.pack("<3H", 8, 8, 8) + pixels


def by_pillow(content: bytes) -> np.ndarray | str:
    try:
        return np.asarray(Image.open(BytesIO(content)))
    except Exception as error:
        return str(error)


deep = RAMP.astype(np.uint16) * 257
planes = written(np.stack([deep] * 3), photometric="rgb", planarconfig="separate")
long = written(RAMP.astype(np.uint32) * 16843009, photometric="minisblack")
big = {order: written(RAMP, photometric="minisblack", bigtiff=True, byteorder=order) for order in "<>"}
ycbcr = subsampled()

found = by_pillow(planes)
right = np.stack([RAMP] * 3, 2)
share = float((np.abs(found.astype(int) - right) > 8).mean())
print(f"16-bit planes: {share:.0%} of the values are off by more than 8 levels")
signed = by_pillow(long)
print(f"32-bit grey: {signed.dtype}, from {signed.min()} to {signed.max()}")
print(f"BigTIFF: little-endian {type(by_pillow(big['<'])).__name__}, big-endian {by_pillow(big['>'])!r}")
print(f"YCbCr: {by_pillow(ycbcr)!r}")
opencv = cv2.imdecode(np.frombuffer(ycbcr, np.uint8), cv2.IMREAD_COLOR)
print(f"YCbCr by OpenCV: off by at most {np.abs(opencv[:, :, 0].astype(int) - RAMP).max()} levels")
assert (tifffile.imread(BytesIO(planes)) == deep).all()
assert tifffile.imread(BytesIO(long)).max() == 252 * 16843009
assert (tifffile.imread(BytesIO(big[">"])) == RAMP).all()
as_seen = (
    share > 0.3
    and signed.min() < 0
    and not isinstance(by_pillow(big["<"]), str)
    and "cannot identify" in str(by_pillow(big[">"]))
    and "truncated" in str(by_pillow(ycbcr))
    and np.abs(opencv[:, :, 0].astype(int) - RAMP).max() <= 1
)
raise SystemExit(not as_seen)
PY
python "$work/seen.py"
