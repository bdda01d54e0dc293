#!/usr/bin/env bash
# pyarrow 25.0.1: data_page_size says nothing about large values; a page of a parquet file takes 1,024 of them.
#
# 2,048 values of 50 kB, written with data_page_size=1 MiB in one row group. Seen: the column has two data pages of 51 MB
# and not a hundred, as the size of a page is looked at only after every write_batch_size values (1,024 by default). So a
# reader that wants one image unpacks 1,024: the first batch of one row takes 97 MiB of memory, also without reading
# ahead. With write_batch_size=16 it takes below 10 MiB. Row groups of 100 rows (as Hugging Face's datasets writes them)
# help likewise.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pyarrow==25.0.1 --quiet
cat > "$work/seen.py" <<'PY'
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

if len(sys.argv) == 1:
    images = pa.table({"image": [os.urandom(50_000) for _ in range(2048)]})
    pq.write_table(images, "usual.parquet", data_page_size=2**20)
    pq.write_table(images, "small.parquet", data_page_size=2**20, write_batch_size=16)
    usual, small = (int(os.popen(f"{sys.executable} seen.py {name}.parquet").read()) for name in ("usual", "small"))
    print(f"MiB for one value of 50 kB: {usual}, with write_batch_size=16: {small}")
    raise SystemExit(not (usual > 40 and small < 10))
file = pq.ParquetFile(sys.argv[1], pre_buffer=False, buffer_size=2**16)
next(file.iter_batches(1, use_threads=False))
print(pa.default_memory_pool().max_memory() >> 20)
PY
cd "$work" && python seen.py
