"""How this process treats freed memory: it keeps it, since the next step wants just as much."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4
"""Parameters of ``mallopt``, as in glibc's malloc.h."""
TOP_PAD = 64 * 2**20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed instead of handing it back to the kernel.

    By default glibc maps every large block by itself and unmaps it when it is freed. The activations of a network are
    such blocks: each step then has the kernel clear the same gigabytes again, page by page. It costs that the process
    stays as large as it ever was; measured in docs/benchmarks.md.

    Returns:
        Whether it was done; other C libraries than glibc have no such switch.
    """
    # -1 switches trimming off; no block is mapped by itself any more.
    return _set({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1, M_TOP_PAD: TOP_PAD})


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Within this block the C library does what it does in every other program, for a comparison.

    glibc adapts its thresholds to what a program frees. Their ends are set here, where a program that trains a network
    arrives at once: blocks above 32 MiB are mapped by themselves, and a free end of 64 MiB is handed back.
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
