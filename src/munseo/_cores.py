"""How many cores this process may use, and what its threads do while they wait for each other.

This is the one place where Munseo counts cores.

A container or a batch job sees all cores of the machine, but is often given a few of them: by an affinity mask, or by
a quota of processor time of its control group (cgroup). With a thread for every core that it sees, 64 threads would
share the time of two cores, and wait for each other.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""Environment variables from which libraries take their number of threads when they are loaded.

torch, OpenBLAS (numpy, scipy), MKL, scikit-learn, numexpr and Arrow read the first one, OpenCV the second.
"""

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""Environment variables that let the threads of OpenMP sleep while they wait, instead of spinning.

A runtime reads them once, when it is loaded. The first is the standard's, the second that of GCC's runtime, which is
in torch's packages for Linux, and the third that of LLVM's and Intel's.
"""


def num_cores(process: Path = Path("/proc/self")) -> int:
    """Return the number of cores that this process may use, at least 1.

    It is the smallest of the cores of the machine, those of the affinity mask, and the quotas of the control group and
    of its parents, of both versions (``cpu.max``; ``cpu.cfs_quota_us``). A fraction of a core counts as one.

    Args:
        process: The folder in which the kernel describes the process.
    """
    return min([_visible_cores(), *(max(1, math.ceil(quota)) for quota in _quotas(process))])


def limit_threads(cores: int | None = None) -> None:
    """Let libraries that count cores themselves start no more threads than a quota allows.

    They respect an affinity mask, but not a quota. Nothing is changed without a quota, and a variable of the
    environment that is set already is left as it is. Processes that this one starts inherit the variables.

    Args:
        cores: Number of cores; None: ``num_cores()``.
    """
    cores = num_cores() if cores is None else cores
    if cores >= _visible_cores():
        return
    free = [name for name in THREAD_VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(free, str(cores)))
    # Libraries that were imported before have read the environment already.
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    if torch is not None and "OMP_NUM_THREADS" in free:
        torch.set_num_threads(min(cores, torch.get_num_threads()))
    if cv2 is not None and "OPENCV_FOR_THREADS_NUM" in free:
        cv2.setNumThreads(min(cores, cv2.getNumThreads()))


def sleep_while_waiting() -> None:
    """Let threads that wait for each other leave the core to other processes.

    By default a thread that is done with its part of an operation spins until the others are done. On a machine that
    does other work the others are often not running, because a spinning thread has the core that they need: a training
    step can take several times as long. So a variable that is set already is replaced. Processes that this one starts
    inherit the variables; in this one they have no effect on libraries that were imported before.
    """
    os.environ.update(WAITING)


def _visible_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(process: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of the process's control groups and of all their parents that can be seen."""
    for folder in _group_folders(process):
        quota = _numbers(folder / "cpu.max")  # version 2: "200000 100000", or "max 100000" without a limit
        if not quota:
            quota = [*_numbers(folder / "cpu.cfs_quota_us"), *_numbers(folder / "cpu.cfs_period_us")]  # -1: no limit
        if len(quota) == 2 and min(quota) > 0:
            yield quota[0] / quota[1]


def _group_folders(process: Path) -> Iterator[Path]:
    """Yield the folders of the process's control groups that may limit its processor time, and their parents."""
    members = [line.split(":", 2) for line in _lines(process / "cgroup")]
    version_2 = [path for number, controllers, path in members if number == "0" and not controllers]
    version_1 = [path for _, controllers, path in members if "cpu" in controllers.split(",")]
    for line in _lines(process / "mountinfo"):
        # 35 24 0:29 ROOT MOUNT_POINT rw,nosuid shared:9 - TYPE SOURCE SUPER_OPTIONS
        before, _, after = line.partition(" - ")
        root, mount_point = (_unescaped(field) for field in before.split()[3:5])
        kind, options = after.split()[0], after.split()[-1].split(",")
        paths = version_2 if kind == "cgroup2" else version_1 if kind == "cgroup" and "cpu" in options else []
        for path in paths:
            # In a container the mounted tree often begins at the container's own group, which has another name here.
            inside = PurePosixPath(path).is_relative_to(root) and ".." not in PurePosixPath(path).parts
            relative = PurePosixPath(path).relative_to(root) if inside else PurePosixPath()
            yield from (Path(mount_point) / part for part in (relative, *relative.parents))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # Another operating system, or /proc is hidden.
        return []


def _numbers(file: Path) -> list[int]:
    """Return the integers of a file; none if it is not there or has another word in it."""
    words = " ".join(_lines(file)).split()
    return [int(word) for word in words] if all(word.lstrip("-").isdigit() for word in words) else []


def _unescaped(field: str) -> str:
    """Return a path of ``mountinfo``, in which the kernel writes a space as backslash 040."""
    return field.encode("latin-1", "replace").decode("unicode_escape") if "\\" in field else field
