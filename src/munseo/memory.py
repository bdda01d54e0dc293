"""How this process treats freed memory: it keeps it, since the next step wants just as much."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
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
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # -1 switches trimming off; no block is mapped by itself any more.
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, -1), mallopt(M_TOP_PAD, TOP_PAD)])
