"""Freed memory stays with the process where the C library can be told so."""

import platform
import subprocess
import sys

import pytest

GROWTH = """
import sys
import psutil
from contextlib import nullcontext
from munseo._memory import freed_memory_returned, keep_freed_memory

if sys.argv[1] != "default":
    assert keep_freed_memory()
import numpy as np

np.ones(8)
before = psutil.Process().memory_info().rss
with freed_memory_returned() if sys.argv[1] == "comparison" else nullcontext():
    block = np.ones(25_000_000)
    del block
print(psutil.Process().memory_info().rss - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_blocks_are_kept():
    kept, returned, compared = (
        int(subprocess.run([sys.executable, "-c", GROWTH, way], capture_output=True, text=True, check=True).stdout)
        for way in ("keep", "default", "comparison")
    )
    assert kept > 190_000_000
    assert returned < 20_000_000
    assert compared < 20_000_000
