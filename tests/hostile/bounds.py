"""The peak memory of a block of code, as Linux measures it; other systems are not checked."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def memory_below(megabytes: int) -> Iterator[None]:
    """Fail if the block needs more than this in addition to what the process already has."""
    if not sys.platform.startswith("linux"):
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _megabytes("VmRSS")
    yield
    used = _megabytes("VmHWM") - before
    assert used < megabytes, f"{used} MB"


def _megabytes(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024
