"""The number of cores: what the machine has, what the affinity mask leaves, and what a control group allows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from munseo import _cores
from munseo._cores import THREAD_VARIABLES, WAITING, limit_threads, num_cores

SOURCES = Path(_cores.__file__).parent


@pytest.fixture
def many(monkeypatch):
    """A machine of 64 cores, without an affinity mask."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)


def process(folder: Path, cgroup: str, mounts: list[str], files: dict[str, str]) -> Path:
    """A process as the kernel describes it; ``{tmp}`` is a mounted tree of control groups with these files."""
    tree = folder / "mounted tree"
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    proc = folder / "self"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    point = str(tree).replace(" ", "\\040")
    lines = [f"{30 + i} 24 0:29 {mount.format(tmp=point)}\n" for i, mount in enumerate(mounts)]
    (proc / "mountinfo").write_text("22 1 0:20 / / rw - overlay overlay rw,lowerdir=/a\n" + "".join(lines))
    return proc


V2 = "/ {tmp} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "{root} {{tmp}}/cpu rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct"
V1_LINES = "5:memory:/docker/4f\n4:cpu,cpuacct:/docker/4f\n"


@pytest.mark.parametrize(
    ("cgroup", "mounts", "files", "expected"),
    [
        ("0::/\n", [V2], {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", [V2], {"cpu.max": "max 100000\n"}, 64),
        ("0::/\n", [V2], {"cgroup.procs": "1\n"}, 64),
        ("0::/\n", [V2], {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", [V2], {"cpu.max": "10000 100000\n"}, 1),
        ("0::/pods/a\n", [V2], {"pods/cpu.max": "300000 100000\n", "pods/a/cpu.max": "max 100000\n"}, 3),
        ("0::/pods/a\n", [V2], {"pods/cpu.max": "900000 100000\n", "pods/a/cpu.max": "400000 100000\n"}, 4),
        ("0::/../../other\n", [V2], {"cpu.max": "500000 100000\n"}, 5),
        (V1_LINES, [V1.format(root="/")], {"cpu/docker/4f/cpu.cfs_quota_us": "250000\n",
                                           "cpu/docker/4f/cpu.cfs_period_us": "50000\n"}, 5),
        (V1_LINES, [V1.format(root="/docker/4f")], {"cpu/cpu.cfs_quota_us": "600000\n",
                                                    "cpu/cpu.cfs_period_us": "100000\n"}, 6),
        (V1_LINES, [V1.format(root="/docker/other")], {"cpu/cpu.cfs_quota_us": "700000\n",
                                                       "cpu/cpu.cfs_period_us": "100000\n"}, 7),
        (V1_LINES, [V1.format(root="/")], {"cpu/docker/4f/cpu.cfs_quota_us": "-1\n",
                                           "cpu/docker/4f/cpu.cfs_period_us": "100000\n"}, 64),
        (V1_LINES + "0::/\n", [V2, V1.format(root="/")], {"cpu/docker/cpu.cfs_quota_us": "100000\n",
                                                          "cpu/docker/cpu.cfs_period_us": "100000\n"}, 1),
        ("0::/\n", [V2], {"cpu.max": "nonsense\n"}, 64),
        ("0::/\n", [V2], {"cpu.max": "100000 0\n"}, 64),
        ("0::/\n", [V2], {"cpu.max": "99900000 100000\n"}, 64),
    ],
    ids=["v2", "v2-no-limit", "v2-root", "fraction", "less-than-one", "parent", "child", "outside", "v1-host-tree",
         "v1-own-tree", "v1-other-root", "v1-no-limit", "hybrid", "nonsense", "no-period", "more-than-there-are"],
)  # fmt: skip
def test_the_quota_of_a_control_group_counts(many, tmp_path, cgroup, mounts, files, expected):
    assert num_cores(process(tmp_path, cgroup, mounts, files)) == expected


def test_without_proc_the_affinity_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    assert num_cores(tmp_path / "missing") == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert num_cores(tmp_path / "missing") == 1


def test_only_one_function_counts_cores():
    counting = [
        str(file.relative_to(SOURCES))
        for file in SOURCES.rglob("*.py")
        if any(name in file.read_text(encoding="utf-8") for name in ("cpu_count", "sched_getaffinity"))
    ]
    assert counting == ["_cores.py"]


def test_libraries_are_limited_by_a_quota_only(many, monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    limit_threads(64)
    assert not any(name in os.environ for name in THREAD_VARIABLES)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setitem(sys.modules, "cv2", None)
    limit_threads(2)
    assert {name: os.environ.pop(name) for name in THREAD_VARIABLES} == {
        "OMP_NUM_THREADS": "7",
        "OPENCV_FOR_THREADS_NUM": "2",
    }, "what the user has set stays"


LIMIT = "from munseo import _cores; _cores.limit_threads(1)"
LOAD = "import torch, cv2, numpy, pyarrow"
SHOW = "print(torch.get_num_threads(), cv2.getNumThreads(), pyarrow.cpu_count())"
POOLS = "import threadpoolctl; print(*{pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((LIMIT, LOAD, SHOW, POOLS), "1 1 1 1"),
        ((LOAD, LIMIT, "print(torch.get_num_threads(), cv2.getNumThreads())"), "1 1"),
    ],
    ids=["munseo-first", "libraries-first"],
)
def test_libraries_start_as_many_threads_as_the_quota_allows(lines, expected):
    """A machine of two cores, or more, of which a quota allows one."""
    many = "import os; os.sched_getaffinity = lambda pid: set(range(64))"
    free = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    code = "\n".join((many, *lines))
    done = subprocess.run([sys.executable, "-c", code], env=free, capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected.split()


@pytest.mark.skipif(sys.platform != "linux", reason="only torch's Linux packages have GCC's OpenMP")
def test_threads_sleep_while_they_wait_whatever_the_environment_says():
    """GCC's runtime, of which torch and scikit-learn each bring one, prints its settings when it is loaded."""
    spinning = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "INFINITY", "OMP_DISPLAY_ENV": "VERBOSE"}
    code = "import munseo, torch, sklearn.utils._openmp_helpers"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **spinning}, capture_output=True, text=True, check=True
    )
    settings = [line.split(" = ") for line in done.stderr.splitlines() if " = " in line]
    policies = [value.strip("'") for name, value in settings if name.strip().endswith("OMP_WAIT_POLICY")]
    counts = [value.strip("'") for name, value in settings if name.strip().endswith("GOMP_SPINCOUNT")]
    assert len(policies) == len(counts) >= 1, done.stderr
    assert set(policies) == {"PASSIVE"}
    assert set(counts) == {"0"}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_are_started_inherit_how_to_wait(method):
    """Loader workers, processes of a distributed run and the drawing of pages are started by Python."""
    code = (
        "import multiprocessing, os, munseo\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context('{method}').Pool(1) as pool:\n"
        f"        print(pool.map(os.getenv, {[*WAITING]}))\n"
    )
    spinning = {**os.environ, "OMP_WAIT_POLICY": "ACTIVE"}
    done = subprocess.run([sys.executable, "-c", code], env=spinning, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([*WAITING.values()])
