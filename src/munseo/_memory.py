"""Freed memory stays with the process, since the next training step needs just as much."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4
"""Parameters of ``mallopt``, as in glibc's malloc.h."""
TOP_PAD = 64 * 2**20
"""Bytes that the heap grows by at a time."""


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed instead of handing it back to the kernel.

    By default glibc maps every large block separately and unmaps it when it is freed. The activations of a network are
    such blocks, so the kernel would clear the same gigabytes in every step, page by page. The cost is that the process
    stays as large as it ever was; docs/benchmarks.md has the measurements.

    Returns:
        Whether the setting was made; only glibc has it.
    """
    # -1 switches trimming off, and with no mapped blocks everything comes from the heap.
    return _set({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1, M_TOP_PAD: TOP_PAD})


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Let the C library handle freed memory as in any other program within this block, for a comparison.

    glibc adapts its thresholds to what a program frees, up to limits that a program which trains a network reaches at
    once. These limits are set here: blocks above 32 MiB are mapped separately, and 64 MiB of free memory at the end of
    the heap are returned.
    """
    _set({M_MMAP_THRESHOLD: 32 * 2**20, M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 64 * 2**20, M_TOP_PAD: 0})
    try:
        yield
    finally:
        keep_freed_memory()


def _set(values: dict[int, int]) -> bool:
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    taken = [mallopt(parameter, value) for parameter, value in values.items()]
    return all(taken)
